// A schema as JSON: Avro's Parsing Canonical Form (names in full, members in a fixed order, no blanks) plus what
// resolution needs and that form drops: aliases, defaults, logical types and Headrace's own two properties.

#include <set>

#include "fmt/format.h"
#include "schema/avro_node.h"
#include "schema/json_text.h"

namespace headrace {
namespace {

class SchemaPrinter {
 public:
  std::string run(const AvroNode& root) {
    print(root);
    return std::move(out_);
  }

 private:
  void member(std::string_view name, std::string_view text) {
    out_ += fmt::format(",\"{}\":", name);
    append_json_string(out_, text);
  }

  void list(std::string_view name, const std::vector<std::string>& texts) {
    out_ += fmt::format(",\"{}\":[", name);
    for (size_t index = 0; index < texts.size(); ++index) {
      if (index != 0) out_ += ',';
      append_json_string(out_, texts[index]);
    }
    out_ += ']';
  }

  void annotations(const AvroNode& node) {
    if (node.logical != AvroLogical::kNone) member("logicalType", name_of(node.logical));
    if (node.logical == AvroLogical::kDecimal) {
      out_ += fmt::format(",\"precision\":{},\"scale\":{}", node.precision, node.scale);
    }
    if (!node.sql_type.empty()) member("headrace.type", node.sql_type);
  }

  void print(const AvroNode& node) {
    if (node.named()) return named(node);
    if (node.kind == AvroKind::kUnion) {
      out_ += '[';
      for (size_t index = 0; index < node.branches.size(); ++index) {
        if (index != 0) out_ += ',';
        print(*node.branches[index]);
      }
      out_ += ']';
      return;
    }
    const bool bare = node.items == nullptr && node.logical == AvroLogical::kNone && node.sql_type.empty();
    if (bare) return append_json_string(out_, name_of(node.kind));
    out_ += fmt::format("{{\"type\":\"{}\"", name_of(node.kind));
    if (node.items != nullptr) {
      out_ += node.kind == AvroKind::kMap ? ",\"values\":" : ",\"items\":";
      print(*node.items);
    }
    annotations(node);
    out_ += '}';
  }

  void named(const AvroNode& node) {
    // The second time, the name stands for the type; this also ends the recursion of a record in itself.
    if (!printed_.insert(&node).second) return append_json_string(out_, node.name);
    out_ += "{\"name\":";
    append_json_string(out_, node.name);
    out_ += fmt::format(",\"type\":\"{}\"", name_of(node.kind));
    if (!node.aliases.empty()) list("aliases", node.aliases);
    if (node.kind == AvroKind::kRecord) {
      out_ += ",\"fields\":[";
      for (size_t index = 0; index < node.fields.size(); ++index) {
        if (index != 0) out_ += ',';
        field(node.fields[index]);
      }
      out_ += ']';
    } else if (node.kind == AvroKind::kEnum) {
      list("symbols", node.symbols);
      if (!node.default_symbol.empty()) member("default", node.default_symbol);
    } else {
      out_ += fmt::format(",\"size\":{}", node.size);
      annotations(node);
    }
    out_ += '}';
  }

  void field(const AvroField& field) {
    out_ += fmt::format("{{\"name\":\"{}\",\"type\":", field.name);
    print(*field.type);
    if (!field.aliases.empty()) list("aliases", field.aliases);
    if (field.default_json) out_ += ",\"default\":" + *field.default_json;
    if (!field.column_name.empty()) member("headrace.name", field.column_name);
    out_ += '}';
  }

  std::string out_;
  std::set<const AvroNode*> printed_;
};

}  // namespace

std::string schema_text(const AvroNode& root) {
  return SchemaPrinter().run(root);
}

}  // namespace headrace
