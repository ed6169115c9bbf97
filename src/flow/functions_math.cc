// Rounding, roots, powers and the functions of a circle.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "flow/functions_kernel.h"
#include "flow/functions_power.h"

namespace headrace {

using enum Kind;

namespace {

using Evaluate = void (*)(const Call& call, ColumnData& result);

constexpr auto kCeilFloat = [](double value) { return std::ceil(value); };
constexpr auto kFloorFloat = [](double value) { return std::floor(value); };
constexpr auto kRoundFloat = [](double value) { return std::rint(value); };
constexpr auto kTruncateFloat = [](double value) { return std::trunc(value); };
constexpr auto kSignFloat = [](double value) { return value > 0 ? 1.0 : value < 0 ? -1.0 : 0.0; };
constexpr auto kRadians = [](double value) { return value * (std::numbers::pi / 180); };
constexpr auto kDegrees = [](double value) { return value / (std::numbers::pi / 180); };
constexpr auto kAtan = [](double value) { return std::atan(value); };
constexpr auto kAtan2 = [](double y, double x) { return std::atan2(y, x); };

// sin, cos, tan, of which infinity has none.
template <double (*function)(double)>
struct OfAngle {
  const char* operator()(double value, double& out) const {
    if (std::isinf(value)) return "input is out of range";
    out = function(value);
    return nullptr;
  }
};

template <double (*function)(double)>
struct OfRatio {
  const char* operator()(double value, double& out) const {
    if (value < -1 || value > 1) return "input is out of range";
    out = function(value);
    return nullptr;
  }
};

constexpr const char* kNegativeRoot = "cannot take square root of a negative number";

constexpr auto kRootFloat = [](double value, double& out) -> const char* {
  if (value < 0) return kNegativeRoot;
  out = std::sqrt(value);
  return nullptr;
};

constexpr auto kPowerFloat = [](double base, double exponent, double& out) -> const char* {
  if (base == 0 && exponent < 0) return kZeroToNegative;
  if (base < 0 && std::isfinite(exponent) && std::floor(exponent) != exponent) return kComplexPower;
  out = std::pow(base, exponent);
  if (std::isinf(base) || std::isinf(exponent) || std::isnan(base) || std::isnan(exponent)) return nullptr;
  if (std::isinf(out)) return "value out of range: overflow";
  if (out == 0 && base != 0) return "value out of range: underflow";
  return nullptr;
};

// Towards zero, to `digits` behind the point, or before it if negative.
Decimal truncated(const Decimal& value, int64_t digits) {
  if (digits >= value.scale) return value.with_scale(static_cast<int32_t>(std::min<int64_t>(digits, 1000)));
  if (digits < -Decimal::kDigitsMax) return {0, 0};
  Decimal unit{1, static_cast<int32_t>(std::max<int64_t>(digits, 0))};
  for (int64_t i = digits; i < 0; ++i) {
    if (i < -Decimal::kDigitsMax + 1) return {0, 0};  // more than any value has
    unit.coefficient *= 10;
  }
  return (value - value % unit).with_scale(unit.scale);
}

Decimal rounded(const Decimal& value, int64_t digits) {
  constexpr int64_t kDigitsMax = 1000;
  const Decimal result = value.with_scale(static_cast<int32_t>(std::clamp<int64_t>(digits, -kDigitsMax, kDigitsMax)));
  return result.scale < 0 ? result.with_scale(0) : result;
}

template <auto operation>
void decimal_one(const Call& call, ColumnData& result) {
  const Argument<Decimal> values(call, 0);
  for_each_row_catching(call, result, [&](size_t row) { result.decimals[row] = operation(values[row]); });
}

template <auto operation>
void decimal_digits(const Call& call, ColumnData& result) {
  const Argument<Decimal> values(call, 0);
  const Argument<int64_t> digits(call, 1);
  for_each_row_catching(call, result, [&](size_t row) { result.decimals[row] = operation(values[row], digits[row]); });
}

constexpr auto kTruncateDecimal = [](const Decimal& value) { return truncated(value, 0); };
constexpr auto kRoundDecimal = [](const Decimal& value) { return value.with_scale(0); };
constexpr auto kSignDecimal = [](const Decimal& value) {
  return Decimal::from_int(value.coefficient > 0 ? 1 : value.coefficient < 0 ? -1 : 0);
};
constexpr auto kFloorDecimal = [](const Decimal& value) {
  const Decimal whole = truncated(value, 0);
  return whole > value ? whole - Decimal::from_int(1) : whole;
};
constexpr auto kCeilDecimal = [](const Decimal& value) {
  const Decimal whole = truncated(value, 0);
  return whole < value ? whole + Decimal::from_int(1) : whole;
};

void power_decimal(const Call& call, ColumnData& result) {
  const Argument<Decimal> bases(call, 0);
  const Argument<Decimal> exponents(call, 1);
  for_each_row_catching(call, result, [&](size_t row) { result.decimals[row] = power(bases[row], exponents[row]); });
}

void put_pi(const Call& call, ColumnData& result) {
  for (size_t row = 0; row < call.rows; ++row) result.floats[row] = std::numbers::pi;
}

struct Shape {
  FunctionTable& table;
  void add(std::string_view name, std::vector<Kind> parameters, Evaluate evaluate, std::string_view description) const {
    const Kind result = parameters.empty() ? kDouble : parameters[0];
    table.push_back({.name = name,
                     .parameters = std::move(parameters),
                     .result = result,
                     .evaluate = evaluate,
                     .description = description});
  }
  // For numeric and for double precision.
  void add_both(std::string_view name, Evaluate of_numeric, Evaluate of_double, std::string_view description) const {
    add(name, {kNumeric}, of_numeric, description);
    add(name, {kDouble}, of_double, description);
  }
};

}  // namespace

void add_math_functions(FunctionTable& table) {
  const Shape to{table};
  for (const std::string_view name : {"ceil", "ceiling"}) {
    to.add_both(name, decimal_one<kCeilDecimal>, map_one<double, double, kCeilFloat>,
                "the nearest whole number that is not less");
  }
  to.add_both("floor", decimal_one<kFloorDecimal>, map_one<double, double, kFloorFloat>,
              "the nearest whole number that is not greater");
  to.add_both("round", decimal_one<kRoundDecimal>, map_one<double, double, kRoundFloat>,
              "the nearest whole number; halves: numeric away from zero, double precision to the even one");
  to.add("round", {kNumeric, kInteger}, decimal_digits<rounded>, "to so many digits behind the point, or before it");
  to.add_both("trunc", decimal_one<kTruncateDecimal>, map_one<double, double, kTruncateFloat>,
              "the whole number towards zero");
  to.add("trunc", {kNumeric, kInteger}, decimal_digits<truncated>,
         "towards zero, to so many digits behind the point, or before it");
  to.add_both("sign", decimal_one<kSignDecimal>, map_one<double, double, kSignFloat>, "-1, 0 or 1");
  to.add_both("sqrt", decimal_one<square_root>, try_map_one<double, double, kRootFloat>, "square root");
  for (const std::string_view name : {"power", "pow"}) {
    constexpr std::string_view kDescription = "the first argument to the power of the second";
    to.add(name, {kNumeric, kNumeric}, power_decimal, kDescription);
    to.add(name, {kDouble, kDouble}, try_map_two<double, double, double, kPowerFloat>, kDescription);
  }
  to.add("radians", {kDouble}, map_one<double, double, kRadians>, "degrees to radians");
  to.add("degrees", {kDouble}, map_one<double, double, kDegrees>, "radians to degrees");
  to.add("sin", {kDouble}, try_map_one<double, double, OfAngle<std::sin>{}>, "sine, of radians");
  to.add("cos", {kDouble}, try_map_one<double, double, OfAngle<std::cos>{}>, "cosine, of radians");
  to.add("tan", {kDouble}, try_map_one<double, double, OfAngle<std::tan>{}>, "tangent, of radians");
  to.add("asin", {kDouble}, try_map_one<double, double, OfRatio<std::asin>{}>, "inverse sine, in radians");
  to.add("acos", {kDouble}, try_map_one<double, double, OfRatio<std::acos>{}>, "inverse cosine, in radians");
  to.add("atan", {kDouble}, map_one<double, double, kAtan>, "inverse tangent, in radians");
  to.add("atan2", {kDouble, kDouble}, map_two<double, double, double, kAtan2>,
         "inverse tangent of the first divided by the second, in radians");
  to.add("pi", {}, put_pi, "the number pi");
}

}  // namespace headrace
