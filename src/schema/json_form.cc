#include "schema/json_form.h"

#include <cmath>

#include "base/error.h"
#include "fmt/format.h"
#include "schema/columns.h"
#include "schema/interval.h"
#include "schema/json_cursor.h"
#include "schema/json_text.h"
#include "schema/text_form.h"
#include "schema/timestamp.h"

namespace headrace {
namespace {

void append_int(std::string& out, int64_t value, const Type& type) {
  char buffer[kTimestampBytesMax + 2];
  switch (type.kind) {
    case Kind::kBoolean: out.append(value != 0 ? "true" : "false"); return;
    case Kind::kDate:
    case Kind::kTimestamptz: {
      buffer[0] = '"';
      char* end = type.kind == Kind::kDate ? format_date(buffer + 1, value) : format_timestamptz(buffer + 1, value);
      *end++ = '"';
      out.append(buffer, end);
      return;
    }
    default: append_integer(out, value); return;
  }
}

void append_float(std::string& out, double value, const Type& type) {
  char buffer[kDoubleBytesMax];
  char* end = type.kind == Kind::kReal ? format_real(buffer, value) : format_double(buffer, value);
  const bool finite = std::isfinite(value);
  if (!finite) out.push_back('"');
  out.append(buffer, end);
  if (!finite) out.push_back('"');
}

void append_decimal(std::string& out, const Decimal& value) {
  char buffer[Decimal::kTextBytesMax];
  out.append(buffer, value.format(buffer));
}

void append_bytes(std::string& out, std::string_view bytes, const Type& type) {
  switch (type.kind) {
    case Kind::kText: append_json_string(out, bytes); return;
    case Kind::kUuid: {
      char buffer[kUuidTextBytes];
      out.push_back('"');
      out.append(buffer, format_uuid(buffer, bytes));
      out.push_back('"');
      return;
    }
    case Kind::kBytea:
      out.push_back('"');
      append_base64(out, bytes);
      out.push_back('"');
      return;
    default: out.append(bytes); return;  // jsonb and arrays are JSON
  }
}

void append_interval_string(std::string& out, const Interval& interval) {
  out.push_back('"');
  append_interval(out, interval);
  out.push_back('"');
}

[[noreturn]] void refuse(std::string_view json, const Type& type) {
  throw Error(Code::kInvalid, fmt::format("{} is not {}", quoted(json), type.name()));
}

[[noreturn]] void refuse(std::string_view json, const JsonFault& fault) {
  throw Error(Code::kInvalid, fmt::format("{} is not JSON: at byte {}, {}", quoted(json), fault.position, fault.reason),
              Where{.position = static_cast<int64_t>(fault.position)});
}

Value from_number(std::string_view token, const Type& type) {
  if (!type.is_number()) refuse(token, type);
  if (type.is_integer() && token.find_first_of(".eE") != std::string_view::npos) {
    // 5.0 and 1e3 are integers to most JSON writers; 5.5 is not.
    const auto value = Decimal::parse(token);
    const Decimal whole = value ? canonical(*value) : Decimal{1, 1};
    if (whole.scale != 0) refuse(token, type);
    return parse_text(whole.to_string(), type);
  }
  return parse_text(token, type);
}

Value read_value(JsonCursor& cursor, std::string_view json, const Type& type) {
  const char first = cursor.peek();
  std::string_view token;
  if (first == '"' && type.kind != Kind::kJsonb) {
    std::string text;
    if (!cursor.string(text)) refuse(json, cursor.fault());
    return parse_json_string(text, type);
  }
  const int depth = type.kind == Kind::kArray ? -1 : 0;  // an array's own brackets are no level of a jsonb value
  if (!cursor.value(token, depth)) refuse(json, cursor.fault());
  if (token == "null") return {};
  if (type.kind == Kind::kJsonb) return parse_text(token, type);
  if (token == "true" || token == "false") {
    if (type.kind != Kind::kBoolean) refuse(token, type);
    return static_cast<int64_t>(token == "true");
  }
  if (first == '[' && type.kind == Kind::kArray) return array_json(array_elements(token, type.element), type.element);
  if (first == '[' || first == '{') refuse(token, type);
  return from_number(token, type);
}

// An element of an array has no precision of its own.
Type element_type(Kind element) {
  return Type{.kind = element};
}

}  // namespace

void append_json(std::string& out, const Value& value, const Type& type) {
  if (is_null(value)) {
    out.append("null");
    return;
  }
  switch (type.form()) {
    case Form::kInt: return append_int(out, std::get<int64_t>(value), type);
    case Form::kFloat: return append_float(out, std::get<double>(value), type);
    case Form::kDecimal: return append_decimal(out, std::get<Decimal>(value));
    case Form::kBytes: return append_bytes(out, std::get<std::string>(value), type);
    case Form::kInterval: return append_interval_string(out, std::get<Interval>(value));
  }
}

void append_json(std::string& out, const ColumnData& column, size_t row) {
  if (column.null_at(row)) {
    out.append("null");
    return;
  }
  switch (column.type.form()) {
    case Form::kInt: return append_int(out, column.ints[row], column.type);
    case Form::kFloat: return append_float(out, column.floats[row], column.type);
    case Form::kDecimal: return append_decimal(out, column.decimals[row]);
    case Form::kBytes: return append_bytes(out, column.bytes[row], column.type);
    case Form::kInterval: return append_interval_string(out, column.intervals[row]);
  }
}

Value parse_json(std::string_view json, const Type& type) {
  JsonCursor cursor(json);
  Value value = read_value(cursor, json, type);
  if (!cursor.at_end()) {
    cursor.fail("something follows the end of the value");
    refuse(json, cursor.fault());
  }
  return value;
}

Value parse_json_string(std::string_view content, const Type& type) {
  if (type.kind != Kind::kBytea) return parse_text(content, type);
  std::string bytes;
  if (!append_from_base64(bytes, content)) {
    throw Error(Code::kInvalid, fmt::format("{} is not base64, as bytea is written", quoted(content)));
  }
  return bytes;
}

std::vector<Value> array_elements(std::string_view json, Kind element) {
  JsonCursor cursor(json);
  std::vector<Value> elements;
  const Type type = element_type(element);
  if (!cursor.take('[')) refuse(json, Type{.kind = Kind::kArray, .element = element});
  if (!cursor.take(']')) {
    do {
      elements.push_back(read_value(cursor, json, type));
    } while (cursor.take(','));
    if (!cursor.take(']')) {
      cursor.fail("\",\" or \"]\" was expected");
      refuse(json, cursor.fault());
    }
  }
  if (!cursor.at_end()) {
    cursor.fail("something follows the end of the array");
    refuse(json, cursor.fault());
  }
  return elements;
}

std::string array_json(std::span<const Value> elements, Kind element) {
  const Type type = element_type(element);
  std::string result = "[";
  for (const Value& value : elements) {
    if (result.size() > 1) result.push_back(',');
    append_json(result, value, type);
  }
  result.push_back(']');
  return result;
}

}  // namespace headrace
