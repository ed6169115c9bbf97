#include "schema/cell.h"

#include <algorithm>

#include "base/error.h"
#include "fmt/format.h"
#include "schema/interval.h"
#include "schema/json_form.h"
#include "schema/json_text.h"
#include "schema/plain_text.h"
#include "schema/text_form.h"
#include "schema/timestamp.h"

namespace headrace {
namespace {

template <typename T>
bool push(ColumnData& column, std::vector<T>& values, const T& value) {
  values.push_back(value);
  if (!column.nulls.empty()) column.nulls.push_back(0);
  return true;
}

template <typename T>
bool push(ColumnData& column, std::vector<T>& values, const std::optional<T>& value) {
  return value && push(column, values, *value);
}

// Up to 18 digits and a sign need no check for overflow; the rest is left to parse_integer.
std::optional<int64_t> to_integer(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  const bool negative = at != end && *at == '-';
  at += negative ? 1 : 0;
  const auto digits = end - at;
  if (digits == 0 || digits > 18) return parse_integer(text);
  int64_t value = 0;
  for (; at != end; ++at) {
    const auto digit = static_cast<uint8_t>(*at - '0');
    if (digit > 9) return parse_integer(text);
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

bool append_integer_cell(std::string_view text, ColumnData& column) {
  const std::optional<int64_t> value = to_integer(text);
  return value && in_range(*value, column.type.kind) && push(column, column.ints, *value);
}

bool append_numeric(std::string_view text, ColumnData& column) {
  const std::optional<Decimal> value = Decimal::parse(text);
  if (!value) return false;
  return push(column, column.decimals, fit_decimal(*value, column.type));
}

bool append_bytes(std::string_view bytes, ColumnData& column, Arena& arena) {
  return push(column, column.bytes, arena.add(bytes));
}

bool append_array_cell(std::string_view text, ColumnData& column, Arena& arena) {
  if (text.starts_with('[')) return append_json_document(text, column, arena);
  try {
    const std::vector<Value> elements = parse_array_text(text, column.type.element);
    return append_bytes(array_json(elements, column.type.element), column, arena);
  } catch (const Error&) {
    return false;
  }
}

bool append_bytea(std::string_view text, CellForm form, ColumnData& column, Arena& arena) {
  std::string bytes;
  // Base64 has no backslash. PostgreSQL also reads bytes as they are, but then every base64 would be some.
  const bool hexadecimal = form == CellForm::kCsv && text.starts_with("\\x");
  const bool valid = hexadecimal ? append_from_bytea_text(bytes, text) : append_from_base64(bytes, text);
  return valid && append_bytes(bytes, column, arena);
}

bool append_exactly(std::string_view text, CellForm form, ColumnData& column, Arena& arena) {
  switch (column.type.kind) {
    case Kind::kBoolean: {
      // JSON has booleans of its own; a string is none.
      if (form == CellForm::kJsonString) return false;
      const std::optional<bool> value = parse_boolean(text);
      return value && push(column, column.ints, int64_t{*value});
    }
    case Kind::kSmallint:
    case Kind::kInteger:
    case Kind::kBigint: return append_integer_cell(text, column);
    case Kind::kReal: return push(column, column.floats, parse_real(text));
    case Kind::kDouble: return push(column, column.floats, parse_double(text));
    case Kind::kNumeric: return append_numeric(text, column);
    case Kind::kText: return is_text(text) && append_bytes(text, column, arena);
    case Kind::kBytea: return append_bytea(text, form, column, arena);
    case Kind::kUuid: {
      const auto uuid = parse_uuid(text);
      return uuid && append_bytes({uuid->data(), uuid->size()}, column, arena);
    }
    case Kind::kDate: return push(column, column.ints, parse_date(text));
    case Kind::kTimestamptz: return push(column, column.ints, parse_timestamptz(text));
    case Kind::kInterval: return push(column, column.intervals, parse_interval(text));
    case Kind::kJsonb: return append_json_document(text, column, arena);
    case Kind::kArray: return form == CellForm::kCsv && append_array_cell(text, column, arena);
  }
  return false;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view advice(std::string_view text, const Type& type) {
  switch (type.kind) {
    case Kind::kBoolean: return "; use true or false";
    case Kind::kSmallint:
    case Kind::kInteger:
    case Kind::kBigint:
      if (text.find('.') != std::string_view::npos) return "; use a whole number";
      break;
    case Kind::kReal:
    case Kind::kDouble:
    case Kind::kNumeric:
      if (text.find(',') != std::string_view::npos) return "; use a point";
      break;
    case Kind::kText:
      return text.find('\0') != std::string_view::npos ? "; a text has no zero bytes" : "; use UTF-8 text";
    case Kind::kDate: return "; use the form 2001-01-31";
    case Kind::kTimestamptz: return "; use the form 2001-01-31T00:01:00Z";
    case Kind::kInterval: return "; use a form like '5 minutes' or PT5M";
    case Kind::kBytea: return "; use base64";
    case Kind::kUuid: return "; use 32 hexadecimal digits with hyphens";
    default: break;
  }
  return "";
}

// Whether the text is a number, only too large for the type.
bool is_out_of_range(std::string_view text, const Type& type) {
  if (type.is_integer()) {
    const std::string_view digits = text.substr(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
    return !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  }
  return type.kind == Kind::kNumeric && Decimal::parse(text).has_value();
}

}  // namespace

bool append_cell(std::string_view text, CellForm form, ColumnData& column, Arena& arena) {
  if (append_exactly(text, form, column, arena)) [[likely]]
    return true;
  // PostgreSQL passes over blanks around values that are not text.
  if (column.type.kind == Kind::kText || form == CellForm::kJsonString) return false;
  const std::string_view inner = trimmed(text);
  return inner.size() != text.size() && append_exactly(inner, form, column, arena);
}

bool append_json_number(std::string_view token, ColumnData& column, Arena& arena) {
  switch (column.type.kind) {
    case Kind::kSmallint:
    case Kind::kInteger:
    case Kind::kBigint: {
      if (append_integer_cell(token, column)) return true;
      // 5.0 and 1e3 are whole numbers too, and some languages write them so.
      const std::optional<Decimal> value = Decimal::parse(token);
      const std::optional<int64_t> whole = value ? value->to_int64() : std::nullopt;
      if (!whole || Decimal::from_int(*whole) != *value || !in_range(*whole, column.type.kind)) return false;
      return push(column, column.ints, *whole);
    }
    case Kind::kReal: return push(column, column.floats, parse_real(token));
    case Kind::kDouble: return push(column, column.floats, parse_double(token));
    case Kind::kNumeric: return append_numeric(token, column);
    case Kind::kJsonb: return append_json_document(token, column, arena);
    default: return false;
  }
}

bool append_json_document(std::string_view json, ColumnData& column, Arena& arena) {
  if (column.type.kind == Kind::kJsonb) {
    std::string canonical;
    return !append_canonical_json(canonical, json) && append_bytes(canonical, column, arena);
  }
  if (column.type.kind != Kind::kArray) return false;
  try {
    const Value value = parse_json(json, column.type);
    const auto* text = std::get_if<std::string>(&value);
    return text != nullptr && append_bytes(*text, column, arena);
  } catch (const Error&) {
    return false;
  }
}

std::string cell_fault(std::string_view text, std::string_view shown, const Type& type) {
  if (is_out_of_range(text, type)) return fmt::format("{} is out of the range of {}", shown, type.name());
  return fmt::format("{} is not {}{}", shown, type.name(), advice(text, type));
}

}  // namespace headrace
