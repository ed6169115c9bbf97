// What POST /v1/sql answers, for people: aligned columns, numbers to the right, and every number as the server wrote
// it.
#pragma once

#include <string>
#include <string_view>

namespace headrace {

// Long ones are shortened for a terminal, where they would break the lines of a table.
enum class Cells : bool { kShortened, kWhole };

// `json` is one result or an array of results. The cell of a result that has no other, like that of SHOW CREATE, is
// whole in any case and keeps its lines. Throws Error(kCorrupt) when `json` is neither.
std::string text_results(std::string_view json, Cells cells = Cells::kShortened);

}  // namespace headrace
