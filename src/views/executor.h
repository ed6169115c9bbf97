// Runs SQL statements: DDL through the catalogue, INSERT and DELETE through the appender, SELECT over views, tables and
// the history of streams.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "views/appender.h"
#include "views/views.h"

namespace headrace {

struct StatementResult {
  std::string statement;             // its text, shortened
  std::optional<Applied> applied;    // DDL
  std::optional<AppendResult> rows;  // INSERT, DELETE
  std::optional<Batch> result;       // SELECT, SHOW, EXPLAIN
};

struct QueryLimits {
  size_t memory_bytes_max = 64 * 1024 * 1024;  // of state and result of one SELECT
  size_t rows_max = 100'000;                   // of a result
  size_t running_max = 4;
  std::chrono::milliseconds time_max{60'000};
};

class Executor {
 public:
  virtual ~Executor() = default;
  // Runs the statements in order; the first error ends it, with Where::position in `sql`. What was done before stays.
  virtual awaitable<std::vector<StatementResult>> execute(std::string sql) = 0;
};

}  // namespace headrace
