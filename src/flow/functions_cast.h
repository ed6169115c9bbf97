// Casts from and to text, which every type has. Internal to functions_cast*.cc.
#pragma once

#include "flow/functions_kernel.h"

namespace headrace {

void cast_from_text(const Type& to, const Call& call, ColumnData& result);
void cast_to_text(const Type& from, const Call& call, ColumnData& result);

// Rounds to the scale of numeric(p,s). Fails the row if the digits do not fit; plain numeric takes everything.
void put_numeric(const Call& call, ColumnData& result, size_t row, const Decimal& value);

}  // namespace headrace
