// LIKE and regular expressions. A LIKE pattern is cut at its % into texts that are found one after the other; one with
// _ becomes a regular expression. Those are RE2's, whose time is linear in the text whatever the pattern.
#include <re2/re2.h>

#include <cstring>
#include <memory>
#include <unordered_map>

#include "flow/functions_characters.h"
#include "flow/functions_kernel.h"

namespace headrace {

using enum Kind;

namespace {

using Text = std::string_view;

// A compiled pattern costs far more than a match, and the same few constant patterns come back with every batch. So
// each thread keeps those it used last.
class Patterns {
 public:
  const RE2& get(Text pattern, bool ignore_case) {
    std::string key = (ignore_case ? "i" : "c") + std::string(pattern);
    if (const auto found = compiled_.find(key); found != compiled_.end()) return *found->second;
    if (compiled_.size() >= kPatternsMax) compiled_.clear();
    RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_case_sensitive(!ignore_case);
    options.set_max_mem(kPatternBytesMax);
    return *compiled_
                .emplace(std::move(key),
                         std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), options))
                .first->second;
  }

 private:
  static constexpr size_t kPatternsMax = 32;
  static constexpr int64_t kPatternBytesMax = 1 << 20;
  std::unordered_map<std::string, std::unique_ptr<RE2>> compiled_;
};

Patterns& patterns() {
  thread_local Patterns instance;
  return instance;
}

re2::StringPiece piece(Text text) {
  return {text.data(), text.size()};
}

// One LIKE pattern, made ready.
class LikePattern {
 public:
  explicit LikePattern(Text pattern) {
    bool has_any_character = false;
    std::string expression;
    parts_.emplace_back();
    for (size_t at = 0; at < pattern.size(); ++at) {
      const char c = pattern[at];
      if (c == '%') {
        parts_.emplace_back();
        expression += ".*";
      } else if (c == '_') {
        has_any_character = true;
        expression += '.';
      } else {
        if (c == '\\' && ++at == pattern.size()) {
          error_ = "LIKE pattern must not end with escape character";
          return;
        }
        parts_.back() += pattern[at];
        expression += RE2::QuoteMeta(piece(pattern.substr(at, 1)));
      }
    }
    if (!has_any_character) return;
    expression_ = &patterns().get(expression, false);
    if (!expression_->ok()) error_ = "the LIKE pattern is too large";
  }

  const char* error() const { return error_; }

  bool matches(Text text) const {
    if (expression_ != nullptr) return RE2::FullMatch(piece(text), *expression_);
    if (parts_.size() == 1) return text == parts_[0];
    const std::string& last = parts_.back();
    if (!text.starts_with(parts_[0])) return false;
    text.remove_prefix(parts_[0].size());
    if (!text.ends_with(last)) return false;
    text.remove_suffix(last.size());
    for (size_t i = 1; i + 1 < parts_.size(); ++i) {
      const std::string& part = parts_[i];
      if (part.empty()) continue;
      if (part.size() > text.size()) return false;
      const void* found = memmem(text.data(), text.size(), part.data(), part.size());
      if (found == nullptr) return false;
      text.remove_prefix(static_cast<size_t>(static_cast<const char*>(found) - text.data()) + part.size());
    }
    return true;
  }

 private:
  std::vector<std::string> parts_;  // the texts between %
  const RE2* expression_ = nullptr;
  const char* error_ = nullptr;
};

template <bool wanted, bool ignore_case>
void like(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<Text> sources(call, 1);
  std::optional<LikePattern> pattern;
  std::string lower;
  for_each_row(call, result, [&](size_t row) -> const char* {
    if (!pattern || !call.is_constant(1)) {
      lower.clear();
      if (ignore_case) append_lower(lower, sources[row]);
      pattern.emplace(ignore_case ? Text(lower) : sources[row]);
    }
    if (pattern->error() != nullptr) return pattern->error();
    lower.clear();
    if (ignore_case) append_lower(lower, texts[row]);
    result.ints[row] = pattern->matches(ignore_case ? Text(lower) : texts[row]) == wanted;
    return nullptr;
  });
}

template <bool wanted, bool ignore_case>
void match_expression(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<Text> sources(call, 1);
  const RE2* expression = nullptr;
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    if (expression == nullptr || !call.is_constant(1)) expression = &patterns().get(sources[row], ignore_case);
    if (!expression->ok()) {
      fail(call, result, row, "invalid regular expression: " + expression->error());
    } else {
      result.ints[row] = RE2::PartialMatch(piece(texts[row]), *expression) == wanted;
    }
  }
}

// Turns a pattern with another escape character, or none, into one with a backslash.
const char* convert_escape(Text pattern, Text escape, std::string& out) {
  if (count_characters(escape) > 1) return "invalid escape string";
  while (!pattern.empty()) {
    const Text character = first_character(pattern);
    pattern.remove_prefix(character.size());
    if (!escape.empty() && character == escape) {
      const Text next = first_character(pattern);
      out.append("\\").append(next);
      pattern.remove_prefix(next.size());
    } else {
      if (character == "\\") out.append("\\");
      out.append(character);
    }
  }
  return nullptr;
}

void like_escape(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<Text> escapes(call, 1);
  Arena arena;
  std::string out;
  for_each_row(call, result, [&](size_t row) -> const char* {
    out.clear();
    if (const char* error = convert_escape(texts[row], escapes[row], out)) return error;
    if (out.size() > kValueBytesMax) return kTooLong;
    result.bytes[row] = arena.add(out);
    return nullptr;
  });
  result.buffers.push_back(arena.buffer());
}

}  // namespace

void add_pattern_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, Kind result, auto evaluate, std::string_view description) {
    table.push_back({.name = name,
                     .parameters = {kText, kText},
                     .result = result,
                     .evaluate = evaluate,
                     .description = description});
  };
  add("~~", kBoolean, like<true, false>, "LIKE: % stands for any text, _ for any character");
  add("!~~", kBoolean, like<false, false>, "NOT LIKE");
  add("~~*", kBoolean, like<true, true>, "ILIKE: LIKE whatever the case");
  add("!~~*", kBoolean, like<false, true>, "NOT ILIKE");
  add("~", kBoolean, match_expression<true, false>, "matches a regular expression (RE2)");
  add("!~", kBoolean, match_expression<false, false>, "does not match a regular expression");
  add("~*", kBoolean, match_expression<true, true>, "matches a regular expression, whatever the case");
  add("!~*", kBoolean, match_expression<false, true>, "does not match a regular expression, whatever the case");
  add("like_escape", kText, like_escape, "a LIKE pattern with another escape character: LIKE ... ESCAPE");
}

}  // namespace headrace
