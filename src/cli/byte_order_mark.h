// Windows programs put one in front of UTF-8 text. It is no part of the text.
#pragma once

#include <string>
#include <string_view>

namespace headrace {

inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

inline void remove_byte_order_mark(std::string& text) {
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
}

}  // namespace headrace
