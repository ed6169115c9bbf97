// A place in a JSON text and the tokens that can be taken there, for the code that reads JSON without making a tree of
// it. Checks the grammar of RFC 8259; the first fault is kept with its position and ends the reading.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "schema/json_text.h"

namespace headrace {

class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  // The next character that is not blank, without taking it; 0 at the end.
  char peek() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
    return at_ == end_ ? '\0' : *at_;
  }
  bool at_end() { return peek() == '\0' && at_ == end_; }
  bool take(char c) {
    if (peek() != c || at_ == end_) return false;
    ++at_;
    return true;
  }

  // Each of these takes a whole token, or reports a fault and returns false.
  // Appends what the string means. \u0000, which no text may have, is a fault unless `zero_allowed`.
  bool string(std::string& out, bool zero_allowed = false);
  bool number(std::string_view& token);
  bool word(std::string_view expected);  // true, false, null
  // Any value; `token` is its text as it stands there.
  bool value(std::string_view& token, int depth = 0);

  bool fail(const char* reason) {
    if (fault_.reason == nullptr) fault_ = {static_cast<size_t>(at_ - begin_), reason};
    return false;
  }
  const JsonFault& fault() const { return fault_; }

 private:
  bool escape(std::string& out, bool zero_allowed);
  bool hexadecimal(uint32_t& unit);

  const char* begin_;
  const char* at_;
  const char* end_;
  JsonFault fault_{0, nullptr};
};

}  // namespace headrace
