// valid_text() for millions of short texts: nearly all are ASCII, which is seen eight bytes at a time and without a
// call.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "schema/utf8.h"

namespace headrace {

inline bool is_text(std::string_view text) {
  const char* at = text.data();
  size_t left = text.size();
  bool plain = true;
  for (; left >= sizeof(uint64_t); at += sizeof(uint64_t), left -= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    // A byte of zero borrows from its high bit; a false alarm only costs the full check.
    plain &= ((word | (word - 0x0101010101010101)) & 0x8080808080808080) == 0;
  }
  for (; left > 0; ++at, --left) plain &= static_cast<signed char>(*at) > 0;
  return plain || valid_text(text);
}

}  // namespace headrace
