// One cell of a row that was sent as text: converted by its column's type and appended. The common types take a short
// way, because loading a file is mostly this.
#pragma once

#include <string>
#include <string_view>

#include "schema/columns.h"

namespace headrace {

// How bytea and arrays are spelled: as JSON strings (base64; arrays are no strings there), or as CSV has them
// (PostgreSQL's hexadecimal \x00ff or base64; PostgreSQL's text of arrays).
enum class CellForm : uint8_t { kJsonString, kCsv };

// Appends `text` as a value of the column. False, and nothing appended, if it is not one.
bool append_cell(std::string_view text, CellForm form, ColumnData& column, Arena& arena);

// A JSON number. False, and nothing appended, if the type has no such value: 1.5 for an integer, or any for a text.
bool append_json_number(std::string_view token, ColumnData& column, Arena& arena);

// A JSON object or array, or a scalar for jsonb: for columns of jsonb and arrays; false for others.
bool append_json_document(std::string_view json, ColumnData& column, Arena& arena);

// What is wrong with a cell that was refused: `"12,5" is not numeric(12,2); use a point`. `shown` is the cell as it is
// named in the message: a text in quotes, a JSON token as it stands.
std::string cell_fault(std::string_view text, std::string_view shown, const Type& type);

}  // namespace headrace
