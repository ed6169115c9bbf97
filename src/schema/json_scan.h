// Finds places in JSON text by looking at brackets and quotes only: the end of a value, to split an array into its
// elements before any of them is parsed, and the place of a member, for messages about a document that is valid JSON
// and still wrong. (What is wrong with the JSON itself, and where, says append_canonical_json of json_text.h.)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace headrace {

// A step into a document: a member's name or an element's index.
using JsonStep = std::variant<std::string, size_t>;

// Where the value at `path` starts in a valid document; the deepest part of the path that exists.
size_t locate_json(std::string_view text, std::span<const JsonStep> path);

// The end of the value that starts at `at` (a brace, a bracket, a quote or a scalar), found by matching brackets
// outside of strings, without looking further into it; npos if it does not end.
size_t skip_json_value(std::string_view text, size_t at);

// How deep brackets are nested, outside of strings: 0 for a scalar.
int json_depth(std::string_view text);

inline bool is_json_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

inline size_t skip_json_space(std::string_view text, size_t at) {
  while (at < text.size() && is_json_space(text[at])) ++at;
  return at;
}

}  // namespace headrace
