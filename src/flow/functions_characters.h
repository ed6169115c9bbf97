// Characters of UTF-8 text. Text is valid when it gets here (schema/utf8.h checks it where it comes in). Internal to
// functions*.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace headrace {

inline bool is_continuation(char byte) {
  return (static_cast<uint8_t>(byte) & 0xc0) == 0x80;
}

inline int64_t count_characters(std::string_view text) {
  int64_t count = 0;
  for (const char byte : text) count += is_continuation(byte) ? 0 : 1;
  return count;
}

// Where the character that follows the first `count` begins; the end if there are not so many.
inline size_t after_characters(std::string_view text, int64_t count) {
  size_t at = 0;
  for (; count > 0 && at < text.size(); --count) {
    ++at;
    while (at < text.size() && is_continuation(text[at])) ++at;
  }
  return at;
}

// The first character, or nothing.
inline std::string_view first_character(std::string_view text) {
  return text.substr(0, after_characters(text, 1));
}

// Appends one character.
void append_code(std::string& out, uint32_t code);

// Changes the case of every character that has another one, as towlower() and towupper() do with UTF-8.
void append_lower(std::string& out, std::string_view text);
void append_upper(std::string& out, std::string_view text);

}  // namespace headrace
