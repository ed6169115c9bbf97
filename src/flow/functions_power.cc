// The scale of a result is chosen as numeric.c of PostgreSQL 15 does (numeric_sqrt, power_var): at least 16 significant
// digits, and not fewer behind the point than the arguments have. The digits are computed with a hundred, far more than
// a result can have, so that rounding is right.
#include "flow/functions_power.h"

#include <algorithm>
#include <boost/multiprecision/cpp_dec_float.hpp>
#include <cmath>

#include "base/error.h"

namespace headrace {
namespace {

using Wide = boost::multiprecision::cpp_dec_float_100;

constexpr const char* kTooManyDigits = "numeric overflow: the result has more than 38 digits";
constexpr int kSignificantDigitsMin = 16;
constexpr int kGroup = 4;  // PostgreSQL's numbers are digits to the base 10,000

Wide widened(const Decimal& value) {
  return Wide(value.to_string());
}

Decimal narrowed(const Wide& value, int32_t scale) {
  const bool is_small = boost::multiprecision::abs(value) < Wide("1e40");
  const std::optional<Decimal> result =
      is_small ? Decimal::parse(value.str(scale, std::ios_base::fixed)) : std::nullopt;
  if (!result) throw Error(Code::kInvalid, kTooManyDigits);
  return *result;
}

// The weight of the first digit to the base 10,000.
int weight_of(const Decimal& value) {
  const int digits = value.integer_digits();
  if (digits > 0) return (digits - 1) / kGroup;
  if (value.coefficient == 0) return 0;
  int zeros = 0;  // behind the point
  for (Decimal rest{value.coefficient < 0 ? -value.coefficient : value.coefficient, value.scale};
       rest.integer_digits() == 0; --rest.scale) {
    ++zeros;
  }
  return -((zeros + kGroup - 1) / kGroup);
}

}  // namespace

Decimal square_root(const Decimal& value) {
  if (value.coefficient < 0) throw Error(Code::kInvalid, "cannot take square root of a negative number");
  const int weight = weight_of(value);
  const int digits_before = weight >= 0 ? weight * kGroup / 2 + 1 : 1 - (1 - weight * kGroup) / 2;
  const int32_t scale = std::max({kSignificantDigitsMin - digits_before, value.scale, 0});
  return narrowed(boost::multiprecision::sqrt(widened(value)), scale);
}

Decimal power(const Decimal& base, const Decimal& exponent) {
  const bool is_whole = canonical(exponent).scale == 0;
  if (base.coefficient == 0 && exponent.coefficient < 0) throw Error(Code::kInvalid, kZeroToNegative);
  if (base.coefficient < 0 && !is_whole) throw Error(Code::kInvalid, kComplexPower);
  if (base.coefficient == 0 && !is_whole) return {0, kSignificantDigitsMin};
  int32_t scale = std::max(kSignificantDigitsMin, base.scale);
  if (exponent.coefficient == 0) return Decimal{1, 0}.with_scale(scale);
  if (base.coefficient == 0) return {0, scale};

  const double digits_before = exponent.to_double() * std::log10(std::fabs(base.to_double()));
  constexpr double kDigitsMax = 40;
  if (digits_before > kDigitsMax || (digits_before < -kDigitsMax && !is_whole)) {
    throw Error(Code::kInvalid, kTooManyDigits);
  }
  if (!is_whole) {
    scale = std::max({kSignificantDigitsMin - static_cast<int>(digits_before), base.scale, exponent.scale, 0});
  }
  if (digits_before < -scale - 2) return {0, scale};
  return narrowed(boost::multiprecision::pow(widened(base), widened(exponent)), scale);
}

}  // namespace headrace
