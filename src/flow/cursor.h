// Where a page of a view ended, as text that clients send back: opaque, and checked to be of this view.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/store.h"

namespace headrace {

struct Cursor {
  std::string key;      // of the last stored pair on the page
  int64_t repeats = 0;  // how many of the equal rows it stands for the page had; 0: all

  // base64url. Tables are never used again, so the table's number tells the view.
  std::string to_string(TableId table) const;
  // Throws Error(kInvalid) for a text that is not a cursor of `table`.
  static Cursor parse(std::string_view text, TableId table);
};

}  // namespace headrace
