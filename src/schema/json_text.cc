#include "schema/json_text.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace headrace {
namespace {

// What stands behind the backslash: 0 if the byte is written as it is, 'u' for \u00XX.
constexpr auto kEscapes = [] {
  std::array<char, 256> escapes{};
  for (size_t i = 0; i < 0x20; ++i) escapes[i] = 'u';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}();

// Whether any of eight bytes must be escaped. May say so of bytes above 0x7f next to one; the caller looks again.
bool any_escape(const char* from) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  const auto below = [](uint64_t value, uint64_t bound) { return (value - kOnes * bound) & ~value; };
  const uint64_t quote = word ^ kOnes * '"';
  const uint64_t backslash = word ^ kOnes * '\\';
  return ((below(word, 0x20) | below(quote, 1) | below(backslash, 1)) & kOnes * 0x80) != 0;
}

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNotBase64 = 0xff;
constexpr auto kBase64Values = [] {
  std::array<uint8_t, 256> values{};
  values.fill(kNotBase64);
  for (size_t i = 0; i < kBase64.size(); ++i) values[static_cast<uint8_t>(kBase64[i])] = static_cast<uint8_t>(i);
  return values;
}();

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  const char* at = text.data();
  const char* end = at + text.size();
  const char* plain = at;  // from here on nothing was written yet
  while (at != end) {
    if (end - at >= 8 && !any_escape(at)) {
      at += 8;
      continue;
    }
    const char* stop = end - at >= 8 ? at + 8 : end;
    for (; at != stop; ++at) {
      const char escape = kEscapes[static_cast<uint8_t>(*at)];
      if (escape == 0) continue;
      out.append(plain, at);
      plain = at + 1;
      out.push_back('\\');
      out.push_back(escape);
      if (escape == 'u') {
        constexpr std::string_view kHex = "0123456789abcdef";
        out.append("00");
        out.push_back(kHex[static_cast<uint8_t>(*at) >> 4]);
        out.push_back(kHex[static_cast<uint8_t>(*at) & 15]);
      }
    }
  }
  out.append(plain, end);
  out.push_back('"');
}

void append_base64(std::string& out, std::string_view bytes) {
  const size_t start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4);
  char* to = out.data() + start;
  const auto* from = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= 3; left -= 3, from += 3) {
    const uint32_t group = static_cast<uint32_t>(from[0]) << 16 | static_cast<uint32_t>(from[1]) << 8 | from[2];
    for (int shift = 18; shift >= 0; shift -= 6) *to++ = kBase64[group >> shift & 63];
  }
  if (left == 0) return;
  const uint32_t group = static_cast<uint32_t>(from[0]) << 16 | (left == 2 ? static_cast<uint32_t>(from[1]) << 8 : 0);
  *to++ = kBase64[group >> 18];
  *to++ = kBase64[group >> 12 & 63];
  *to++ = left == 2 ? kBase64[group >> 6 & 63] : '=';
  *to++ = '=';
}

bool append_from_base64(std::string& out, std::string_view text) {
  if (text.size() % 4 == 0) {
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return false;
  const size_t start = out.size();
  out.reserve(start + text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const uint8_t value = kBase64Values[static_cast<uint8_t>(c)];
    if (value == kNotBase64) {
      out.resize(start);
      return false;
    }
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 0xff));
    }
  }
  // Bits that are left over must be zero, or two texts would mean the same bytes.
  if ((bits & ((1U << count) - 1)) != 0) {
    out.resize(start);
    return false;
  }
  return true;
}

}  // namespace headrace
