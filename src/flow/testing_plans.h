// Plans and rows by hand, for tests and benchmarks of flows that should not depend on the parser.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/plan.h"

namespace headrace::testing {

using Row = std::vector<Value>;

inline RowTypePtr row_type(std::vector<Column> columns) {
  return std::make_shared<RowType>(RowType{std::move(columns)});
}

inline Column column(std::string name, Kind kind, bool nullable = true) {
  return Column{.name = std::move(name), .type = Type{.kind = kind}, .nullable = nullable, .default_json = {}};
}

inline PlanPtr stream(std::string name, RowTypePtr type, size_t source_index = 0) {
  auto plan = std::make_shared<Plan>();
  plan->type = std::move(type);
  plan->source = std::move(name);
  plan->source_index = source_index;
  return plan;
}

inline PlanPtr table(std::string name, RowTypePtr type, std::vector<size_t> primary_key, size_t source_index = 0) {
  auto plan = std::make_shared<Plan>();
  plan->type = std::move(type);
  plan->source = std::move(name);
  plan->source_index = source_index;
  plan->is_table = true;
  plan->append_only = false;
  plan->primary_key = std::move(primary_key);
  return plan;
}

inline ExpressionPtr ref(const PlanPtr& input, std::string_view name) {
  auto expression = std::make_shared<Expression>();
  expression->op = Expression::Op::kColumn;
  expression->column = input->type->find(name).value();
  expression->type = input->type->columns[expression->column].type;
  return expression;
}

inline ExpressionPtr literal(Kind kind, Value value) {
  auto expression = std::make_shared<Expression>();
  expression->type = Type{.kind = kind};
  expression->literal = std::move(value);
  return expression;
}

inline ExpressionPtr call(std::string_view function, std::vector<ExpressionPtr> arguments) {
  std::vector<Type> types;
  for (const ExpressionPtr& argument : arguments) types.push_back(argument->type);
  const bool unknown[8] = {};
  const ResolvedFunction resolved = resolve_function(function, types, std::span(unknown, types.size())).value();
  auto expression = std::make_shared<Expression>();
  expression->op = Expression::Op::kCall;
  expression->function = resolved.function;
  expression->type = resolved.result;
  for (size_t i = 0; i < arguments.size(); ++i) {
    ExpressionPtr argument = arguments[i];
    if (argument->type.kind != resolved.parameters[i].kind) {
      auto cast = std::make_shared<Expression>();
      cast->op = Expression::Op::kCast;
      cast->type = resolved.parameters[i];
      cast->arguments = {argument};
      argument = cast;
    }
    expression->arguments.push_back(argument);
  }
  return expression;
}

inline PlanPtr filter(PlanPtr input, ExpressionPtr predicate) {
  auto plan = std::make_shared<Plan>();
  plan->node = Plan::Node::kFilter;
  plan->type = input->type;
  plan->append_only = input->append_only;
  plan->input = std::move(input);
  plan->predicate = std::move(predicate);
  return plan;
}

struct Named {
  std::string name;
  ExpressionPtr expression;
};
inline PlanPtr project(PlanPtr input, std::vector<Named> columns) {
  auto plan = std::make_shared<Plan>();
  plan->node = Plan::Node::kProject;
  plan->append_only = input->append_only;
  plan->input = std::move(input);
  RowType type;
  for (Named& named : columns) {
    type.columns.push_back({.name = named.name, .type = named.expression->type, .nullable = true, .default_json = {}});
    plan->expressions.push_back(std::move(named.expression));
  }
  plan->type = std::make_shared<RowType>(std::move(type));
  return plan;
}

struct Aggregation {
  std::string name;
  std::string function;
  std::vector<std::string> arguments;
  std::string filter = {};  // a boolean column
};
inline PlanPtr aggregate(PlanPtr input, const std::vector<std::string>& group_by,
                         const std::vector<Aggregation>& calls) {
  auto plan = std::make_shared<Plan>();
  plan->node = Plan::Node::kAggregate;
  plan->append_only = false;
  RowType type;
  for (const std::string& name : group_by) {
    plan->group_by.push_back(input->type->find(name).value());
    type.columns.push_back(input->type->columns[plan->group_by.back()]);
  }
  for (const Aggregation& each : calls) {
    AggregateCall aggregate_call;
    std::vector<Type> types;
    for (const std::string& name : each.arguments) {
      aggregate_call.arguments.push_back(input->type->find(name).value());
      types.push_back(input->type->columns[aggregate_call.arguments.back()].type);
    }
    const bool unknown[2] = {};
    const ResolvedAggregate resolved =
        resolve_aggregate(each.function, types, std::span(unknown, types.size())).value();
    aggregate_call.kind = resolved.kind;
    aggregate_call.type = resolved.result;
    if (!each.filter.empty()) aggregate_call.filter = static_cast<int>(input->type->find(each.filter).value());
    plan->aggregates.push_back(aggregate_call);
    type.columns.push_back({.name = each.name, .type = resolved.result, .nullable = true, .default_json = {}});
  }
  plan->type = std::make_shared<RowType>(std::move(type));
  plan->input = std::move(input);
  return plan;
}

// Keyed by the named columns; not unique: by all.
inline QueryPlanPtr query(PlanPtr root, const std::vector<std::string>& key, bool unique = true) {
  auto plan = std::make_shared<QueryPlan>();
  for (const std::string& name : key) plan->key.push_back(root->type->find(name).value());
  plan->key_is_unique = unique;
  for (const Plan* node = root.get(); node; node = node->input.get())
    if (node->node == Plan::Node::kSource) plan->sources = {node->source};
  plan->root = std::move(root);
  return plan;
}

inline Batch batch_of(const RowTypePtr& type, const std::vector<Row>& rows) {
  BatchBuilder builder(type);
  for (const Row& row : rows) builder.append_row(row);
  return builder.finish();
}

inline std::vector<Row> rows_of(const Batch& batch) {
  std::vector<Row> rows(batch.rows);
  for (size_t i = 0; i < batch.rows; ++i)
    for (const ColumnPtr& each : batch.columns) rows[i].push_back(each->value_at(i));
  return rows;
}

// One JSON object per row, sorted: to compare sets of rows and to print them.
inline std::vector<std::string> json_rows(const Batch& batch) {
  std::vector<std::string> rows(batch.rows);
  for (size_t i = 0; i < batch.rows; ++i) append_row_json(rows[i], batch, i);
  std::ranges::sort(rows);
  return rows;
}

}  // namespace headrace::testing
