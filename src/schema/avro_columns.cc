// Between SQL's columns and Avro's schemas. What Avro has no type for is written as text and marked with the property
// "headrace.type", so that our own schemas come back exactly and other readers see something they can use. The table is
// in docs/formats.md.

#include <set>

#include "base/error.h"
#include "boost/json.hpp"
#include "fmt/format.h"
#include "schema/avro_default.h"
#include "schema/avro_node.h"
#include "schema/json_text.h"

namespace headrace {
namespace {

std::string marked_string(std::string_view sql_type) {
  return fmt::format(R"({{"type":"string","headrace.type":"{}"}})", sql_type);
}

std::string type_text(const Type& type) {
  switch (type.kind) {
    case Kind::kBoolean: return R"("boolean")";
    case Kind::kSmallint: return R"({"type":"int","headrace.type":"smallint"})";
    case Kind::kInteger: return R"("int")";
    case Kind::kBigint: return R"("long")";
    case Kind::kReal: return R"("float")";
    case Kind::kDouble: return R"("double")";
    case Kind::kNumeric:
      if (type.precision == 0) return marked_string("numeric");
      return fmt::format(R"({{"type":"bytes","logicalType":"decimal","precision":{},"scale":{}}})", type.precision,
                         type.scale);
    case Kind::kText: return R"("string")";
    case Kind::kBytea: return R"("bytes")";
    case Kind::kUuid: return R"({"type":"string","logicalType":"uuid"})";
    case Kind::kDate: return R"({"type":"int","logicalType":"date"})";
    case Kind::kTimestamptz: return R"({"type":"long","logicalType":"timestamp-micros"})";
    case Kind::kInterval: return marked_string("interval");
    case Kind::kJsonb: return marked_string("jsonb");
    case Kind::kArray: return fmt::format(R"({{"type":"array","items":["null",{}]}})", type_text(Type{type.element}));
  }
  throw Error(Code::kInternal, "a column has no type");
}

// An Avro name for any name: what is not allowed becomes "_", and a number keeps names apart.
std::string avro_name(std::string_view name, std::set<std::string>& used) {
  std::string result;
  for (const char c : name.substr(0, kNameBytesMax)) {
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (digit && result.empty()) result += '_';
    result += letter || digit ? c : '_';
  }
  if (result.empty()) result = "_";
  if (result.size() > kNameBytesMax) result.resize(kNameBytesMax);
  const std::string stem = result.substr(0, kNameBytesMax - 8);
  for (int number = 2; !used.insert(result).second; ++number) result = fmt::format("{}_{}", stem, number);
  return result;
}

bool is_avro_name(std::string_view name) {
  std::set<std::string> none;
  return avro_name(name, none) == name;
}

// The type of a column for a value that is not a union. nullopt if there is none.
std::optional<Type> type_of(const AvroNode& node);

std::optional<Type> string_type(const AvroNode& node) {
  if (node.logical == AvroLogical::kUuid) return Type{Kind::kUuid};
  if (node.sql_type == "numeric") return Type{Kind::kNumeric};
  if (node.sql_type == "interval") return Type{Kind::kInterval};
  if (node.sql_type == "jsonb") return Type{Kind::kJsonb};
  return Type{Kind::kText};
}

std::optional<Type> bytes_type(const AvroNode& node) {
  if (node.logical == AvroLogical::kUuid) return Type{Kind::kUuid};
  if (node.logical == AvroLogical::kDuration) return Type{Kind::kInterval};
  if (node.logical != AvroLogical::kDecimal) return Type{Kind::kBytea};
  if (node.precision > Decimal::kDigitsMax) return std::nullopt;
  return Type{Kind::kNumeric, static_cast<uint8_t>(node.precision), static_cast<uint8_t>(node.scale)};
}

std::optional<Type> array_type(const AvroNode& node) {
  const auto optional = as_optional(*node.items);
  const std::optional<Type> element = type_of(optional ? *optional->value : *node.items);
  // The elements of numeric(p,s)[] keep their scale, but an array's type says only the kind.
  if (!element || element->kind == Kind::kArray) return std::nullopt;
  return Type{.kind = Kind::kArray, .element = element->kind};
}

std::optional<Type> type_of(const AvroNode& node) {
  switch (node.kind) {
    case AvroKind::kBoolean: return Type{Kind::kBoolean};
    case AvroKind::kInt:
      if (node.logical == AvroLogical::kDate) return Type{Kind::kDate};
      return Type{node.sql_type == "smallint" ? Kind::kSmallint : Kind::kInteger};
    case AvroKind::kLong:
      switch (node.logical) {
        case AvroLogical::kTimestampMillis:
        case AvroLogical::kTimestampMicros:
        case AvroLogical::kLocalTimestampMillis:
        case AvroLogical::kLocalTimestampMicros: return Type{Kind::kTimestamptz};
        default: return Type{Kind::kBigint};
      }
    case AvroKind::kFloat: return Type{Kind::kReal};
    case AvroKind::kDouble: return Type{Kind::kDouble};
    case AvroKind::kString: return string_type(node);
    case AvroKind::kBytes:
    case AvroKind::kFixed: return bytes_type(node);
    case AvroKind::kEnum: return Type{Kind::kText};
    case AvroKind::kArray: return array_type(node);
    case AvroKind::kUnion: return node.branches.size() == 1 ? type_of(*node.branches.front()) : std::optional<Type>();
    case AvroKind::kNull:
    case AvroKind::kRecord:
    case AvroKind::kMap: break;
  }
  return std::nullopt;
}

Column column_of(const AvroField& field) {
  const auto optional = as_optional(*field.type);
  const std::optional<Type> type = type_of(optional ? *optional->value : *field.type);
  if (!type) {
    const AvroNode& node = optional ? *optional->value : *field.type;
    throw Error(
        Code::kUnsupported,
        fmt::format("field \"{}\" is {} {}, for which there is no column type; make it a string that holds JSON, "
                    "or leave it out of the columns",
                    field.name, node.kind == AvroKind::kInt || node.kind == AvroKind::kEnum ? "an" : "a",
                    node.logical != AvroLogical::kNone ? name_of(node.logical) : name_of(node.kind)),
        Where{.column = field.name});
  }
  Column column{.name = field.column(), .type = *type, .nullable = optional.has_value()};
  if (field.default_json) column.default_json = column_default_json(field, column);
  return column;
}

}  // namespace

AvroSchemaPtr AvroSchema::from_columns(std::string_view name, const RowType& type) {
  std::set<std::string> used;
  std::string text = fmt::format(R"({{"type":"record","name":"{}","fields":[)", avro_name(name, used));
  used.clear();
  // Columns whose names Avro allows keep them, whatever the others become.
  for (const Column& column : type.columns) {
    if (is_avro_name(column.name)) used.insert(column.name);
  }
  for (size_t index = 0; index < type.columns.size(); ++index) {
    const Column& column = type.columns[index];
    const bool legal = is_avro_name(column.name);
    text += fmt::format(R"({}{{"name":"{}","type":)", index == 0 ? "" : ",",
                        legal ? column.name : avro_name(column.name, used));
    const bool has_default = !column.default_json.empty() && column.default_json != "null";
    // A union's default must be of its first branch.
    const char* form = !column.nullable ? "{}" : has_default ? R"([{},"null"])" : R"(["null",{}])";
    text += fmt::format(fmt::runtime(form), type_text(column.type));
    if (column.nullable || has_default) text += ",\"default\":" + avro_default_json(column);
    if (!legal) {
      text += ",\"headrace.name\":";
      append_json_string(text, column.name);
    }
    text += '}';
  }
  return parse(text + "]}");
}

RowType AvroSchema::to_columns() const {
  RowType result;
  if (root_->fields.size() > kColumnsMax) {
    throw Error(Code::kTooLarge,
                fmt::format("the schema has {} fields; the limit is {} columns", root_->fields.size(), kColumnsMax));
  }
  std::set<std::string_view> seen;
  for (const AvroField& field : root_->fields) {
    result.columns.push_back(column_of(field));
    if (!seen.insert(field.column()).second) {
      throw Error(Code::kInvalid, fmt::format("two fields have the column name \"{}\"", field.column()),
                  Where{.column = field.column()});
    }
  }
  return result;
}

}  // namespace headrace
