// What POST /v1/sql answers, for people: aligned columns, numbers to the right, and every number as the server wrote
// it.
#pragma once

#include <string>
#include <string_view>

namespace headrace {

// `json` is one result or an array of results. Throws Error(kCorrupt) when it is neither.
std::string text_results(std::string_view json);

}  // namespace headrace
