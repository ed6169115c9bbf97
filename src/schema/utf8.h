// Whether bytes are text. Checked once, where text comes in; everything behind believes it.
#pragma once

#include <string_view>

namespace headrace {

// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool valid_utf8(std::string_view text);

// What a column of type text may hold: UTF-8 without U+0000, as in PostgreSQL.
bool valid_text(std::string_view text);

}  // namespace headrace
