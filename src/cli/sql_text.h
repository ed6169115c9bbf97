// What the command line has to know of SQL without understanding it: whether a statement has ended, and where in a text
// an error is.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace headrace {

enum class SqlEnd : uint8_t {
  kNothing,  // spaces and comments only
  kOpen,     // in the middle of a statement, a quote or a comment
  kEnded,    // behind a semicolon that ends a statement
};

// As PostgreSQL's scanner reads it: '...', E'...', "...", $tag$...$tag$, -- and nested /* */ hide a semicolon.
SqlEnd sql_end(std::string_view text);

// The same error with the line it is on and a caret under the place, as psql shows it. `file`, if any, is what `text`
// was read from: the message then begins with FILE:LINE:COLUMN, columns counted in characters.
Error located(const Error& error, std::string_view text, std::string_view file = {});

}  // namespace headrace
