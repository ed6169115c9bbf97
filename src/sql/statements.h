// Text in, statements out. The grammar is PostgreSQL's (libpg_query); what streaming adds to it (CREATE STREAM,
// WATERMARK, FORMAT, OR REPLACE MATERIALIZED VIEW, SHOW) is taken off the text first, keeping every byte's position, so
// that errors point into the text the user wrote.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sql/definitions.h"

namespace headrace {

struct CreateStream {  // and CREATE TABLE
  StreamDefinition definition;
  bool if_not_exists = false;
  bool partitions_given = false;  // else those of the topic, if there is one
};
struct CreateView {
  ViewDefinition definition;
  bool or_replace = false;
  bool if_not_exists = false;
};
struct Drop {
  enum class What : uint8_t { kStream, kTable, kView };
  What what = What::kStream;
  std::string name;
  bool if_exists = false;
  bool cascade = false;
};
struct AlterAddColumn {  // ALTER STREAM|TABLE name ADD COLUMN
  std::string name;
  Column column;
  bool if_not_exists = false;
};
struct Insert {  // INSERT INTO name (columns) VALUES ...; the values are evaluated by evaluate_insert()
  std::string name;
};
struct DeleteRow {  // DELETE FROM table WHERE key = value [AND ...]
  std::string name;
  std::vector<std::pair<std::string, Value>> key;  // text values, to be parsed with the column's type
};
struct Select {};
struct Explain {
  std::string query;
};
struct Show {  // SHOW STREAMS | TABLES | VIEWS | FUNCTIONS | CREATE name
  std::string what;
  std::string name;
};

using StatementBody =
    std::variant<CreateStream, CreateView, Drop, AlterAddColumn, Insert, DeleteRow, Select, Explain, Show>;

struct Statement {
  StatementBody body;
  std::string text;      // without the semicolon and surrounding space
  int64_t position = 0;  // of `text` in the whole
};

inline constexpr size_t kSqlBytesMax = 1024 * 1024;
inline constexpr size_t kStatementsMax = 1000;

// All statements of a text. Throws Error(kInvalid) with Where::position for syntax errors, unknown options (naming the
// known ones) and options out of range; Error(kUnsupported) for valid SQL that Headrace does not have, saying what to
// use instead where there is something.
std::vector<Statement> parse_statements(std::string_view sql);

// Line and column, from 1, of a byte position: for people.
struct LineColumn {
  size_t line;
  size_t column;
};
LineColumn line_column(std::string_view text, int64_t position);

}  // namespace headrace
