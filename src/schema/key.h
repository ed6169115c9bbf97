// Keys of ordered tables: an encoding of values under which comparing bytes is comparing values, column by column. So a
// prefix of columns is a prefix of bytes and a range of values is a range of bytes. Format: docs/formats.md.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "schema/columns.h"

namespace headrace {

// NULL sorts after every value, as in PostgreSQL.
void append_key(std::string& out, const Value& value, const Type& type);
void append_key(std::string& out, const ColumnData& column, size_t row);
// Takes one value off the front of `bytes`. Throws Error(kCorrupt).
Value take_key(std::string_view& bytes, const Type& type);
// The smallest string greater than every string that starts with `prefix`; empty if there is none.
std::string prefix_end(std::string_view prefix);

// Values in a compact form that is not ordered, for the value side of tables. Appends value / takes it off the front.
void append_value(std::string& out, const Value& value, const Type& type);
void append_value(std::string& out, const ColumnData& column, size_t row);
Value take_value(std::string_view& bytes, const Type& type);

}  // namespace headrace
