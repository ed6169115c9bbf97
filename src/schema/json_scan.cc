#include "schema/json_scan.h"

#include <algorithm>

namespace headrace {
namespace {

size_t skip_string(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

}  // namespace

size_t skip_json_value(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    switch (text[at]) {
      case '"':
        at = skip_string(text, at);
        if (at == std::string_view::npos || depth == 0) return at;
        continue;
      case '{':
      case '[': ++depth; break;
      case '}':
      case ']':
        if (depth == 0) return at;
        if (--depth == 0) return at + 1;
        break;
      case ',':
      case ' ':
      case '\n':
      case '\r':
      case '\t':
        if (depth == 0) return at;
        break;
      default: break;
    }
    ++at;
  }
  return depth == 0 ? at : std::string_view::npos;
}

int json_depth(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
    if (c == '}' || c == ']') --depth;
    if (c == '"') {
      const size_t end = skip_string(text, at);
      if (end == std::string_view::npos) break;
      at = end - 1;
    }
  }
  return deepest;
}

size_t locate_json(std::string_view text, std::span<const JsonStep> path) {
  size_t at = skip_json_space(text, 0);
  for (const JsonStep& step : path) {
    const bool object = at < text.size() && text[at] == '{';
    size_t next = skip_json_space(text, at + 1);
    bool found = false;
    for (size_t index = 0; next < text.size() && text[next] != '}' && text[next] != ']'; ++index) {
      size_t end = skip_json_value(text, next);
      if (end == std::string_view::npos) return at;
      if (object) {
        const auto* name = std::get_if<std::string>(&step);
        found = name != nullptr && text.substr(next + 1, end - next - 2) == *name;
        next = skip_json_space(text, skip_json_space(text, end) + 1);
        if (!found) end = skip_json_value(text, next);
      } else {
        const auto* wanted = std::get_if<size_t>(&step);
        found = wanted != nullptr && *wanted == index;
      }
      if (found) break;
      if (end == std::string_view::npos) return at;
      next = skip_json_space(text, end);
      if (next < text.size() && text[next] == ',') next = skip_json_space(text, next + 1);
    }
    if (!found) return at;
    at = next;
  }
  return at;
}

}  // namespace headrace
