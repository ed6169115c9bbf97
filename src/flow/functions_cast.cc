// Casts between types other than text: the same value in another type, or an error on that row.
#include "flow/functions_cast.h"

#include <cmath>

#include "flow/functions_document.h"
#include "fmt/format.h"
#include "schema/json_form.h"
#include "schema/text_form.h"
#include "schema/timestamp.h"

namespace headrace {

using enum Kind;

namespace {

constexpr auto kToBoolean = [](int64_t value) { return int64_t{value != 0}; };
constexpr auto kIntToDouble = [](int64_t value) { return static_cast<double>(value); };
constexpr auto kIntToReal = [](int64_t value) { return static_cast<double>(static_cast<float>(value)); };
constexpr auto kDecimalToDouble = [](const Decimal& value) { return value.to_double(); };
constexpr auto kIntToDecimal = [](int64_t value) { return Decimal::from_int(value); };
constexpr auto kInstantToDate = [](int64_t micros) {
  return micros / kMicrosPerDay - (micros % kMicrosPerDay < 0 ? 1 : 0);
};

const char* out_of_range(Kind kind) {
  switch (kind) {
    case kSmallint: return "smallint out of range";
    case kInteger: return "integer out of range";
    default: return "bigint out of range";
  }
}

template <Kind kind>
struct NarrowInt {
  const char* operator()(int64_t value, int64_t& out) const {
    out = value;
    return in_range(value, kind) ? nullptr : out_of_range(kind);
  }
};

template <Kind kind>
struct FloatToInt {
  const char* operator()(double value, int64_t& out) const {
    constexpr double kEnd = 9223372036854775808.0;
    const double whole = std::rint(value);
    if (!(whole >= -kEnd && whole < kEnd)) return out_of_range(kind);
    return NarrowInt<kind>()(static_cast<int64_t>(whole), out);
  }
};

template <Kind kind>
struct DecimalToInt {
  const char* operator()(const Decimal& value, int64_t& out) const {
    const std::optional<int64_t> whole = value.to_int64();
    if (!whole) return out_of_range(kind);
    return NarrowInt<kind>()(*whole, out);
  }
};

const char* narrow_to_real(double value, double& out) {
  out = static_cast<double>(static_cast<float>(value));
  if (std::isinf(out) && !std::isinf(value)) return "value out of range: overflow";
  if (out == 0 && value != 0) return "value out of range: underflow";
  return nullptr;
}
constexpr auto kDecimalToReal = [](const Decimal& value, double& out) {
  return narrow_to_real(value.to_double(), out);
};
constexpr auto kDoubleToReal = [](double value, double& out) { return narrow_to_real(value, out); };

constexpr auto kDateToInstant = [](int64_t days, int64_t& out) -> const char* {
  if (days < kDateMin || days > kTimestampMax / kMicrosPerDay) return "date out of range for timestamp";
  out = days * kMicrosPerDay;
  return nullptr;
};

template <Kind kind>
void cast_to_int(const Type& from, const Call& call, ColumnData& result) {
  switch (from.form()) {
    case Form::kFloat: return try_map_one<double, int64_t, FloatToInt<kind>{}>(call, result);
    case Form::kDecimal: return try_map_one<Decimal, int64_t, DecimalToInt<kind>{}>(call, result);
    default: return try_map_one<int64_t, int64_t, NarrowInt<kind>{}>(call, result);
  }
}

void cast_to_real(const Type& from, const Call& call, ColumnData& result) {
  switch (from.form()) {
    case Form::kFloat: return try_map_one<double, double, kDoubleToReal>(call, result);
    case Form::kDecimal: return try_map_one<Decimal, double, kDecimalToReal>(call, result);
    default: return map_one<int64_t, double, kIntToReal>(call, result);
  }
}

void cast_to_double(const Type& from, const Call& call, ColumnData& result) {
  if (from.form() == Form::kDecimal) return map_one<Decimal, double, kDecimalToDouble>(call, result);
  map_one<int64_t, double, kIntToDouble>(call, result);
}

// As many digits as a float is sure to have: FLT_DIG and DBL_DIG.
void put_float(const Call& call, ColumnData& result, size_t row, double value, Kind kind) {
  const Type& to = result.type;
  if (to.precision != 0 && std::fabs(value) >= 1e38) return fail(call, result, row, "numeric field overflow");
  const bool is_nothing = to.precision != 0 && std::fabs(value) < 0.4 * std::pow(10, -int{to.scale});
  put_numeric(call, result, row,
              is_nothing ? Decimal{0, to.scale} : Decimal::from_double(value, kind == kReal ? 6 : 15));
}

void cast_to_numeric(const Type& from, const Type& to, const Call& call, ColumnData& result) {
  const ColumnData& argument = *call.arguments[0];
  if (from.form() == Form::kInt && to.precision == 0) return map_one<int64_t, Decimal, kIntToDecimal>(call, result);
  for_each_row_catching(call, result, [&](size_t row) {
    switch (from.form()) {
      case Form::kInt: return put_numeric(call, result, row, Decimal::from_int(argument.ints[row]));
      case Form::kDecimal: return put_numeric(call, result, row, argument.decimals[row]);
      default: return put_float(call, result, row, argument.floats[row], from.kind);
    }
  });
}

// A scalar of a JSON document as what it is: booleans to boolean, numbers to numbers.
void cast_from_document(const Type& to, const Call& call, ColumnData& result) {
  const auto describe = [](std::string_view json) -> std::string_view {
    switch (json.empty() ? 'n' : json[0]) {
      case '{': return "object";
      case '[': return "array";
      case '"': return "string";
      case 't':
      case 'f': return "boolean";
      case 'n': return "null";
      default: return "numeric";
    }
  };
  ColumnData numbers(Type{.kind = kNumeric});
  resize_values(numbers, call.rows);
  numbers.nulls.assign(call.rows, 0);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) {
      numbers.nulls[row] = 1;
      continue;
    }
    const std::string_view json = call.arguments[0]->bytes[row];
    const std::string_view kind = describe(json);
    const std::string_view wanted = to.kind == kBoolean ? "boolean" : "numeric";
    std::optional<Decimal> number;
    if (kind == "numeric") number = Decimal::parse(json);
    if (kind != wanted) {
      fail(call, result, row, fmt::format("cannot cast jsonb {} to type {}", kind, to.name()));
    } else if (wanted == "boolean") {
      result.ints[row] = json == "true";
    } else if (!number) {
      fail(call, result, row, fmt::format("numeric has more than {} digits", Decimal::kDigitsMax));
    } else {
      numbers.decimals[row] = *number;
    }
    if (wanted == "boolean" || !number) numbers.nulls[row] = 1;
  }
  if (to.kind == kBoolean) return;
  const std::vector<uint8_t> skip = numbers.nulls;
  const ColumnPtr column = std::make_shared<const ColumnData>(std::move(numbers));
  const Type numeric{.kind = kNumeric};
  if (is_relabeling(numeric, to)) {
    result.decimals = column->decimals;
  } else {
    evaluate_cast(numeric, to, Call{std::span(&column, 1), call.rows, skip, call.errors}, result);
  }
}

