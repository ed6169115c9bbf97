#include "schema/json_cursor.h"

#include "schema/utf8.h"

namespace headrace {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, uint32_t code) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
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

}  // namespace

bool JsonCursor::string(std::string& out, bool zero_allowed) {
  if (!take('"')) return fail("a string was expected");
  while (true) {
    const char* plain = at_;
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<uint8_t>(*at_) >= 0x20) ++at_;
    const std::string_view run(plain, static_cast<size_t>(at_ - plain));
    if (!valid_utf8(run)) {
      at_ = plain;
      return fail("the text is not UTF-8");
    }
    out.append(run);
    if (at_ == end_) return fail("the string has no end");
    if (*at_ == '"') {
      ++at_;
      return true;
    }
    if (*at_ != '\\') return fail("a control character in a string must be escaped");
    ++at_;
    if (!escape(out, zero_allowed)) return false;
  }
}

bool JsonCursor::escape(std::string& out, bool zero_allowed) {
  if (at_ == end_) return fail("the string has no end");
  switch (*at_++) {
    case '"': out.push_back('"'); return true;
    case '\\': out.push_back('\\'); return true;
    case '/': out.push_back('/'); return true;
    case 'b': out.push_back('\b'); return true;
    case 'f': out.push_back('\f'); return true;
    case 'n': out.push_back('\n'); return true;
    case 'r': out.push_back('\r'); return true;
    case 't': out.push_back('\t'); return true;
    case 'u': break;
    default: --at_; return fail("there is no such escape");
  }
  uint32_t code = 0;
  if (!hexadecimal(code)) return false;
  if (code == 0 && !zero_allowed) return fail("\\u0000 cannot be stored as text");
  if (code >= 0xdc00 && code <= 0xdfff) return fail("half of a surrogate pair is missing");
  if (code >= 0xd800 && code <= 0xdbff) {
    uint32_t low = 0;
    if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return fail("half of a surrogate pair is missing");
    at_ += 2;
    if (!hexadecimal(low)) return false;
    if (low < 0xdc00 || low > 0xdfff) return fail("half of a surrogate pair is missing");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  append_utf8(out, code);
  return true;
}

bool JsonCursor::hexadecimal(uint32_t& unit) {
  unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at_ == end_ ? '\0' : *at_;
    const char lower = static_cast<char>(c | 0x20);
    if (is_digit(c)) {
      unit = unit << 4 | static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      unit = unit << 4 | static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return fail("\\u needs four hexadecimal digits");
    }
    ++at_;
  }
  return true;
}

bool JsonCursor::number(std::string_view& token) {
  peek();
  const char* start = at_;
  const auto digits = [this] {
    const char* from = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != from;
  };
  if (at_ != end_ && *at_ == '-') ++at_;
  const bool zero = at_ != end_ && *at_ == '0';
  const char* whole = at_;
  if (!digits()) return fail("a value was expected");
  if (zero && at_ - whole > 1) return fail("a number must not begin with 0");
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return fail("a digit must follow the point");
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return fail("the exponent has no digits");
  }
  token = {start, static_cast<size_t>(at_ - start)};
  return true;
}

bool JsonCursor::word(std::string_view expected) {
  peek();
  if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(expected)) {
    return fail("a value was expected");
  }
  at_ += expected.size();
  return true;
}

bool JsonCursor::value(std::string_view& token, int depth) {
  const char first = peek();
  const char* start = at_;
  std::string unused;
  std::string_view inner;
  bool good = false;
  switch (first) {
    case '"': good = string(unused); break;
    case 't': good = word("true"); break;
    case 'f': good = word("false"); break;
    case 'n': good = word("null"); break;
    case '{':
    case '[': {
      if (depth >= kJsonDepthMax) return fail("the document is nested too deeply");
      const bool object = first == '{';
      const char close = object ? '}' : ']';
      ++at_;
      if (take(close)) {
        good = true;
        break;
      }
      do {
        if (object) {
          unused.clear();
          if (!string(unused)) return false;
          if (!take(':')) return fail("\":\" was expected");
        }
        if (!value(inner, depth + 1)) return false;
      } while (take(','));
      if (!take(close)) return fail(object ? "\",\" or \"}\" was expected" : "\",\" or \"]\" was expected");
      good = true;
      break;
    }
    default: good = number(inner); break;
  }
  token = {start, static_cast<size_t>(at_ - start)};
  return good;
}

}  // namespace headrace
