// Whether bytes are text. Checked once, where text comes in; everything behind believes it.
#pragma once

#include <string_view>

namespace headrace {

// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool valid_utf8(std::string_view text);

// What a column of type text may hold: UTF-8 without U+0000, as in PostgreSQL.
bool valid_text(std::string_view text);

// The length of the byte order mark with which `text` begins, as some editors and spreadsheets write it; 0 without one.
inline size_t byte_order_mark(std::string_view text) {
  return text.starts_with("\xef\xbb\xbf") ? 3 : 0;
}

}  // namespace headrace
