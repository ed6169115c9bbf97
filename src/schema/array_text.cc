// PostgreSQL's text of arrays: "{1,2,NULL}". An element is in quotes when it is empty, is the word NULL, or has a
// character that means something here; within quotes a backslash takes the next character as it is (arrayfuncs.c:
// array_out).
#include <algorithm>

#include "base/error.h"
#include "fmt/format.h"
#include "schema/json_form.h"
#include "schema/text_form.h"

namespace headrace {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_null_word(std::string_view text) {
  constexpr std::string_view kNull = "null";
  return std::ranges::equal(text, kNull, {}, [](char c) { return static_cast<char>(c | 0x20); });
}

bool needs_quotes(std::string_view text) {
  return text.empty() || is_null_word(text) ||
         std::ranges::any_of(text, [](char c) { return is_space(c) || std::string_view("{},\"\\").contains(c); });
}

class ArrayParser {
 public:
  ArrayParser(std::string_view text, Kind element) : text_(text), element_(element) {}

  std::vector<Value> parse() {
    std::vector<Value> elements;
    take_blanks();
    if (!take('{')) refuse("it does not begin with {");
    take_blanks();
    if (!take('}')) {
      do {
        elements.push_back(parse_element());
        take_blanks();
      } while (take(','));
      if (!take('}')) refuse("\",\" or \"}\" was expected");
    }
    take_blanks();
    if (at_ != text_.size()) refuse("something follows the closing brace");
    return elements;
  }

 private:
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void take_blanks() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  char take_character() {
    if (take('\\') && at_ == text_.size()) refuse("nothing follows the backslash");
    if (at_ == text_.size()) refuse("the quoted element has no end");
    return text_[at_++];
  }

  Value parse_element() {
    take_blanks();
    const Type type{.kind = element_};
    std::string value;
    if (take('"')) {
      while (!take('"')) value.push_back(take_character());
      return parse_text(value, type);
    }
    size_t kept = 0;  // blanks at the end do not count, unless they were escaped
    bool any_escaped = false;
    while (at_ < text_.size() && next() != ',' && next() != '}') {
      if (next() == '{') refuse("arrays have one dimension");
      if (next() == '"') refuse("a quote within an element must be escaped");
      const bool escaped = next() == '\\';
      any_escaped |= escaped;
      value.push_back(take_character());
      if (escaped || !is_space(value.back())) kept = value.size();
    }
    value.resize(kept);
    if (value.empty()) refuse("an element is empty; write \"\" for an empty text");
    if (is_null_word(value) && !any_escaped) return {};
    return parse_text(value, type);
  }

  [[noreturn]] void refuse(std::string_view reason) const {
    const Type type{.kind = Kind::kArray, .element = element_};
    throw Error(Code::kInvalid, fmt::format("{} is not {}: at byte {}, {}", quoted(text_), type.name(), at_, reason),
                Where{.position = static_cast<int64_t>(at_)});
  }

  std::string_view text_;
  Kind element_;
  size_t at_ = 0;
};

}  // namespace

std::vector<Value> parse_array_text(std::string_view text, Kind element) {
  return ArrayParser(text, element).parse();
}

void append_array_text(std::string& out, std::string_view json, Kind element) {
  const Type type{.kind = element};
  out.push_back('{');
  bool first = true;
  for (const Value& value : array_elements(json, element)) {
    if (!first) out.push_back(',');
    first = false;
    if (is_null(value)) {
      out.append("NULL");
      continue;
    }
    const std::string text = to_text(value, type);
    if (!needs_quotes(text)) {
      out.append(text);
      continue;
    }
    out.push_back('"');
    for (const char c : text) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
  }
  out.push_back('}');
}

}  // namespace headrace
