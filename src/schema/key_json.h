// jsonb documents and arrays as key bytes, in PostgreSQL's order.
#pragma once

#include <string>
#include <string_view>

#include "schema/types.h"

namespace headrace {

// `json` is canonical (json_text.h). Order: null < string < number < false < true < array < object; arrays and objects
// by their number of elements first, then element by element (jsonb_util.c: compareJsonbContainers).
void append_jsonb_key(std::string& out, std::string_view json);
// Appends the document to `json`, in canonical form but for zeros at the end of numbers. Throws Error(kCorrupt).
void take_jsonb_key(std::string_view& bytes, std::string& json);

// Arrays compare element by element, and a shorter one is below a longer one that begins with it. A NULL element is the
// greatest (arrayfuncs.c: array_cmp).
void append_array_key(std::string& out, std::string_view json, Kind element);
void take_array_key(std::string_view& bytes, Kind element, std::string& json);

}  // namespace headrace
