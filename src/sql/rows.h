// A query while it is being planned: a plan and, not yet made into a node, the columns to be computed from its rows.
// Keeping the last projection open lets filters move below it and projections over projections become one, so that a
// view over a view, or a window of which only the start is used, costs nothing it does not need.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "flow/plan.h"
#include "sql/definitions.h"

namespace headrace {

struct Rows {
  PlanPtr base;
  std::vector<Column> columns;         // of the rows
  std::vector<ExpressionPtr> outputs;  // one for each column, over base->type
  std::vector<std::string> sources;
  // Columns in which no two rows are equal; empty means that there is one row at most. nullopt: not known.
  std::optional<std::vector<size_t>> key;

  RowTypePtr type() const { return std::make_shared<RowType>(RowType{columns}); }
};

// The rows of a stream, a table or a view, as FROM names it.
Rows rows_of(const Relation& relation);

// Only those for which `predicate`, over the rows' columns, is true.
Rows filter(Rows rows, const ExpressionPtr& predicate);

// Other columns, computed from the rows' columns. The key stays if its columns do.
Rows project(const Rows& rows, std::vector<Column> columns, const std::vector<ExpressionPtr>& outputs);

// One row for each combination of the values of `groups`, with the aggregates' results. The arguments and filters of
// `aggregates` are numbers in `inputs`, as `groups` are.
struct Grouping {
  std::vector<ExpressionPtr> inputs;  // over the rows' columns
  std::vector<size_t> groups;
  std::vector<AggregateCall> aggregates;
  std::vector<Column> columns;  // of the result: groups, then aggregates
};
Rows aggregate(const Rows& rows, Grouping grouping);

// The plan whose rows have exactly these columns.
PlanPtr finish(const Rows& rows);

}  // namespace headrace
