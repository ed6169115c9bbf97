// Parsing of .avsc text: Boost.JSON reads the document, this turns it into nodes and refuses what the specification
// (Avro 1.11, "Schema Declaration") does. An unknown or impossible logical type is ignored, as the specification says.

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "boost/json.hpp"
#include "fmt/format.h"
#include "schema/avro_default.h"
#include "schema/avro_node.h"
#include "schema/json_scan.h"
#include "schema/json_text.h"

namespace headrace {
namespace {

namespace json = boost::json;

// One level of schema is up to three of JSON: a record, its "fields", a field.
constexpr int kDocumentDepthMax = 4 * kSchemaDepthMax;

constexpr std::string_view kKindNames[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                           "string", "record",  "enum", "array", "map",   "union",  "fixed"};
constexpr std::string_view kLogicalNames[] = {"",
                                              "decimal",
                                              "uuid",
                                              "date",
                                              "time-millis",
                                              "time-micros",
                                              "timestamp-millis",
                                              "timestamp-micros",
                                              "local-timestamp-millis",
                                              "local-timestamp-micros",
                                              "duration"};

std::optional<AvroKind> primitive_named(std::string_view name) {
  for (size_t index = 0; index <= static_cast<size_t>(AvroKind::kString); ++index) {
    if (kKindNames[index] == name) return static_cast<AvroKind>(index);
  }
  return std::nullopt;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kNameBytesMax) return false;
  for (size_t index = 0; index < text.size(); ++index) {
    const char c = text[index];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && (index == 0 || c < '0' || c > '9')) return false;
  }
  return true;
}

