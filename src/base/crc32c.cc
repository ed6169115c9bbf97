// The crc32 instruction takes three cycles but a new one can start every cycle. So three neighbouring blocks are
// computed at once, and their results joined: the checksum of A followed by n bytes is the one of A, advanced over n
// zero bytes, xor the one of those n bytes alone. To advance is to multiply by x^(8n) modulo the polynomial, which is
// linear: four tables of 256 entries do it for one n. (Gopal and others, "Fast CRC Computation for iSCSI Polynomial
// Using CRC32 Instruction", 2011; Adler's crc32c.c has the same structure.)
#include "base/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace headrace {
namespace detail {
namespace {

// Bit-reversed, as everything here: the most significant bit stands for x^0.
constexpr uint32_t kPolynomial = 0x82f63b78;

constexpr uint32_t multiply(uint32_t left, uint32_t right) {
  uint32_t product = 0;
  for (uint32_t bit = uint32_t{1} << 31; bit != 0; bit >>= 1) {
    if ((left & bit) != 0) product ^= right;
    right = (right & 1) != 0 ? (right >> 1) ^ kPolynomial : right >> 1;
  }
  return product;
}

// kPowers[k] advances a checksum over 2^k zero bytes.
constexpr auto kPowers = [] {
  std::array<uint32_t, 64> powers{};
  uint32_t power = uint32_t{1} << 23;  // x^8
  for (uint32_t& each : powers) {
    each = power;
    power = multiply(power, power);
  }
  return powers;
}();

// x^(8 * size), modulo the polynomial.
constexpr uint32_t power_of(uint64_t size) {
  uint32_t power = uint32_t{1} << 31;  // x^0
  for (size_t bit = 0; size > 0; ++bit, size >>= 1) {
    if ((size & 1) != 0) power = multiply(power, kPowers[bit]);
  }
  return power;
}

using Table = std::array<std::array<uint32_t, 256>, 8>;

// kBytes[k][b] is the checksum of byte b followed by k zero bytes ("slicing by 8").
constexpr Table kBytes = [] {
  Table table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ kPolynomial : crc >> 1;
    table[0][byte] = crc;
  }
  for (size_t slice = 1; slice < 8; ++slice) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = table[slice - 1][byte];
      table[slice][byte] = (before >> 8) ^ table[0][before & 0xff];
    }
  }
  return table;
}();

uint32_t step_by_table(uint32_t state, const char* at, size_t size) {
  while (size >= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    word ^= state;
    state = kBytes[7][word & 0xff] ^ kBytes[6][(word >> 8) & 0xff] ^ kBytes[5][(word >> 16) & 0xff] ^
            kBytes[4][(word >> 24) & 0xff] ^ kBytes[3][(word >> 32) & 0xff] ^ kBytes[2][(word >> 40) & 0xff] ^
            kBytes[1][(word >> 48) & 0xff] ^ kBytes[0][word >> 56];
    at += 8;
    size -= 8;
  }
  for (; size > 0; --size) state = (state >> 8) ^ kBytes[0][(state ^ static_cast<uint8_t>(*at++)) & 0xff];
  return state;
}

}  // namespace

uint32_t crc32c_by_table(std::string_view bytes, uint32_t crc) {
  return ~step_by_table(~crc, bytes.data(), bytes.size());
}

#if defined(__x86_64__)
namespace {

using Advance = std::array<std::array<uint32_t, 256>, 4>;

// Advances a checksum over `size` zero bytes, one byte of the checksum per table.
constexpr Advance make_advance(size_t size) {
  const uint32_t power = power_of(size);
  Advance result{};
  for (size_t part = 0; part < 4; ++part) {
    for (uint32_t byte = 1; byte < 256; ++byte) {
      const uint32_t rest = byte & (byte - 1);
      result[part][byte] =
          rest != 0 ? result[part][rest] ^ result[part][byte ^ rest] : multiply(power, byte << (8 * part));
    }
  }
  return result;
}

// Large blocks make the joining cheap; small ones serve what is left and short messages.
constexpr size_t kLarge = 4096;
constexpr size_t kSmall = 256;
constexpr Advance kAdvanceLarge = make_advance(kLarge);
constexpr Advance kAdvanceSmall = make_advance(kSmall);

uint32_t advance(const Advance& over, uint32_t crc) {
  return over[0][crc & 0xff] ^ over[1][(crc >> 8) & 0xff] ^ over[2][(crc >> 16) & 0xff] ^ over[3][crc >> 24];
}

uint64_t load(const char* from) {
  uint64_t word;
  std::memcpy(&word, from, 8);
  return word;
}

template <size_t kBlock>
__attribute__((target("sse4.2"))) uint32_t three_blocks(const Advance& over, uint32_t state, const char* at) {
  uint64_t first = state;
  uint64_t second = 0;
  uint64_t third = 0;
  for (const char* const end = at + kBlock; at < end; at += 8) {
    first = _mm_crc32_u64(first, load(at));
    second = _mm_crc32_u64(second, load(at + kBlock));
    third = _mm_crc32_u64(third, load(at + 2 * kBlock));
  }
  const uint32_t joined = advance(over, static_cast<uint32_t>(first)) ^ static_cast<uint32_t>(second);
  return advance(over, joined) ^ static_cast<uint32_t>(third);
}

}  // namespace

bool crc32c_instruction_exists() {
  return __builtin_cpu_supports("sse4.2") != 0;
}

__attribute__((target("sse4.2"))) uint32_t crc32c_by_instruction(std::string_view bytes, uint32_t crc) {
  const char* at = bytes.data();
  size_t size = bytes.size();
  uint32_t state = ~crc;
  for (; size >= 3 * kLarge; size -= 3 * kLarge, at += 3 * kLarge)
    state = three_blocks<kLarge>(kAdvanceLarge, state, at);
  for (; size >= 3 * kSmall; size -= 3 * kSmall, at += 3 * kSmall)
    state = three_blocks<kSmall>(kAdvanceSmall, state, at);
  uint64_t wide = state;
  for (; size >= 8; size -= 8, at += 8) wide = _mm_crc32_u64(wide, load(at));
  state = static_cast<uint32_t>(wide);
  for (; size > 0; --size) state = _mm_crc32_u8(state, static_cast<uint8_t>(*at++));
  return ~state;
}

#else

bool crc32c_instruction_exists() {
  return false;
}
uint32_t crc32c_by_instruction(std::string_view bytes, uint32_t crc) {
  return crc32c_by_table(bytes, crc);
}

#endif
}  // namespace detail

uint32_t crc32c(std::string_view bytes, uint32_t crc) {
  static const bool instruction = detail::crc32c_instruction_exists();
  return instruction ? detail::crc32c_by_instruction(bytes, crc) : detail::crc32c_by_table(bytes, crc);
}

uint32_t crc32c_joined(uint32_t a, uint32_t b, uint64_t b_size) {
  return detail::multiply(detail::power_of(b_size), a) ^ b;
}

}  // namespace headrace
