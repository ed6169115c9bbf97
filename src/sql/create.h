// CREATE and ALTER: from parsed statements to definitions, with every rule that does not need the catalogue.
#pragma once

#include "sql/statements.h"
#include "sql/streaming_words.h"
#include "sql/syntax.h"

namespace headrace {

// CREATE STREAM and CREATE TABLE with columns.
CreateStream define_stream(const PgQuery__CreateStmt& statement, const StreamingWords& words);
// CREATE STREAM ... AS SELECT.
CreateStream define_derived_stream(const PgQuery__CreateTableAsStmt& statement, const StreamingWords& words);
CreateView define_view(const PgQuery__CreateTableAsStmt& statement, const StreamingWords& words);
// ALTER STREAM|TABLE ... ADD COLUMN, one for each column.
std::vector<AlterAddColumn> define_columns(const PgQuery__AlterTableStmt& statement);

}  // namespace headrace
