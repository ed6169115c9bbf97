// The pieces of Avro's binary form that encoder and defaults share. They write at a pointer with enough room and return
// what they wrote: the encoder reserves once per row.
#pragma once

#include <cstddef>
#include <cstdint>

namespace headrace {

inline constexpr size_t kDecimalBytesMax = sizeof(__int128);

// A decimal's unscaled value as the shortest two's complement, big-endian, and its size: 0 is one byte, 128 is two.
inline size_t put_decimal(char* to, __int128 coefficient) {
  const auto sign = static_cast<uint8_t>(coefficient < 0 ? 0xff : 0);
  size_t size = kDecimalBytesMax;
  // A leading byte is redundant when it only repeats the sign bit of the next one.
  while (size > 1 && static_cast<uint8_t>(coefficient >> (8 * (size - 1))) == sign &&
         (static_cast<uint8_t>(coefficient >> (8 * (size - 2))) & 0x80) == (sign & 0x80)) {
    --size;
  }
  for (size_t index = 0; index < size; ++index) {
    to[index] = static_cast<char>(coefficient >> (8 * (size - 1 - index)));
  }
  return size;
}

}  // namespace headrace
