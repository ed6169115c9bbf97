// Roots and powers of numeric, to the digits that PostgreSQL gives. Internal to functions*.cc.
#pragma once

#include "base/decimal.h"

namespace headrace {

inline constexpr const char* kZeroToNegative = "zero raised to a negative power is undefined";
inline constexpr const char* kComplexPower = "a negative number raised to a non-integer power yields a complex result";

// Both throw Error(kInvalid) where there is no result, or none of 38 digits.
Decimal square_root(const Decimal& value);
Decimal power(const Decimal& base, const Decimal& exponent);

}  // namespace headrace
