#include "schema/avro_default.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/bytes.h"
#include "fmt/format.h"
#include "schema/avro_encoding.h"
#include "schema/avro_program.h"
#include "schema/json_cursor.h"
#include "schema/json_form.h"
#include "schema/json_scan.h"
#include "schema/json_text.h"
#include "schema/text_form.h"

namespace headrace {
namespace {

// A default is finite text, but records fill in their fields' defaults, and those may contain records again.
constexpr int kDefaultValuesMax = 64 * 1024;
constexpr int kDefaultDepthMax = 64;

// Reads the JSON as text, because a number that has been a double once may not be the same one any more.
class DefaultEncoder {
 public:
  explicit DefaultEncoder(std::string& out) : out_(out), writer_(out) {}

  void encode(const AvroNode& node, std::string_view json, int depth) {
    if (depth > kDefaultDepthMax || ++values_ > kDefaultValuesMax) {
      throw Error(Code::kTooLarge, "it is nested too deeply or has too many values");
    }
    switch (node.kind) {
      case AvroKind::kNull: return require(json == "null", node);
      case AvroKind::kBoolean: require(json == "true" || json == "false", node); return writer_.byte(json == "true");
      case AvroKind::kInt: return writer_.varint(integer(node, json, INT32_MIN, INT32_MAX));
      case AvroKind::kLong: return writer_.varint(integer(node, json, INT64_MIN, INT64_MAX));
      case AvroKind::kFloat: return little_endian(std::bit_cast<uint32_t>(static_cast<float>(number(node, json))));
      case AvroKind::kDouble: return little_endian(std::bit_cast<uint64_t>(number(node, json)));
      case AvroKind::kBytes: return sized(code_points(node, json));
      case AvroKind::kFixed: {
        const std::string bytes = code_points(node, json);
        require(bytes.size() == node.size, node);
        return writer_.bytes(bytes);
      }
      case AvroKind::kString: return sized(text(node, json));
      case AvroKind::kEnum: return writer_.varint(symbol(node, json));
      case AvroKind::kRecord: return record(node, json, depth);
      case AvroKind::kArray: return array(node, json, depth);
      case AvroKind::kMap: return map(node, json, depth);
      case AvroKind::kUnion: return branch(node, json, depth);
    }
  }

 private:
  using Members = std::vector<std::pair<std::string, std::string_view>>;

  static void require(bool condition, const AvroNode& node) {
    if (condition) return;
    throw Error(Code::kInvalid, fmt::format("it is not a value of type {}", name_of(node.kind)));
  }

  static int64_t integer(const AvroNode& node, std::string_view json, int64_t least, int64_t greatest) {
    const std::optional<int64_t> value = parse_integer(json);
    require(value && *value >= least && *value <= greatest, node);
    return *value;
  }

  static double number(const AvroNode& node, std::string_view json) {
    // Avro's JSON has no form for infinities and NaN; implementations agree on strings.
    const std::string content = json.starts_with('"') ? text(node, json) : std::string(json);
    const auto value = node.kind == AvroKind::kFloat ? parse_real(content) : parse_double(content);
    require(value && (std::isfinite(*value) || json.starts_with('"')), node);
    return *value;
  }

  template <typename Bits>
  void little_endian(Bits bits) {
    writer_.big_endian(std::byteswap(bits));
  }

  void sized(std::string_view bytes) {
    writer_.varint(static_cast<int64_t>(bytes.size()));
    writer_.bytes(bytes);
  }

  static std::string text(const AvroNode& node, std::string_view json) {
    std::string result;
    JsonCursor cursor(json);
    require(json.starts_with('"') && cursor.string(result), node);
    return result;
  }

  // Unicode code points 0 to 255 are the bytes 0 to 255. U+0000 is one of them, which a text may not have.
  static std::string code_points(const AvroNode& node, std::string_view json) {
    require(json.starts_with('"'), node);
    std::string bytes;
    for (size_t at = 1; at + 1 < json.size(); ++at) {
      const auto first = static_cast<uint8_t>(json[at]);
      if (first == '\\' && json[at + 1] == 'u') {
        unsigned point = 0;
        std::from_chars(json.data() + at + 2, json.data() + at + 6, point, 16);
        require(point <= 0xff, node);
        bytes.push_back(static_cast<char>(point));
        at += 5;
      } else if (first == '\\') {
        const std::string escape = fmt::format("\"{}\"", json.substr(at, 2));
        JsonCursor(escape).string(bytes);
        ++at;
      } else if (first < 0x80) {
        bytes.push_back(static_cast<char>(first));
      } else {
        require(first == 0xc2 || first == 0xc3, node);
        bytes.push_back(static_cast<char>((first << 6) | (static_cast<uint8_t>(json[++at]) & 0x3f)));
      }
    }
    return bytes;
  }

  static int64_t symbol(const AvroNode& node, std::string_view json) {
    const std::string name = text(node, json);
    const auto found = std::ranges::find(node.symbols, name);
    if (found == node.symbols.end()) {
      throw Error(Code::kInvalid, fmt::format("{} is not a symbol of the enum", quoted(name)));
    }
    return found - node.symbols.begin();
  }

