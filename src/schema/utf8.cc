#include "schema/utf8.h"

#include <cstdint>
#include <cstring>

namespace headrace {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;
constexpr uint64_t kOnes = 0x0101010101010101;

// The length of the valid multi-byte sequence at `at`, or 0. RFC 3629 section 4.
size_t sequence(const uint8_t* at, const uint8_t* end) {
  const auto continues = [&](size_t i, uint8_t least = 0x80, uint8_t most = 0xbf) {
    return at[i] >= least && at[i] <= most;
  };
  const auto left = static_cast<size_t>(end - at);
  const uint8_t lead = at[0];
  if (lead >= 0xc2 && lead <= 0xdf) return left >= 2 && continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const uint8_t least = lead == 0xe0 ? 0xa0 : 0x80;
    const uint8_t most = lead == 0xed ? 0x9f : 0xbf;
    return left >= 3 && continues(1, least, most) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const uint8_t least = lead == 0xf0 ? 0x90 : 0x80;
    const uint8_t most = lead == 0xf4 ? 0x8f : 0xbf;
    return left >= 4 && continues(1, least, most) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

template <bool kZeroAllowed>
bool valid(std::string_view text) {
  const auto* at = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = at + text.size();
  while (at != end) {
    while (end - at >= 8) {
      uint64_t word;
      std::memcpy(&word, at, sizeof word);
      // Without high bits, a byte borrows in word - kOnes exactly when it, or a zero byte below it, is zero.
      const uint64_t special = kZeroAllowed ? word : word | (word - kOnes);
      if (special & kHighBits) break;
      at += 8;
    }
    if (at == end) break;
    if (*at < 0x80) {
      if (!kZeroAllowed && *at == 0) return false;
      ++at;
      continue;
    }
    const size_t size = sequence(at, end);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

}  // namespace

bool valid_utf8(std::string_view text) {
  return valid<true>(text);
}

bool valid_text(std::string_view text) {
  return valid<false>(text);
}

}  // namespace headrace
