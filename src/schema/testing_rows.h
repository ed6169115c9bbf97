// Random row types and rows for property tests: every type, its extremes, NULLs, odd names and odd texts.
#pragma once

#include "base/random.h"
#include "schema/columns.h"

namespace headrace::testing {

Type random_type(Random& random);
RowTypePtr random_row_type(Random& random, size_t columns_max);
// A value that is not NULL.
Value random_value(Random& random, const Type& type);
Batch random_batch(Random& random, const RowTypePtr& type, size_t rows);
// The row as JSON, for comparing and showing.
std::string row_json(const Batch& batch, size_t row);

}  // namespace headrace::testing
