// The format of .test files, in the spirit of SQLite's sqllogictest: blocks with a blank line between them. A block's
// first line says what it is, the lines after it are SQL, and after a line of four hyphens come the expected rows, one
// a line, values separated by `|`, sorted by bytes. See README.md beside this file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

struct Block {
  enum class Kind {
    kStatement,  // must work
    kError,      // must fail, with `argument` in the message
    kQuery,      // an ad hoc SELECT
    kOrdered,    // the same, and the order of rows counts
    kView,       // the rows that a view's flow keeps; `argument` is its name
    kDead,       // `argument` is "NAME COUNT": so many rows of the view could not be evaluated
  };
  Kind kind = Kind::kStatement;
  std::string argument;
  std::string sql;
  std::vector<std::string> expected;
  size_t line = 0;  // from 1
};

// Throws std::runtime_error with the line for what is not a block.
std::vector<Block> parse_script(std::string_view text);
