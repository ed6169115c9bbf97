// Runs SQL statements: DDL through the catalogue, INSERT and DELETE through the appender, SELECT over views, tables and
// the history of streams. Queries run on threads of their own, a few at a time, because they wait for the log.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "views/appender.h"
#include "views/live_views.h"

namespace headrace {

struct StatementResult {
  std::string statement;             // its text
  std::optional<Applied> applied;    // DDL
  std::optional<AppendResult> rows;  // INSERT, DELETE
  std::optional<Batch> result;       // SELECT, SHOW, EXPLAIN
};

struct QueryLimits {
  size_t memory_bytes_max = 64 * 1024 * 1024;  // of state and result of one SELECT
  size_t rows_max = 100'000;                   // of a result
  size_t running_max = 4;                      // beyond it: Error(kBusy)
  std::chrono::milliseconds time_max{60'000};
};

class Executor {
 public:
  Executor(const Clock& clock, Store& store, Catalog& catalog, Appender& appender, LiveViews& views,
           QueryLimits limits = {});

  // Runs the statements in order; the first error ends it, with Where::position in `sql`. What was done before stays.
  // From any shard.
  awaitable<std::vector<StatementResult>> execute(std::string sql);

 private:
  awaitable<StatementResult> run(Statement statement);
  awaitable<Batch> select(std::string query);
  // Where a query's rows come from: one of the two.
  struct Source {
    std::shared_ptr<StreamReader> reader;
    std::shared_ptr<Flow> view;
  };
  Batch select_here(const QueryPlan& plan, const std::vector<Source>& sources);
  Batch explain(const std::string& query) const;
  Batch show(const Show& show) const;
  awaitable<AppendResult> remove(const DeleteRow& statement);

  const Clock& clock_;
  Store& store_;
  Catalog& catalog_;
  Appender& appender_;
  LiveViews& views_;
  const QueryLimits limits_;
  std::atomic<size_t> running_ = 0;
  Pool queries_;
};

}  // namespace headrace
