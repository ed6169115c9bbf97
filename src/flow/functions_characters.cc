// PostgreSQL changes case through the C library, character by character; so does this, with the locale C.UTF-8, which
// is the same on every machine.
#include "flow/functions_characters.h"

#include <clocale>
#include <cwctype>

#include <wctype.h>

namespace headrace {
namespace {

locale_t utf8_locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

uint32_t decode(std::string_view character) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(character[i])); };
  switch (character.size()) {
    case 2: return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    case 3: return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    case 4: return (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    default: return byte(0);
  }
}

template <typename Ascii, typename Wide>
void append_changed(std::string& out, std::string_view text, Ascii ascii, Wide wide) {
  while (!text.empty()) {
    if (static_cast<uint8_t>(text[0]) < 0x80) {
      out.push_back(ascii(text[0]));
      text.remove_prefix(1);
      continue;
    }
    const std::string_view character = first_character(text);
    if (utf8_locale() == locale_t{}) {
      out.append(character);
    } else {
      append_code(out, static_cast<uint32_t>(wide(static_cast<wint_t>(decode(character)), utf8_locale())));
    }
    text.remove_prefix(character.size());
  }
}

}  // namespace

void append_code(std::string& out, uint32_t code) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

void append_lower(std::string& out, std::string_view text) {
  append_changed(out, text, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }, towlower_l);
}

void append_upper(std::string& out, std::string_view text) {
  append_changed(out, text, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }, towupper_l);
}

}  // namespace headrace
