// The canonical form of jsonb: equal documents get equal bytes (but for trailing zeros of numbers, which PostgreSQL
// also keeps), so that comparing, hashing and storing need no tree.
#include <algorithm>
#include <charconv>
#include <vector>

#include "schema/json_cursor.h"
#include "schema/json_text.h"

namespace headrace {
namespace {

class Canonicalizer {
 public:
  Canonicalizer(std::string_view text, int depth_max) : cursor_(text), depth_max_(depth_max) {}

  std::optional<JsonFault> run(std::string& out) {
    if (value(out, 0) && !cursor_.at_end()) cursor_.fail("something follows the end of the document");
    if (cursor_.fault().reason == nullptr) return std::nullopt;
    return cursor_.fault();
  }

 private:
  struct Member {
    std::string name;
    std::string value;
    size_t position;
  };

  bool value(std::string& out, int depth) {
    switch (cursor_.peek()) {
      case '{': return depth < depth_max_ ? object(out, depth) : too_deep();
      case '[': return depth < depth_max_ ? array(out, depth) : too_deep();
      case '"': return string(out);
      case 't': return word(out, "true");
      case 'f': return word(out, "false");
      case 'n': return word(out, "null");
      default: return number(out);
    }
  }

  bool too_deep() { return cursor_.fail("the document is nested too deeply"); }

  bool word(std::string& out, std::string_view expected) {
    if (!cursor_.word(expected)) return false;
    out.append(expected);
    return true;
  }

  bool string(std::string& out) {
    text_.clear();
    if (!cursor_.string(text_)) return false;
    append_json_string(out, text_);
    return true;
  }

  bool array(std::string& out, int depth) {
    cursor_.take('[');
    out.push_back('[');
    if (!cursor_.take(']')) {
      do {
        if (!value(out, depth + 1)) return false;
        out.push_back(',');
      } while (cursor_.take(','));
      out.pop_back();
      if (!cursor_.take(']')) return cursor_.fail("\",\" or \"]\" was expected");
    }
    out.push_back(']');
    return true;
  }

  bool object(std::string& out, int depth) {
    cursor_.take('{');
    std::vector<Member> members;
    if (!cursor_.take('}')) {
      do {
        Member& member = members.emplace_back(Member{.position = members.size()});
        if (!cursor_.string(member.name)) return false;
        if (!cursor_.take(':')) return cursor_.fail("\":\" was expected");
        if (!value(member.value, depth + 1)) return false;
      } while (cursor_.take(','));
      if (!cursor_.take('}')) return cursor_.fail("\",\" or \"}\" was expected");
    }
    std::ranges::sort(members, [](const Member& left, const Member& right) {
      if (left.name.size() != right.name.size()) return left.name.size() < right.name.size();
      const auto order = left.name <=> right.name;
      return order != 0 ? order < 0 : left.position < right.position;
    });
    out.push_back('{');
    for (size_t i = 0; i < members.size(); ++i) {
      if (i + 1 < members.size() && members[i].name == members[i + 1].name) continue;
      append_json_string(out, members[i].name);
      out.push_back(':');
      out.append(members[i].value);
      out.push_back(',');
    }
    if (out.back() == ',') out.pop_back();
    out.push_back('}');
    return true;
  }

  // As PostgreSQL prints a numeric: no exponent, no sign on zero, zeros behind the point kept.
  bool number(std::string& out) {
    std::string_view token;
    if (!cursor_.number(token)) return false;
    const bool zero = token.find_first_of("123456789") >= token.find_first_of("eE");
    if (zero && token.front() == '-') token.remove_prefix(1);
    const size_t exponent_at = token.find_first_of("eE");
    if (exponent_at == std::string_view::npos) {
      if (token.size() > kJsonNumberDigitsMax + 2) return cursor_.fail("a number has too many digits");
      out.append(token);
      return true;
    }
    return expand(out, token.substr(0, exponent_at), token.substr(exponent_at + 1), zero);
  }

  bool expand(std::string& out, std::string_view mantissa, std::string_view exponent_text, bool zero) {
    if (exponent_text.front() == '+') exponent_text.remove_prefix(1);
    int exponent = 0;
    const auto parsed = std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
    constexpr int kLimit = static_cast<int>(kJsonNumberDigitsMax);
    if (parsed.ec != std::errc() || exponent > kLimit || exponent < -kLimit || mantissa.size() > kJsonNumberDigitsMax) {
      return cursor_.fail("a number has too many digits");
    }
    if (mantissa.front() == '-') {
      out.push_back('-');
      mantissa.remove_prefix(1);
    }
    std::string digits;
    for (const char c : mantissa) {
      if (c != '.') digits.push_back(c);
    }
    const size_t point = mantissa.find('.');
    const int fraction = point == std::string_view::npos ? 0 : static_cast<int>(mantissa.size() - point - 1);
    const int scale = fraction - exponent;
    if (zero) {
      digits.assign(1, '0');
    }
    if (scale < 0 && !zero) digits.append(static_cast<size_t>(-scale), '0');
    const auto behind = static_cast<size_t>(std::max(scale, 0));
    if (digits.size() <= behind) digits.insert(0, behind + 1 - digits.size(), '0');
    if (digits.size() > kJsonNumberDigitsMax) return cursor_.fail("a number has too many digits");
    const size_t leading = std::min(digits.find_first_not_of('0'), digits.size() - behind - 1);
    out.append(digits, leading, digits.size() - behind - leading);
    if (behind != 0) {
      out.push_back('.');
      out.append(digits, digits.size() - behind);
    }
    return true;
  }

  JsonCursor cursor_;
  const int depth_max_;
  std::string text_;
};

}  // namespace

std::optional<JsonFault> append_canonical_json(std::string& out, std::string_view text, int depth_max) {
  const size_t start = out.size();
  auto fault = Canonicalizer(text, depth_max).run(out);
  if (fault) out.resize(start);
  return fault;
}

}  // namespace headrace
