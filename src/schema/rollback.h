// Taking back a row that turned out bad after some of its cells had been appended: decoders and parsers append as they
// read, because looking twice at every good row would cost more.
#pragma once

#include <algorithm>
#include <cstring>

#include "schema/columns.h"

namespace headrace {

// Cuts the first `columns` columns back to the rows that were ended.
inline void roll_back(BatchBuilder& to, size_t columns) {
  for (size_t index = 0; index < columns; ++index) {
    ColumnData& column = to.column(index);
    const auto cut = [rows = to.rows()](auto& values) {
      if (values.size() > rows) values.resize(rows);
    };
    cut(column.nulls);
    cut(column.ints);
    cut(column.floats);
    cut(column.decimals);
    cut(column.bytes);
    cut(column.intervals);
    if (!column.nulls.empty() && std::memchr(column.nulls.data(), 1, column.nulls.size()) == nullptr) {
      column.nulls.clear();
    }
  }
}

}  // namespace headrace
