// INSERT INTO name (columns) VALUES ...: what of it there is.
#pragma once

#include "sql/syntax.h"

namespace headrace {

// Throws Error(kUnsupported) for INSERT ... SELECT, ON CONFLICT, RETURNING and the like.
void check_insert(const PgQuery__InsertStmt& statement);

}  // namespace headrace