// Names separated by dots.
bool is_full_name(std::string_view text) {
  while (true) {
    const size_t dot = text.find('.');
    if (!is_name(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

class SchemaParser {
 public:
  explicit SchemaParser(std::string_view text) : text_(text) {}

  std::unique_ptr<AvroNode> run(bool any_top, std::span<const std::string> references = {}) {
    const std::string_view text = text_;
    size_t bytes = text.size();
    for (const std::string& reference : references) {
      bytes += reference.size();
      if (bytes > kSchemaBytesMax) too_large(bytes);
      text_ = reference;
      parse(read_document(), "", 1);
    }
    text_ = text;
    const AvroNode* top = parse(read_document(), "", 1);
    if (top->kind != AvroKind::kRecord && !any_top) {
      fail(fmt::format("the top of the schema is {}, and Headrace takes records; wrap it into a record",
                       name_of(top->kind)));
    }
    // The top moves out of the list of all nodes to own it.
    const auto place = std::ranges::find(nodes_, top, &std::unique_ptr<AvroNode>::get);
    std::unique_ptr<AvroNode> root = std::move(*place);
    nodes_.erase(place);
    root->owned = std::move(nodes_);
    return root;
  }

 private:
  // A part of the document, for messages and positions, while it is being parsed.
  class Inside {
   public:
    Inside(SchemaParser& parser, JsonStep step) : parser_(parser) { parser_.path_.push_back(std::move(step)); }
    ~Inside() {
      // After an error the path stays, because fail() has used it and nobody reads it again.
      parser_.path_.pop_back();
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    SchemaParser& parser_;
  };

  [[noreturn]] void fail(const std::string& wrong, Code code = Code::kInvalid) const {
    std::string where;
    for (const JsonStep& step : path_) {
      if (const auto* index = std::get_if<size_t>(&step)) {
        where += fmt::format("[{}]", *index);
      } else {
        where += fmt::format("{}{}", where.empty() ? "" : ".", std::get<std::string>(step));
      }
    }
    const auto position = static_cast<int64_t>(locate_json(text_, path_));
    throw Error(code, fmt::format("Avro schema{}{}: {}", where.empty() ? "" : " at ", where, wrong),
                Where{.position = position});
  }

  [[noreturn]] static void too_large(size_t bytes) {
    throw Error(Code::kTooLarge, fmt::format("the Avro schema has {} bytes; the limit is {}", bytes, kSchemaBytesMax));
  }

  json::value read_document() const {
    if (text_.size() > kSchemaBytesMax) too_large(text_.size());
    json::parse_options options;
    options.max_depth = kDocumentDepthMax;
    json::error_code error;
    json::value document = json::parse(json::string_view(text_.data(), text_.size()), error, {}, options);
    if (!error) return document;
    std::string ignored;
    const auto fault = append_canonical_json(ignored, text_);
    const bool deep = error == json::error::too_deep;
    throw Error(
        deep ? Code::kTooLarge : Code::kInvalid,
        fmt::format("the Avro schema is not valid JSON: {}", fault ? std::string(fault->reason) : error.message()),
        Where{.position = fault ? static_cast<int64_t>(fault->position) : 0});
  }

  AvroNode* make(AvroKind kind) {
    nodes_.push_back(std::make_unique<AvroNode>());
    nodes_.back()->kind = kind;
    return nodes_.back().get();
  }

  const AvroNode* parse(const json::value& value, const std::string& space, int depth) {
    if (depth > kSchemaDepthMax) fail(fmt::format("nested deeper than {} types", kSchemaDepthMax), Code::kTooLarge);
    if (const json::string* name = value.if_string()) return reference(std::string_view(*name), space);
    if (const json::array* branches = value.if_array()) return parse_union(*branches, space, depth);
    const json::object* object = value.if_object();
    if (object == nullptr) fail("a type is a name, an object or an array of types");
    const json::value* type = object->if_contains("type");
    if (type == nullptr) fail("the object has no \"type\"");
    const json::string* word = type->if_string();
    if (word == nullptr) {
      // {"type": {"type": "int", ...}}: seen in the wild, and harmless.
      Inside inside(*this, "type");
      return parse(*type, space, depth + 1);
    }
    const std::string_view kind(*word);
    if (kind == "record" || kind == "error") return parse_record(*object, space, depth);
    if (kind == "enum") return parse_enum(*object, space);
    if (kind == "fixed") return parse_fixed(*object, space);
    if (kind == "array") return parse_items(AvroKind::kArray, *object, "items", space, depth);
    if (kind == "map") return parse_items(AvroKind::kMap, *object, "values", space, depth);
    if (const auto primitive = primitive_named(kind)) {
      AvroNode* node = make(*primitive);
      annotate(*node, *object);
      return node;
    }
    Inside inside(*this, "type");
    return reference(kind, space);
  }

  const AvroNode* reference(std::string_view name, const std::string& space) {
    if (const auto primitive = primitive_named(name)) return make(*primitive);
    const bool full = name.find('.') != std::string_view::npos;
    const auto found = names_.find(full || space.empty() ? std::string(name) : space + "." + std::string(name));
    if (found == names_.end()) {
      fail(fmt::format("there is no type \"{}\"; a named type must be defined before it is used", name));
    }
    return found->second;
  }

  const AvroNode* parse_union(const json::array& branches, const std::string& space, int depth) {
    if (branches.empty()) fail("a union needs at least one branch");
    AvroNode* node = make(AvroKind::kUnion);
    std::set<std::string> seen;
    for (size_t index = 0; index < branches.size(); ++index) {
      Inside inside(*this, index);
      const AvroNode* branch = parse(branches[index], space, depth + 1);
      if (branch->kind == AvroKind::kUnion) fail("a union may not directly contain a union");
      if (!seen.insert(branch->named() ? branch->name : std::string(name_of(branch->kind))).second) {
        fail(fmt::format("the union has {} twice", branch->named() ? branch->name : name_of(branch->kind)));
      }
      node->branches.push_back(branch);
    }
    return node;
  }

  const AvroNode* parse_items(AvroKind kind, const json::object& object, const char* member, const std::string& space,
                              int depth) {
    AvroNode* node = make(kind);
    const json::value* items = object.if_contains(member);
    if (items == nullptr) fail(fmt::format("the {} has no \"{}\"", name_of(kind), member));
    Inside inside(*this, std::string(member));
    node->items = parse(*items, space, depth + 1);
    return node;
  }

  std::string text_member(const json::object& object, const char* member) {
    const json::value* value = object.if_contains(member);
    if (value == nullptr) return {};
    const json::string* text = value->if_string();
    if (text == nullptr) {
      Inside inside(*this, std::string(member));
      fail(fmt::format("\"{}\" must be a string", member));
    }
    return std::string(std::string_view(*text));
  }

  // Sets the full name and the aliases of a named type, makes it known, and returns its namespace.
  std::string define(AvroNode& node, const json::object& object, const std::string& enclosing) {
    const std::string name = text_member(object, "name");
    std::string space = object.contains("namespace") ? text_member(object, "namespace") : enclosing;
    if (!space.empty() && !is_full_name(space)) fail(fmt::format("\"{}\" is not a valid namespace", space));
    if (!is_full_name(name)) {
      fail(fmt::format("\"{}\" is not a valid name; use letters, digits and _, not starting with a digit", name));
    }
    if (const size_t dot = name.rfind('.'); dot != std::string::npos) {
      node.name = name;
      space = name.substr(0, dot);
    } else {
      node.name = space.empty() ? name : space + "." + name;
    }
    if (primitive_named(node.name)) fail(fmt::format("\"{}\" is the name of a primitive type", node.name));
    if (!names_.emplace(node.name, &node).second) fail(fmt::format("\"{}\" is defined twice", node.name));
    for (const std::string& alias : aliases(object)) {
      const bool full = alias.find('.') != std::string::npos || space.empty();
      node.aliases.push_back(full ? alias : space + "." + alias);
    }
    return space;
  }

  std::vector<std::string> aliases(const json::object& object) {
    std::vector<std::string> result;
    const json::value* value = object.if_contains("aliases");
    if (value == nullptr) return result;
    Inside inside(*this, "aliases");
    const json::array* list = value->if_array();
    if (list == nullptr) fail("\"aliases\" must be an array of names");
    for (const json::value& alias : *list) {
      const json::string* text = alias.if_string();
      if (text == nullptr || !is_full_name(std::string_view(*text))) fail("an alias is not a valid name");
      result.emplace_back(std::string_view(*text));
    }
    return result;
  }

  const AvroNode* parse_record(const json::object& object, const std::string& enclosing, int depth) {
    AvroNode* node = make(AvroKind::kRecord);
    const std::string space = define(*node, object, enclosing);
    const json::value* fields = object.if_contains("fields");
    if (fields == nullptr || !fields->is_array()) fail("the record has no array \"fields\"");
    Inside inside_fields(*this, "fields");
    std::set<std::string> seen;
    size_t index = 0;
    for (const json::value& value : fields->get_array()) {
      Inside inside(*this, index++);
      const json::object* member = value.if_object();
      if (member == nullptr) fail("a field must be an object");
      node->fields.push_back(parse_field(*member, space, depth));
      if (!seen.insert(node->fields.back().name).second) {
        fail(fmt::format("the record has two fields \"{}\"", node->fields.back().name));
      }
    }
    return node;
  }

  AvroField parse_field(const json::object& object, const std::string& space, int depth) {
    AvroField field;
    field.name = text_member(object, "name");
    if (!is_name(field.name)) {
      fail(fmt::format("\"{}\" is not a valid field name; use letters, digits and _, not starting with a digit",
                       field.name));
    }
    field.column_name = text_member(object, "headrace.name");
    field.aliases = aliases(object);
    const json::value* type = object.if_contains("type");
    if (type == nullptr) fail(fmt::format("field \"{}\" has no \"type\"", field.name));
    {
      Inside inside(*this, "type");
      field.type = parse(*type, space, depth + 1);
    }
    if (object.contains("default")) {
      Inside inside(*this, "default");
      // As it was written: Boost.JSON's double may not be the number that stands there.
      const size_t start = locate_json(text_, path_);
      std::string_view text = text_.substr(start, skip_json_value(text_, start) - start);
      try {
        std::string ignored;
        encode_default(*field.type, text, ignored);
      } catch (const Error& error) {
        fail(fmt::format("the default of field \"{}\": {}", field.name, error.message()));
      }
      field.default_json = text;
    }
    return field;
  }

  const AvroNode* parse_enum(const json::object& object, const std::string& enclosing) {
    AvroNode* node = make(AvroKind::kEnum);
    define(*node, object, enclosing);
    const json::value* symbols = object.if_contains("symbols");
    if (symbols == nullptr || !symbols->is_array()) fail("the enum has no array \"symbols\"");
    std::set<std::string> seen;
    for (const json::value& value : symbols->get_array()) {
      Inside inside(*this, "symbols");
      const json::string* symbol = value.if_string();
      if (symbol == nullptr || !is_name(std::string_view(*symbol))) fail("a symbol is not a valid name");
      node->symbols.emplace_back(std::string_view(*symbol));
      if (!seen.insert(node->symbols.back()).second) {
        fail(fmt::format("the enum has the symbol \"{}\" twice", node->symbols.back()));
      }
    }
    node->default_symbol = text_member(object, "default");
    if (!node->default_symbol.empty() && !seen.contains(node->default_symbol)) {
      fail(fmt::format("the enum's default \"{}\" is not one of its symbols", node->default_symbol));
    }
    return node;
  }

  const AvroNode* parse_fixed(const json::object& object, const std::string& enclosing) {
    AvroNode* node = make(AvroKind::kFixed);
    define(*node, object, enclosing);
    const json::value* size = object.if_contains("size");
    if (size == nullptr || !size->is_int64() || size->get_int64() < 0 || size->get_int64() > INT32_MAX) {
      fail("the fixed has no valid \"size\"");
    }
    node->size = static_cast<size_t>(size->get_int64());
    annotate(*node, object);
    return node;
  }

  // The logical type and Headrace's own property.
  void annotate(AvroNode& node, const json::object& object) {
    if (const json::value* own = object.if_contains("headrace.type"); own != nullptr && own->is_string()) {
      node.sql_type = std::string_view(own->get_string());
    }
    const json::value* value = object.if_contains("logicalType");
    if (value == nullptr || !value->is_string()) return;
    const std::string_view name(value->get_string());
    for (size_t index = 1; index < std::size(kLogicalNames); ++index) {
      if (kLogicalNames[index] != name) continue;
      const auto logical = static_cast<AvroLogical>(index);
      if (fits(node, logical, object)) node.logical = logical;
    }
  }

  static bool fits(AvroNode& node, AvroLogical logical, const json::object& object) {
    switch (logical) {
      case AvroLogical::kNone: return false;
      case AvroLogical::kDecimal: {
        const json::value* precision = object.if_contains("precision");
        const json::value* scale = object.if_contains("scale");
        if (precision == nullptr || !precision->is_int64()) return false;
        if (scale != nullptr && !scale->is_int64()) return false;
        const int64_t digits = precision->get_int64();
        const int64_t after_point = scale == nullptr ? 0 : scale->get_int64();
        if (digits < 1 || digits > 1000 || after_point < 0 || after_point > digits) return false;
        node.precision = static_cast<int>(digits);
        node.scale = static_cast<int>(after_point);
        return node.kind == AvroKind::kBytes || node.kind == AvroKind::kFixed;
      }
      case AvroLogical::kUuid:
        return node.kind == AvroKind::kString || (node.kind == AvroKind::kFixed && node.size == 16);
      case AvroLogical::kDate:
      case AvroLogical::kTimeMillis: return node.kind == AvroKind::kInt;
      case AvroLogical::kTimeMicros:
      case AvroLogical::kTimestampMillis:
      case AvroLogical::kTimestampMicros:
      case AvroLogical::kLocalTimestampMillis:
      case AvroLogical::kLocalTimestampMicros: return node.kind == AvroKind::kLong;
      case AvroLogical::kDuration: return node.kind == AvroKind::kFixed && node.size == 12;
    }
    return false;
  }

  std::string_view text_;
  std::vector<JsonStep> path_;
  std::vector<std::unique_ptr<AvroNode>> nodes_;
  std::map<std::string, const AvroNode*, std::less<>> names_;
};

}  // namespace

std::string_view name_of(AvroKind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}
std::string_view name_of(AvroLogical logical) {
  return kLogicalNames[static_cast<size_t>(logical)];
}

std::optional<AvroOptional> as_optional(const AvroNode& node) {
  if (node.kind != AvroKind::kUnion || node.branches.size() != 2) return std::nullopt;
  for (int branch : {0, 1}) {
    if (node.branches[static_cast<size_t>(branch)]->kind == AvroKind::kNull) {
      return AvroOptional{node.branches[static_cast<size_t>(1 - branch)], branch};
    }
  }
  return std::nullopt;
}

AvroSchema::AvroSchema(std::unique_ptr<Node> root, std::string json) : root_(std::move(root)), json_(std::move(json)) {}
AvroSchema::~AvroSchema() = default;
const std::string& AvroSchema::json() const {
  return json_;
}
const AvroSchema::Node& AvroSchema::root() const {
  return *root_;
}

AvroSchemaPtr AvroSchema::parse(std::string_view json) {
  std::unique_ptr<AvroNode> root = SchemaParser(json).run(false);
  std::string text = schema_text(*root);
  return AvroSchemaPtr(new AvroSchema(std::move(root), std::move(text)));
}

AvroSchemaPtr AvroSchema::parse_any(std::string_view json, std::span<const std::string> references) {
  std::unique_ptr<AvroNode> root = SchemaParser(json).run(true, references);
  std::string text = schema_text(*root);
  return AvroSchemaPtr(new AvroSchema(std::move(root), std::move(text)));
}

}  // namespace headrace
