// The few operations on 256-bit numbers that exact decimals need: a product of two 128-bit numbers, and its division by
// a 128-bit one. Everything is unsigned; signs are the caller's.
#pragma once

#include <bit>
#include <cstdint>

namespace headrace {

using Uint128 = unsigned __int128;

struct Uint256 {
  Uint128 high = 0;
  Uint128 low = 0;
};

inline Uint256 multiply_wide(Uint128 left, Uint128 right) {
  const auto left_low = static_cast<uint64_t>(left);
  const auto left_high = static_cast<uint64_t>(left >> 64);
  const auto right_low = static_cast<uint64_t>(right);
  const auto right_high = static_cast<uint64_t>(right >> 64);
  const Uint128 low = static_cast<Uint128>(left_low) * right_low;
  const Uint128 middle_left = static_cast<Uint128>(left_high) * right_low;
  const Uint128 middle_right = static_cast<Uint128>(left_low) * right_high;
  const Uint128 middle = (low >> 64) + static_cast<uint64_t>(middle_left) + static_cast<uint64_t>(middle_right);
  return {static_cast<Uint128>(left_high) * right_high + (middle_left >> 64) + (middle_right >> 64) + (middle >> 64),
          middle << 64 | static_cast<uint64_t>(low)};
}

struct WideQuotient {
  Uint256 quotient;
  Uint128 remainder = 0;
};

// `divisor` is not zero. Schoolbook division with 64-bit digits: Knuth, The Art of Computer Programming, 4.3.1 D.
inline WideQuotient divide_wide(Uint256 dividend, Uint128 divisor) {
  const Uint128 quotient_high = dividend.high / divisor;
  const Uint128 rest = dividend.high % divisor;
  if (rest == 0) return {{quotient_high, dividend.low / divisor}, dividend.low % divisor};

  // From here on the divisor is above 1 and `rest` is below it. It is shifted until its top bit is set, which makes the
  // estimate of a digit from the leading digits at most two too large.
  const auto divisor_high_word = static_cast<uint64_t>(divisor >> 64);
  const int shift = divisor_high_word != 0 ? std::countl_zero(divisor_high_word)
                                           : 64 + std::countl_zero(static_cast<uint64_t>(divisor));
  const Uint128 normal = divisor << shift;
  const auto normal_high = static_cast<uint64_t>(normal >> 64);
  const auto normal_low = static_cast<uint64_t>(normal);
  const Uint128 top = shift == 0 ? rest : rest << shift | dividend.low >> (128 - shift);
  const Uint128 bottom = dividend.low << shift;

  const auto next_digit = [&](Uint128 upper, uint64_t lower, Uint128& digit) {
    digit = upper / normal_high;
    Uint128 left_over = upper - digit * normal_high;
    while (digit >> 64 != 0 || digit * normal_low > (left_over << 64 | lower)) {
      --digit;
      left_over += normal_high;
      if (left_over >> 64 != 0) break;
    }
    return (upper << 64 | lower) - digit * normal;  // modulo 2^128, which is where the true value lies
  };
  Uint128 first = 0;
  Uint128 second = 0;
  const Uint128 between = next_digit(top, static_cast<uint64_t>(bottom >> 64), first);
  const Uint128 remainder = next_digit(between, static_cast<uint64_t>(bottom), second);
  return {{quotient_high, first << 64 | second}, remainder >> shift};
}

}  // namespace headrace
