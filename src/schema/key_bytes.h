// Bytes of any length as key bytes that end themselves: 0x00 becomes 0x00 0xff, and 0x00 0x01 stands at the end, so
// that a text sorts before every longer one that begins with it. The encoding of CockroachDB and others.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace headrace {

inline constexpr char kEscapedZero = static_cast<char>(0xff);
inline constexpr char kEndOfBytes = 0x01;

inline void append_bytes_key(std::string& out, std::string_view bytes) {
  while (true) {
    const size_t zero = bytes.find('\0');
    if (zero == std::string_view::npos) break;
    out.append(bytes.substr(0, zero + 1));
    out.push_back(kEscapedZero);
    bytes.remove_prefix(zero + 1);
  }
  out.append(bytes);
  out.push_back('\0');
  out.push_back(kEndOfBytes);
}

// Appends to `text` what was encoded at the front of `bytes`, and takes it off.
inline void take_bytes_key(std::string_view& bytes, std::string& text) {
  while (true) {
    const size_t zero = bytes.find('\0');
    if (zero == std::string_view::npos || zero + 1 == bytes.size()) Reader(bytes).fail("a text in a key has no end");
    text.append(bytes.substr(0, zero));
    const char mark = bytes[zero + 1];
    bytes.remove_prefix(zero + 2);
    if (mark == kEndOfBytes) return;
    if (mark != kEscapedZero) Reader(bytes).fail("a text in a key has a wrong escape");
    text.push_back('\0');
  }
}

}  // namespace headrace
