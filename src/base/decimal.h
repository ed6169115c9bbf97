// SQL's numeric: a 128-bit integer times a power of ten. 38 digits in all, of which `scale` stand behind the point.
// Arithmetic follows PostgreSQL's rules for the scale of a result (numeric.c), so that both print the same text; what
// does not fit into 38 digits is Error(kInvalid), never a wrong number.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headrace {

struct Decimal {
  __int128 coefficient = 0;
  int32_t scale = 0;  // 0 to 38

  static constexpr int kDigitsMax = 38;
  static constexpr size_t kTextBytesMax = kDigitsMax + 4;  // a sign, a point and a zero before it

  static Decimal from_int(int64_t value) { return {value, 0}; }
  // Rounded to 15 significant digits, as PostgreSQL casts double precision to numeric (and real with 6). Throws on NaN
  // and infinity, and when the digits do not fit.
  static Decimal from_double(double value, int significant_digits = 15);
  // Accepts what PostgreSQL's numeric input accepts except NaN and Infinity. nullopt if it is not a number or too long.
  static std::optional<Decimal> parse(std::string_view text);

  std::string to_string() const;
  // Writes the same at `to`, which has room for kTextBytesMax, and returns the end of what was written.
  char* format(char* to) const;
  double to_double() const;
  // Rounded half away from zero. nullopt if it does not fit.
  std::optional<int64_t> to_int64() const;

  // The same value with another scale, rounded half away from zero as numeric(p,s) does. Throws when it overflows. A
  // negative scale rounds before the point and has scale 0.
  Decimal with_scale(int32_t new_scale) const;
  // Number of digits before the point, without leading zeros.
  int integer_digits() const;
  bool fits(int32_t precision, int32_t new_scale) const;
};

// By value: 1.0 equals 1.00.
std::strong_ordering operator<=>(const Decimal& left, const Decimal& right);
bool operator==(const Decimal& left, const Decimal& right);

Decimal operator+(const Decimal& left, const Decimal& right);
Decimal operator-(const Decimal& left, const Decimal& right);
Decimal operator*(const Decimal& left, const Decimal& right);
Decimal operator-(const Decimal& value);
// Division by zero is Error(kInvalid). The scale is PostgreSQL's select_div_scale: at least 16 significant digits.
Decimal operator/(const Decimal& left, const Decimal& right);
Decimal operator%(const Decimal& left, const Decimal& right);

// Without trailing zeros behind the point: equal values get equal bytes, for keys and hashes.
Decimal canonical(const Decimal& value);

}  // namespace headrace
