// Values as JSON and back: how rows are shown, how a column's default is written down, and what arrays are made of.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/value.h"

namespace headrace {

// Reads what append_json (value.h) writes, and what people write in its place: numbers in strings, integers for
// doubles. JSON null is NULL. Throws Error(kInvalid) with a message like `"12,5" is not numeric(12,2)`.
Value parse_json(std::string_view json, const Type& type);

// What a JSON string with this content is: as parse_text (value.h) reads it, but bytea is base64, as rows show it.
Value parse_json_string(std::string_view content, const Type& type);

// The elements of an array held as JSON text. Throws Error(kInvalid) when one is not of the type.
std::vector<Value> array_elements(std::string_view json, Kind element);
// The JSON text in which an array is held.
std::string array_json(std::span<const Value> elements, Kind element);

// PostgreSQL's "{1,2,NULL}" form, one dimension. parse throws Error(kInvalid).
std::vector<Value> parse_array_text(std::string_view text, Kind element);
void append_array_text(std::string& out, std::string_view json, Kind element);

}  // namespace headrace
