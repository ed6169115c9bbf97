#include "flow/functions_document.h"

#include <charconv>

#include "flow/functions_characters.h"

#include "schema/json_scan.h"

namespace headrace {
namespace {

// Calls `use(name, value)` for each member of an object, or each element of an array (without a name), until it returns
// false.
template <typename Use>
void for_each_part(std::string_view document, Use use) {
  const bool is_object = document[0] == '{';
  size_t at = skip_json_space(document, 1);
  while (at < document.size() && document[at] != '}' && document[at] != ']') {
    std::string_view name;
    if (is_object) {
      const size_t end = skip_json_value(document, at);
      if (end == std::string_view::npos) return;
      name = document.substr(at, end - at);
      at = skip_json_space(document, end) + 1;  // behind the colon
      at = skip_json_space(document, at);
    }
    const size_t end = skip_json_value(document, at);
    if (end == std::string_view::npos) return;
    if (!use(name, document.substr(at, end - at))) return;
    at = skip_json_space(document, end);
    if (at < document.size() && document[at] == ',') at = skip_json_space(document, at + 1);
  }
}

uint32_t hexadecimal(std::string_view digits) {
  uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

bool is_named(std::string_view quoted, std::string_view name) {
  const std::string_view inner = quoted.substr(1, quoted.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return inner == name;
  std::string plain;
  append_unescaped(plain, quoted);
  return plain == name;
}

}  // namespace

std::optional<std::string_view> document_member(std::string_view document, std::string_view name) {
  if (!document.starts_with('{')) return std::nullopt;
  std::optional<std::string_view> found;
  for_each_part(document, [&](std::string_view quoted, std::string_view value) {
    if (is_named(quoted, name)) found = value;
    return true;
  });
  return found;
}

std::optional<std::string_view> document_element(std::string_view document, int64_t index) {
  if (document.starts_with('{')) return std::nullopt;
  if (!document.starts_with('[')) return index == 0 || index == -1 ? std::optional(document) : std::nullopt;
  if (index < 0) {
    int64_t count = 0;
    for_each_part(document, [&](std::string_view, std::string_view) { return ++count > 0; });
    index += count;
    if (index < 0) return std::nullopt;
  }
  std::optional<std::string_view> found;
  for_each_part(document, [&](std::string_view, std::string_view value) {
    if (index-- > 0) return true;
    found = value;
    return false;
  });
  return found;
}

void append_document_text(std::string& out, std::string_view document) {
  bool in_string = false;
  for (size_t at = 0; at < document.size(); ++at) {
    const char c = document[at];
    out.push_back(c);
    if (in_string && c == '\\' && at + 1 < document.size()) {
      out.push_back(document[++at]);
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == ':' || c == ',')) {
      out.push_back(' ');
    }
  }
}

void append_unescaped(std::string& out, std::string_view json) {
  for (size_t at = 1; at + 1 < json.size(); ++at) {
    if (json[at] != '\\') {
      out.push_back(json[at]);
      continue;
    }
    switch (json[++at]) {
      case 'b': out.push_back('\b'); break;
      case 'f': out.push_back('\f'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case 'u': {
        uint32_t code = hexadecimal(json.substr(at + 1, 4));
        at += 4;
        if (code >= 0xd800 && code < 0xdc00 && at + 6 < json.size() && json[at + 1] == '\\') {
          code = 0x10000 + ((code - 0xd800) << 10) + (hexadecimal(json.substr(at + 3, 4)) - 0xdc00);
          at += 6;
        }
        append_code(out, code);
        break;
      }
      default: out.push_back(json[at]);
    }
  }
}

}  // namespace headrace