  static Members members(const AvroNode& node, std::string_view json) {
    Members result;
    require(json.starts_with('{'), node);
    for (size_t at = skip_json_space(json, 1); json[at] != '}'; at = behind_comma(json, at)) {
      auto& [name, value] = result.emplace_back();
      name = text(node, take(json, at));
      at = skip_json_space(json, skip_json_space(json, at) + 1);
      value = take(json, at);
    }
    return result;
  }

  // The document is known to be valid JSON, so every value ends and something follows it.
  static std::string_view take(std::string_view json, size_t& at) {
    const size_t start = std::exchange(at, skip_json_value(json, at));
    return json.substr(start, at - start);
  }
  static size_t behind_comma(std::string_view json, size_t at) {
    at = skip_json_space(json, at);
    return json[at] == ',' ? skip_json_space(json, at + 1) : at;
  }

  void record(const AvroNode& node, std::string_view json, int depth) {
    const Members given = members(node, json);
    for (const AvroField& field : node.fields) {
      const auto found = std::ranges::find(given, field.name, &Members::value_type::first);
      if (found != given.end()) {
        encode(*field.type, found->second, depth + 1);
      } else if (field.default_json) {
        encode(*field.type, *field.default_json, depth + 1);
      } else {
        throw Error(Code::kInvalid, fmt::format("it has no \"{}\"", field.name));
      }
    }
  }

  void array(const AvroNode& node, std::string_view json, int depth) {
    std::vector<std::string_view> items;
    require(json.starts_with('['), node);
    for (size_t at = skip_json_space(json, 1); json[at] != ']'; at = behind_comma(json, at)) {
      items.push_back(take(json, at));
    }
    if (!items.empty()) writer_.varint(static_cast<int64_t>(items.size()));
    for (const std::string_view item : items) encode(*node.items, item, depth + 1);
    writer_.varint(0);
  }

  void map(const AvroNode& node, std::string_view json, int depth) {
    const Members entries = members(node, json);
    if (!entries.empty()) writer_.varint(static_cast<int64_t>(entries.size()));
    for (const auto& [key, value] : entries) {
      sized(key);
      encode(*node.items, value, depth + 1);
    }
    writer_.varint(0);
  }

  void branch(const AvroNode& node, std::string_view json, int depth) {
    const size_t before = out_.size();
    for (size_t index = 0; index < node.branches.size(); ++index) {
      try {
        writer_.varint(static_cast<int64_t>(index));
        return encode(*node.branches[index], json, depth + 1);
      } catch (const Error& error) {
        if (error.code() == Code::kTooLarge) throw;
        out_.resize(before);
      }
    }
    throw Error(Code::kInvalid, "it is of none of the union's types");
  }

  std::string& out_;
  Writer writer_;
  int values_ = 0;
};

void append_code_points(std::string& out, std::string_view bytes) {
  out.push_back('"');
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out.push_back(c);
    } else {
      out += fmt::format("\\u{:04x}", byte);
    }
  }
  out.push_back('"');
}

std::string avro_json(const Value& value, const Type& type) {
  if (is_null(value)) return "null";
  std::string out;
  switch (type.kind) {
    case Kind::kBoolean: return std::get<int64_t>(value) != 0 ? "true" : "false";
    case Kind::kSmallint:
    case Kind::kInteger:
    case Kind::kBigint:
    case Kind::kDate:
    case Kind::kTimestamptz: return std::to_string(std::get<int64_t>(value));
    case Kind::kReal:
    case Kind::kDouble: append_json(out, value, type); return out;
    case Kind::kNumeric: {
      if (type.precision == 0) break;
      char bytes[kDecimalBytesMax];
      append_code_points(out, {bytes, put_decimal(bytes, std::get<Decimal>(value).with_scale(type.scale).coefficient)});
      return out;
    }
    case Kind::kBytea: append_code_points(out, std::get<std::string>(value)); return out;
    case Kind::kArray:
      for (const Value& element : array_elements(std::get<std::string>(value), type.element)) {
        out += out.empty() ? '[' : ',';
        out += avro_json(element, Type{type.element});
      }
      return out.empty() ? "[]" : out + ']';
    case Kind::kText:
    case Kind::kUuid:
    case Kind::kInterval:
    case Kind::kJsonb: break;
  }
  append_json_string(out, to_text(value, type));
  return out;
}

}  // namespace

void encode_default(const AvroNode& node, std::string_view json, std::string& out) {
  DefaultEncoder(out).encode(node, json, 1);
}

std::string avro_default_json(const Column& column) {
  if (column.default_json.empty()) return "null";
  try {
    return avro_json(parse_json(column.default_json, column.type), column.type);
  } catch (const Error& error) {
    throw Error(Code::kInvalid, fmt::format("the default of column \"{}\": {}", column.name, error.message()),
                Where{.column = column.name});
  }
}

std::string column_default_json(const AvroField& field, const Column& column) {
  std::string datum;
  encode_default(*field.type, *field.default_json, datum);
  const std::optional<AvroStep> step = resolve(*field.type, column.type);
  if (!step) throw Error(Code::kUnsupported, fmt::format("field \"{}\" has no column type", field.name));
  ColumnData cell(column.type);
  Arena arena;
  AvroCursor in(datum);
  run_step(*step, in, cell, arena);
  const Value value = cell.value_at(0);
  if (is_null(value)) return {};
  std::string out;
  append_json(out, value, column.type);
  return out;
}

}  // namespace headrace