// Element by element.
void cast_array(const Type& from, const Type& to, const Call& call, ColumnData& result) {
  const Type from_element{.kind = from.element};
  const Type to_element{.kind = to.element};
  Arena arena;
  for_each_row_catching(call, result, [&](size_t row) {
    auto elements = std::make_shared<ColumnData>(from_element);
    for (const Value& value : array_elements(call.arguments[0]->bytes[row], from.element)) {
      elements->append(value, arena);
    }
    elements->nulls.resize(elements->has_nulls() ? elements->size() : 0);
    const std::vector<uint8_t> skip = elements->nulls;
    ColumnData cast(to_element);
    resize_values(cast, elements->size());
    cast.nulls = skip;
    RowErrors errors;
    const ColumnPtr column = std::move(elements);
    if (is_relabeling(from_element, to_element)) {
      cast = *column;
    } else {
      evaluate_cast(from_element, to_element, Call{std::span(&column, 1), column->size(), skip, errors}, cast);
    }
    if (!errors.empty()) return fail(call, result, row, errors.entries()[0].message);
    std::vector<Value> values;
    values.reserve(cast.size());
    for (size_t i = 0; i < cast.size(); ++i) values.push_back(cast.value_at(i));
    const std::string json = array_json(values, to.element);
    if (json.size() > kValueBytesMax) return fail(call, result, row, kTooLong);
    result.bytes[row] = arena.add(json);
  });
  result.buffers.push_back(arena.buffer());
}

}  // namespace

void put_numeric(const Call& call, ColumnData& result, size_t row, const Decimal& value) {
  if (const std::optional<Decimal> fitted = fit_decimal(value, result.type)) {
    result.decimals[row] = *fitted;
  } else {
    fail(call, result, row, "numeric field overflow");
  }
}

bool is_relabeling(const Type& from, const Type& to) {
  if (from == to) return true;
  if (from.kind == kArray || to.kind == kArray) return from == to;
  if (to.kind == kNumeric) return from.kind == kNumeric && to.precision == 0;
  if (from.is_integer() && to.is_integer()) return from.kind <= to.kind;
  return (from.kind == kReal && to.kind == kDouble) || (from.kind == kBoolean && to.kind == kInteger);
}

void evaluate_cast(const Type& from, const Type& to, const Call& call, ColumnData& result) {
  if (from.kind == kText) return cast_from_text(to, call, result);
  if (from.kind == kArray && to.kind == kArray) return cast_array(from, to, call, result);
  if (to.kind == kText) return cast_to_text(from, call, result);
  if (from.kind == kJsonb) return cast_from_document(to, call, result);
  switch (to.kind) {
    case kBoolean: return map_one<int64_t, int64_t, kToBoolean>(call, result);
    case kSmallint: return cast_to_int<kSmallint>(from, call, result);
    case kInteger: return cast_to_int<kInteger>(from, call, result);
    case kBigint: return cast_to_int<kBigint>(from, call, result);
    case kReal: return cast_to_real(from, call, result);
    case kDouble: return cast_to_double(from, call, result);
    case kNumeric: return cast_to_numeric(from, to, call, result);
    case kDate: return map_one<int64_t, int64_t, kInstantToDate>(call, result);
    case kTimestamptz: return try_map_one<int64_t, int64_t, kDateToInstant>(call, result);
    default: break;
  }
  for_each_row(call, result, [](size_t) { return "there is no such cast"; });
}

}  // namespace headrace
