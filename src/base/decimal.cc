#include "base/decimal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/decimal_wide.h"
#include "base/error.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr int kDigitsMax = Decimal::kDigitsMax;

constexpr auto kPowers = [] {
  std::array<Uint128, kDigitsMax + 1> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

constexpr Uint128 power_of_ten(int exponent) {
  return kPowers[static_cast<size_t>(exponent)];
}
constexpr Uint128 kLimit = power_of_ten(kDigitsMax);

[[noreturn]] void overflow() {
  throw Error(Code::kInvalid, fmt::format("numeric overflow: the result has more than {} digits", kDigitsMax));
}

Uint128 magnitude(__int128 value) {
  return value < 0 ? -static_cast<Uint128>(value) : static_cast<Uint128>(value);
}

bool is_small(__int128 value) {
  return value == static_cast<int64_t>(value);
}

Decimal signed_decimal(bool negative, Uint128 value, int32_t scale) {
  if (value >= kLimit || scale > kDigitsMax) overflow();
  return {negative ? -static_cast<__int128>(value) : static_cast<__int128>(value), scale};
}

// Number of decimal digits; 0 has none.
int digits_of(Uint128 value) {
  if (value == 0) return 0;
  const auto high = static_cast<uint64_t>(value >> 64);
  const int bits = high != 0 ? 64 + std::bit_width(high) : std::bit_width(static_cast<uint64_t>(value));
  const int estimate = bits * 1233 >> 12;  // log10(2), rounded down: the answer or one below it
  return estimate <= kDigitsMax && value >= power_of_ten(estimate) ? estimate + 1 : estimate;
}

// value * 10^exponent, if it fits into 128 bits.
std::optional<Uint128> shifted(Uint128 value, int exponent) {
  if (value == 0) return 0;
  Uint128 result;
  if (exponent > kDigitsMax || __builtin_mul_overflow(value, power_of_ten(exponent), &result)) return std::nullopt;
  return result;
}

Uint128 divide_rounded(Uint128 value, Uint128 divisor) {
  const Uint128 quotient = value / divisor;
  const Uint128 remainder = value % divisor;
  return quotient + (remainder >= divisor - remainder);
}

// PostgreSQL's numbers are digits to the base 10,000 that are aligned at the point. Scales of quotients follow from the
// first such digit and its weight (numeric.c: select_div_scale).
struct Leading {
  int weight = 0;
  int digit = 0;
};

Leading leading_of(Uint128 coefficient, int32_t scale) {
  if (coefficient == 0) return {};
  constexpr int kGroup = 4;
  const int digits = digits_of(coefficient);
  const int place = digits - 1 - scale;  // power of ten of the first decimal digit
  const int weight = place >= 0 ? place / kGroup : -((kGroup - 1 - place) / kGroup);
  const int count = place - weight * kGroup + 1;
  const Uint128 digit =
      digits >= count ? coefficient / power_of_ten(digits - count) : coefficient * power_of_ten(count - digits);
  return {weight, static_cast<int>(digit)};
}

int32_t quotient_scale(const Decimal& left, const Decimal& right) {
  constexpr int kSignificantDigitsMin = 16;
  const Leading first = leading_of(magnitude(left.coefficient), left.scale);
  const Leading second = leading_of(magnitude(right.coefficient), right.scale);
  const int weight = first.weight - second.weight - (first.digit <= second.digit);
  return std::max({kSignificantDigitsMin - weight * 4, left.scale, right.scale, 0});
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Both sides as 64-bit numbers times the same power of ten would be the common case; else integers and fractions are
// compared one after the other, which needs no number above 38 digits.
std::strong_ordering compare_magnitudes(Uint128 left, int left_scale, Uint128 right, int right_scale) {
  const Uint128 left_whole = left / power_of_ten(left_scale);
  const Uint128 right_whole = right / power_of_ten(right_scale);
  if (left_whole != right_whole) return left_whole <=> right_whole;
  Uint128 left_rest = left % power_of_ten(left_scale);
  Uint128 right_rest = right % power_of_ten(right_scale);
  if (left_scale < right_scale) left_rest *= power_of_ten(right_scale - left_scale);
  if (right_scale < left_scale) right_rest *= power_of_ten(left_scale - right_scale);
  return left_rest <=> right_rest;
}

Decimal add(const Decimal& left, bool negate_right, const Decimal& right) {
  const __int128 right_coefficient = negate_right ? -right.coefficient : right.coefficient;
  const int32_t scale = std::max(left.scale, right.scale);
  if (left.scale == right.scale) [[likely]] {
    __int128 sum;
    if (__builtin_add_overflow(left.coefficient, right_coefficient, &sum) || magnitude(sum) >= kLimit) overflow();
    return {sum, scale};
  }
  const auto left_part = shifted(magnitude(left.coefficient), scale - left.scale);
  const auto right_part = shifted(magnitude(right_coefficient), scale - right.scale);
  if (!left_part || !right_part) overflow();
  const bool left_negative = left.coefficient < 0;
  if (left_negative == (right_coefficient < 0)) {
    Uint128 sum;
    if (__builtin_add_overflow(*left_part, *right_part, &sum)) overflow();
    return signed_decimal(left_negative, sum, scale);
  }
  if (*left_part >= *right_part) return signed_decimal(left_negative, *left_part - *right_part, scale);
  return signed_decimal(!left_negative, *right_part - *left_part, scale);
}

}  // namespace

Decimal Decimal::from_double(double value, int significant_digits) {
  if (!std::isfinite(value)) {
    throw Error(Code::kInvalid, fmt::format("{} has no numeric value; numeric holds finite numbers only", value));
  }
  check(significant_digits > 0 && significant_digits <= 17, "a double has up to 17 significant digits");
  char buffer[40];
  const auto end = std::to_chars(buffer, std::end(buffer), value, std::chars_format::general, significant_digits).ptr;
  const auto result = parse({buffer, static_cast<size_t>(end - buffer)});
  if (!result) overflow();
  return *result;
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  const char* at = text.data();
  const char* end = at + text.size();
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;

  // The first 18 digits are taken in 64 bits; few numbers have more.
  constexpr int kFastDigits = 18;
  uint64_t fast = 0;
  Uint128 value = 0;
  int digits = 0;    // without leading zeros
  int fraction = 0;  // behind the point
  bool any = false;
  bool point = false;
  for (; at != end; ++at) {
    if (*at == '.') {
      if (point) return std::nullopt;
      point = true;
      continue;
    }
    const auto digit = static_cast<uint8_t>(*at - '0');
    if (digit > 9) break;
    any = true;
    fraction += point;
    if (digits == 0 && digit == 0) {
      if (fraction > kDigitsMax * 1000) return std::nullopt;
      continue;
    }
    if (++digits <= kFastDigits) {
      fast = fast * 10 + digit;
    } else {
      if (digits > kDigitsMax) return std::nullopt;
      if (digits == kFastDigits + 1) value = fast;
      value = value * 10 + digit;
    }
  }
  if (!any) return std::nullopt;
  if (digits <= kFastDigits) value = fast;

  int exponent = 0;
  if (at != end) {
    if (*at != 'e' && *at != 'E') return std::nullopt;
    ++at;
    if (at != end && *at == '+' && end - at > 1 && at[1] != '-') ++at;
    const auto [stop, error] = std::from_chars(at, end, exponent);
    constexpr int kExponentMax = 100'000;
    if (error != std::errc() || stop != end || exponent > kExponentMax || exponent < -kExponentMax) return std::nullopt;
  }
  // Digits behind the point stay there even if they are zero: 1.50 has scale 2, and so has 150e-2.
  const int scale = std::max(fraction - exponent, 0);
  if (scale > kDigitsMax) return std::nullopt;
  const auto coefficient = shifted(value, scale - (fraction - exponent));
  if (!coefficient || *coefficient >= kLimit) return std::nullopt;
  return signed_decimal(negative, *coefficient, scale);
}

char* Decimal::format(char* to) const {
  char digits[kDigitsMax + 2];
  char* end = digits;
  const Uint128 value = magnitude(coefficient);
  constexpr Uint128 kHalf = power_of_ten(19);
  if (value < kHalf) {
    end = std::to_chars(digits, std::end(digits), static_cast<uint64_t>(value)).ptr;
  } else {
    end = std::to_chars(digits, std::end(digits), static_cast<uint64_t>(value / kHalf)).ptr;
    uint64_t low = static_cast<uint64_t>(value % kHalf);
    for (int i = 18; i >= 0; --i, low /= 10) end[i] = static_cast<char>('0' + low % 10);
    end += 19;
  }
  if (coefficient < 0) *to++ = '-';
  auto count = static_cast<size_t>(end - digits);
  const auto behind = static_cast<size_t>(scale);
  const char* from = digits;
  if (count > behind) {
    std::memcpy(to, from, count - behind);
    to += count - behind;
    from += count - behind;
    count = behind;
  } else {
    *to++ = '0';
  }
  if (behind == 0) return to;
  *to++ = '.';
  std::memset(to, '0', behind - count);
  to += behind - count;
  std::memcpy(to, from, count);
  return to + count;
}

std::string Decimal::to_string() const {
  char buffer[kTextBytesMax];
  return {buffer, format(buffer)};
}

double Decimal::to_double() const {
  // Both are exact as doubles, so that one division rounds once.
  constexpr int64_t kExactMax = int64_t{1} << 53;
  constexpr int kExactPower = 22;
  if (scale <= kExactPower && coefficient <= kExactMax && coefficient >= -kExactMax) {
    return static_cast<double>(static_cast<int64_t>(coefficient)) / static_cast<double>(power_of_ten(scale));
  }
  char buffer[kTextBytesMax];
  double result = 0;
  std::from_chars(buffer, format(buffer), result);
  return result;
}

std::optional<int64_t> Decimal::to_int64() const {
  const Uint128 whole = divide_rounded(magnitude(coefficient), power_of_ten(scale));
  const __int128 value = coefficient < 0 ? -static_cast<__int128>(whole) : static_cast<__int128>(whole);
  if (!is_small(value)) return std::nullopt;
  return static_cast<int64_t>(value);
}

Decimal Decimal::with_scale(int32_t new_scale) const {
  if (new_scale == scale) return *this;
  const bool negative = coefficient < 0;
  const Uint128 value = magnitude(coefficient);
  if (new_scale > scale) {
    const auto result = shifted(value, new_scale - scale);
    if (!result) overflow();
    return signed_decimal(negative, *result, new_scale);
  }
  const int dropped = new_scale < -kDigitsMax ? kDigitsMax + 1 : scale - new_scale;
  if (dropped > kDigitsMax) return {0, std::max(new_scale, 0)};
  const Uint128 kept = divide_rounded(value, power_of_ten(dropped));
  if (new_scale >= 0) return signed_decimal(negative, kept, new_scale);
  const auto result = shifted(kept, -new_scale);
  if (!result) overflow();
  return signed_decimal(negative, *result, 0);
}

int Decimal::integer_digits() const {
  return std::max(digits_of(magnitude(coefficient)) - scale, 0);
}

bool Decimal::fits(int32_t precision, int32_t new_scale) const {
  if (precision == 0) return true;
  Uint128 value = magnitude(coefficient);
  int32_t value_scale = scale;
  if (scale > new_scale) {
    value = divide_rounded(value, power_of_ten(scale - new_scale));
    value_scale = new_scale;
  }
  return digits_of(value) - value_scale <= precision - new_scale;
}

std::strong_ordering operator<=>(const Decimal& left, const Decimal& right) {
  if (left.scale == right.scale) [[likely]]
    return left.coefficient <=> right.coefficient;
  const bool left_negative = left.coefficient < 0;
  if (left_negative != (right.coefficient < 0)) return left.coefficient <=> right.coefficient;
  const auto order =
      compare_magnitudes(magnitude(left.coefficient), left.scale, magnitude(right.coefficient), right.scale);
  return left_negative ? 0 <=> order : order;
}

bool operator==(const Decimal& left, const Decimal& right) {
  return (left <=> right) == 0;
}

Decimal operator+(const Decimal& left, const Decimal& right) {
  return add(left, false, right);
}

Decimal operator-(const Decimal& left, const Decimal& right) {
  return add(left, true, right);
}

Decimal operator-(const Decimal& value) {
  return {-value.coefficient, value.scale};
}

Decimal operator*(const Decimal& left, const Decimal& right) {
  const int32_t scale = left.scale + right.scale;
  if (is_small(left.coefficient) && is_small(right.coefficient) && scale <= kDigitsMax) [[likely]] {
    return {left.coefficient * right.coefficient, scale};  // below 2^126, so below 10^38
  }
  const Uint256 product = multiply_wide(magnitude(left.coefficient), magnitude(right.coefficient));
  if (product.high != 0) overflow();
  return signed_decimal((left.coefficient < 0) != (right.coefficient < 0), product.low, scale);
}

Decimal operator/(const Decimal& left, const Decimal& right) {
  if (right.coefficient == 0) throw Error(Code::kInvalid, "division by zero");
  const int32_t scale = quotient_scale(left, right);
  if (scale > kDigitsMax) overflow();
  const Uint128 dividend = magnitude(left.coefficient);
  const Uint128 divisor = magnitude(right.coefficient);
  const bool negative = (left.coefficient < 0) != (right.coefficient < 0);
  const int exponent = scale + right.scale - left.scale;  // not below 0, because scale is not below left.scale
  const int digits = digits_of(dividend);
  if (digits == 0) return {0, scale};
  if (digits + exponent <= kDigitsMax) {
    return signed_decimal(negative, divide_rounded(dividend * power_of_ten(exponent), divisor), scale);
  }
  // The quotient of a number with more than 76 digits has more than 38.
  if (digits + exponent > 2 * kDigitsMax) overflow();
  const int first = kDigitsMax - digits;
  const Uint256 wide = multiply_wide(dividend * power_of_ten(first), power_of_ten(exponent - first));
  const auto [quotient, remainder] = divide_wide(wide, divisor);
  if (quotient.high != 0 || quotient.low >= kLimit) overflow();
  return signed_decimal(negative, quotient.low + (remainder >= divisor - remainder), scale);
}

Decimal operator%(const Decimal& left, const Decimal& right) {
  if (right.coefficient == 0) throw Error(Code::kInvalid, "division by zero");
  const int32_t scale = std::max(left.scale, right.scale);
  const Uint128 dividend = magnitude(left.coefficient);
  const Uint128 divisor = magnitude(right.coefficient);
  Uint128 remainder = dividend;
  if (left.scale < scale) {
    remainder = divide_wide(multiply_wide(dividend, power_of_ten(scale - left.scale)), divisor).remainder;
  } else if (const auto aligned = shifted(divisor, scale - right.scale)) {
    remainder = dividend % *aligned;
  }  // else the divisor is above every dividend
  return signed_decimal(left.coefficient < 0, remainder, scale);
}

Decimal canonical(const Decimal& value) {
  Decimal result = value;
  if (is_small(result.coefficient)) [[likely]] {
    auto small = static_cast<int64_t>(result.coefficient);
    while (result.scale > 0 && small % 10 == 0) {
      small /= 10;
      --result.scale;
    }
    result.coefficient = small;
    return result;
  }
  while (result.scale > 0 && result.coefficient % 10 == 0) {
    result.coefficient /= 10;
    --result.scale;
  }
  return result;
}

}  // namespace headrace
