#include "schema/value.h"

#include <cmath>

#include "base/error.h"
#include "fmt/format.h"
#include "schema/interval.h"
#include "schema/json_form.h"
#include "schema/json_text.h"
#include "schema/key.h"
#include "schema/text_form.h"
#include "schema/timestamp.h"
#include "schema/utf8.h"

namespace headrace {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

[[noreturn]] void refuse(std::string_view text, const Type& type) {
  throw Error(Code::kInvalid, fmt::format("{} is not {}", quoted(text), type.name()));
}

[[noreturn]] void out_of_range(std::string_view text, const Type& type) {
  throw Error(Code::kInvalid, fmt::format("{} is out of range for {}", quoted(text), type.name()));
}

template <typename Parsed>
Value or_refuse(Parsed parsed, std::string_view text, const Type& type) {
  if (!parsed) refuse(text, type);
  return *parsed;
}

Value parse_integer_of(std::string_view text, const Type& type) {
  const auto value = parse_integer(text);
  if (!value) {
    const bool digits =
        text.find_first_not_of("0123456789", text.starts_with('-') || text.starts_with('+')) == std::string_view::npos;
    if (digits && text.size() > 1) out_of_range(text, type);
    refuse(text, type);
  }
  if (!in_range(*value, type.kind)) out_of_range(text, type);
  return *value;
}

Value parse_numeric(std::string_view text, const Type& type) {
  const auto value = Decimal::parse(text);
  if (!value) refuse(text, type);
  const auto fitted = fit_decimal(*value, type);
  if (!fitted) {
    throw Error(Code::kInvalid, fmt::format("{} is too large for {}: it may have {} digits before the point",
                                            quoted(text), type.name(), type.precision - type.scale));
  }
  return *fitted;
}

Value parse_bytes(std::string_view text, const Type& type) {
  std::string bytes;
  if (type.kind == Kind::kText) {
    if (!valid_text(text)) {
      throw Error(Code::kInvalid, fmt::format("{} is not text: it must be UTF-8 without U+0000", quoted(text)));
    }
    return std::string(text);
  }
  if (type.kind == Kind::kUuid) {
    const auto uuid = parse_uuid(trimmed(text));
    if (!uuid) refuse(text, type);
    return std::string(uuid->data(), uuid->size());
  }
  if (type.kind == Kind::kBytea) {
    if (!append_from_bytea_text(bytes, text)) refuse(text, type);
    return bytes;
  }
  if (type.kind == Kind::kJsonb) {
    if (const auto fault = append_canonical_json(bytes, text)) {
      throw Error(Code::kInvalid,
                  fmt::format("{} is not jsonb: at byte {}, {}", quoted(text), fault->position, fault->reason));
    }
    return bytes;
  }
  const std::string_view array = trimmed(text);
  if (array.starts_with('[')) return parse_json(array, type);
  return array_json(parse_array_text(array, type.element), type.element);
}

int order_of(double left, double right) {
  const bool left_nan = std::isnan(left);
  const bool right_nan = std::isnan(right);
  if (left_nan || right_nan) return static_cast<int>(left_nan) - static_cast<int>(right_nan);
  return (left > right) - (left < right);
}

// jsonb and arrays are ordered by what they mean, which their key encoding says (key.h).
int order_of_documents(const std::string& left, const std::string& right, const Type& type) {
  if (left == right) return 0;
  std::string left_key;
  std::string right_key;
  append_key(left_key, left, type);
  append_key(right_key, right, type);
  return left_key.compare(right_key);
}

}  // namespace

std::string to_text(const Value& value, const Type& type) {
  if (is_null(value)) return {};
  char buffer[kTimestampBytesMax];
  const auto text = [&buffer](char* end) { return std::string(buffer, end); };
  switch (type.kind) {
    case Kind::kBoolean: return std::get<int64_t>(value) != 0 ? "t" : "f";
    case Kind::kSmallint:
    case Kind::kInteger:
    case Kind::kBigint: return std::to_string(std::get<int64_t>(value));
    case Kind::kReal: return text(format_real(buffer, std::get<double>(value)));
    case Kind::kDouble: return text(format_double(buffer, std::get<double>(value)));
    case Kind::kNumeric: return std::get<Decimal>(value).to_string();
    case Kind::kUuid: return text(format_uuid(buffer, std::get<std::string>(value)));
    case Kind::kDate: return text(format_date(buffer, std::get<int64_t>(value)));
    case Kind::kTimestamptz: return text(format_timestamptz(buffer, std::get<int64_t>(value)));
    case Kind::kText:
    case Kind::kJsonb: return std::get<std::string>(value);
    default: break;
  }
  std::string result;
  if (type.kind == Kind::kInterval) {
    append_interval(result, std::get<Interval>(value));
  } else if (type.kind == Kind::kBytea) {
    append_bytea_text(result, std::get<std::string>(value));
  } else {
    append_array_text(result, std::get<std::string>(value), type.element);
  }
  return result;
}

Value parse_text(std::string_view text, const Type& type) {
  if (type.form() == Form::kBytes) return parse_bytes(text, type);
  const std::string_view bare = trimmed(text);
  switch (type.kind) {
    case Kind::kBoolean: return or_refuse(parse_boolean(bare), text, type);
    case Kind::kReal: return or_refuse(parse_real(bare), text, type);
    case Kind::kDouble: return or_refuse(parse_double(bare), text, type);
    case Kind::kNumeric: return parse_numeric(bare, type);
    case Kind::kDate: return or_refuse(parse_date(bare), text, type);
    case Kind::kTimestamptz: return or_refuse(parse_timestamptz(bare), text, type);
    case Kind::kInterval: return or_refuse(parse_interval(bare), text, type);
    default: return parse_integer_of(bare, type);
  }
}

int compare(const Value& left, const Value& right, const Type& type) {
  if (is_null(left) || is_null(right)) return static_cast<int>(is_null(left)) - static_cast<int>(is_null(right));
  const auto order = [](const auto& a, const auto& b) { return (a > b) - (a < b); };
  switch (type.form()) {
    case Form::kInt: return order(std::get<int64_t>(left), std::get<int64_t>(right));
    case Form::kFloat: return order_of(std::get<double>(left), std::get<double>(right));
    case Form::kDecimal: return order(std::get<Decimal>(left), std::get<Decimal>(right));
    case Form::kInterval:
      return order(interval_span(std::get<Interval>(left)), interval_span(std::get<Interval>(right)));
    case Form::kBytes: break;
  }
  const auto& left_bytes = std::get<std::string>(left);
  const auto& right_bytes = std::get<std::string>(right);
  if (type.kind == Kind::kJsonb || type.kind == Kind::kArray) {
    return order_of_documents(left_bytes, right_bytes, type);
  }
  return left_bytes.compare(right_bytes);
}

}  // namespace headrace
