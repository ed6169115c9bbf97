// CSV as RFC 4180 and PostgreSQL's COPY have it: fields may be quoted and then hold commas, quotes (doubled) and line
// ends; lines end with LF or CRLF; an empty field is NULL and a quoted empty field is the empty text.
#pragma once

#include "schema/row_shape.h"

namespace headrace {

// Which column each field of a line fills. Throws Error(kInvalid) for names that are unknown or repeated, and for a
// missing column that has to be there.
std::vector<int> read_csv_header(std::string_view line, const RowShape& shape);

// Parses the lines of `body` from `at` on, which stands behind the header.
void parse_csv_rows(std::string_view body, size_t at, const std::vector<int>& header, const RowShape& shape,
                    RowSink& sink);

// The end of the line at `at`, behind its line end, with quotes respected.
size_t csv_line_end(std::string_view body, size_t at);

}  // namespace headrace
