// JSON documents in their canonical form (json_text.h): reading a member without reading the rest, and showing them.
// Internal to functions*.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace headrace {

// The member called `name` of an object, the last one if there are several; nullopt if there is none, or no object.
std::optional<std::string_view> document_member(std::string_view document, std::string_view name);
// The element of an array, from 0, or from the end if negative. As in PostgreSQL, a document that is neither an array
// nor an object is its own only element.
std::optional<std::string_view> document_element(std::string_view document, int64_t index);

// The document as PostgreSQL prints jsonb: a blank after each colon and comma.
void append_document_text(std::string& out, std::string_view document);
// What a JSON string says, without quotes and escapes. `json` is a valid JSON string.
void append_unescaped(std::string& out, std::string_view json);

}  // namespace headrace
