#include "cli/sql_text.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "fmt/format.h"

namespace headrace {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Of a name or keyword; every byte beyond ASCII is.
bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

// Each gives the place behind what begins at `at`, or npos when the text ends in it.

size_t behind_comment(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    const std::string_view two = text.substr(at, 2);
    at += two == "/*" || two == "*/" ? 2 : 1;
    if (two == "/*") ++depth;
    if (two == "*/" && --depth == 0) return at;
  }
  return std::string_view::npos;
}

// A doubled quote closes, and opens again.
size_t behind_quoted(std::string_view text, size_t at, bool backslash_escapes) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (text[at] == quote) return at + 1;
    if (backslash_escapes && text[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

// $1 is a parameter, and $ may be an operator's.
size_t behind_dollar(std::string_view text, size_t at) {
  size_t end = at + 1;
  if (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end]))) return end;
  while (end < text.size() && is_word(text[end])) ++end;
  if (end == text.size() || text[end] != '$') return end;
  const std::string_view tag = text.substr(at, end + 1 - at);
  const size_t close = text.find(tag, end + 1);
  return close == std::string_view::npos ? close : close + tag.size();
}

size_t behind_word(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && (is_word(text[end]) || text[end] == '$')) ++end;
  const bool escapes = end == at + 1 && (text[at] == 'e' || text[at] == 'E');
  return escapes && end < text.size() && text[end] == '\'' ? behind_quoted(text, end, true) : end;
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

SqlEnd sql_end(std::string_view text) {
  SqlEnd state = SqlEnd::kNothing;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::string_view two = text.substr(at, 2);
    if (is_space(c)) {
      ++at;
    } else if (two == "--") {
      at = std::min(text.find('\n', at), text.size());
    } else if (two == "/*") {
      at = behind_comment(text, at);
      if (at == std::string_view::npos) return SqlEnd::kOpen;
    } else {
      state = c == ';' ? SqlEnd::kEnded : SqlEnd::kOpen;
      at = c == '\'' || c == '"' ? behind_quoted(text, at, false)
           : c == '$'            ? behind_dollar(text, at)
           : is_word(c)          ? behind_word(text, at)
                                 : at + 1;
      if (at == std::string_view::npos) return SqlEnd::kOpen;
    }
  }
  return state;
}

Error located(const Error& error, std::string_view text, std::string_view file) {
  const int64_t at = error.where().position;
  if (at < 0 || static_cast<size_t>(at) > text.size()) {
    if (file.empty()) return error;
    return {error.code(), fmt::format("{}: {}", file, error.message()), error.where()};
  }
  const auto position = static_cast<size_t>(at);
  const size_t begin = position == 0 ? 0 : text.rfind('\n', position - 1) + 1;
  std::string_view line = text.substr(begin, std::min(text.find('\n', position), text.size()) - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::string_view before = text.substr(begin, position - begin);
  const auto number = std::ranges::count(text.substr(0, begin), '\n') + 1;
  const size_t column = characters(before) + 1;
  std::string where;
  if (!file.empty()) {
    where = fmt::format("{}:{}:{}: ", file, number, column);
  } else if (text.substr(0, text.find_last_not_of(" \t\r\n") + 1).contains('\n')) {
    where = fmt::format("line {}, column {}: ", number, column);
  }
  // Tabs are as wide here as there.
  std::string padding;
  for (const char c : before)
    if ((c & 0xc0) != 0x80) padding += c == '\t' ? '\t' : ' ';
  return {error.code(), fmt::format("{}{}\n  {}\n  {}^", where, error.message(), line, padding), error.where()};
}

}  // namespace headrace
