// Plans and rows by hand, for tests of flows that should not depend on the parser; and an oracle that computes a plan's
// result from scratch, row by row, with none of the operators' code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flow/plan.h"

namespace headrace::testing {

using Row = std::vector<Value>;

RowTypePtr row_type(std::vector<Column> columns);
Column column(std::string name, Kind kind, bool nullable = true);

PlanPtr stream(std::string name, RowTypePtr type, size_t source_index = 0);
PlanPtr table(std::string name, RowTypePtr type, std::vector<size_t> primary_key, size_t source_index = 0);

// Expressions over the rows of `input`.
ExpressionPtr ref(const PlanPtr& input, std::string_view name);
ExpressionPtr literal(Kind kind, Value value);
ExpressionPtr call(std::string_view function, std::vector<ExpressionPtr> arguments);

PlanPtr filter(PlanPtr input, ExpressionPtr predicate);
struct Named {
  std::string name;
  ExpressionPtr expression;
};
PlanPtr project(PlanPtr input, std::vector<Named> columns);
struct Aggregation {
  std::string name;
  std::string function;
  std::vector<std::string> arguments;
  std::string filter = {};  // a boolean column
};
PlanPtr aggregate(PlanPtr input, const std::vector<std::string>& group_by, const std::vector<Aggregation>& calls);

// Keyed by the named columns; with none named and `unique` false, by all.
QueryPlanPtr query(PlanPtr root, const std::vector<std::string>& key, bool unique = true);

Batch batch_of(const RowTypePtr& type, const std::vector<Row>& rows);
std::vector<Row> rows_of(const Batch& batch);
// One JSON object per row, sorted: to compare sets of rows and to print them.
std::vector<std::string> json_rows(const Batch& batch);

// The rows of `plan` over `input`, which has the rows of each source: for a table, its current ones.
std::vector<Row> evaluate_plan(const Plan& plan, const std::vector<std::vector<Row>>& input);

}  // namespace headrace::testing
