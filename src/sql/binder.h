// Gives names and types to the expressions of a parsed query: a tree of PostgreSQL's nodes in, an Expression over the
// columns of one row type out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sql/expression_builder.h"
#include "sql/syntax.h"

namespace headrace {

// What the names in an expression stand for. Without a type there are no columns: only constants can be bound.
struct Scope {
  std::string relation;  // the alias by which columns may be qualified; empty: none
  RowTypePtr type;
};

// An aggregate call found in an expression, with its arguments over the rows that are aggregated.
struct BoundAggregate {
  AggregateKind kind;
  std::vector<ExpressionPtr> arguments;
  ExpressionPtr filter;  // null: none
  Type type;
  bool nullable = true;
  std::string name;  // as called
};

class Binder {
 public:
  explicit Binder(Scope scope) : scope_(std::move(scope)) {}

  // `clause` says in messages where the expression stands: WHERE, GROUP BY. Aggregates are refused there. Throws
  // Error(kInvalid) or Error(kUnsupported) with positions in the text.
  Bound bind(const PgQuery__Node& node, std::string_view clause);
  // Aggregate calls are collected in aggregates(), equal ones once. The expression refers to number i as column
  // scope().type->columns.size() + i.
  Bound bind_aggregating(const PgQuery__Node& node, std::string_view clause);

  const Scope& scope() const { return scope_; }
  const std::vector<BoundAggregate>& aggregates() const { return aggregates_; }
  // The column called `name`, or nullopt.
  std::optional<size_t> find(std::string_view name) const;

 private:
  Bound bind_node(const PgQuery__Node& node);
  Bound bind_constant(const PgQuery__AConst& constant);
  Bound bind_column(const PgQuery__ColumnRef& reference);
  Bound bind_operator(const PgQuery__AExpr& expression, int64_t position);
  Bound bind_in(const PgQuery__AExpr& expression, int64_t position);
  Bound bind_between(const PgQuery__AExpr& expression, int64_t position);
  Bound bind_logical(const PgQuery__BoolExpr& expression, int64_t position);
  Bound bind_boolean_test(const PgQuery__BooleanTest& test, int64_t position);
  Bound bind_case(const PgQuery__CaseExpr& expression);
  Bound bind_cast(const PgQuery__TypeCast& cast, int64_t position);
  Bound bind_call(const PgQuery__FuncCall& call);
  Bound bind_time_zone(const PgQuery__FuncCall& call);
  Bound bind_aggregate(const PgQuery__FuncCall& call, std::string_view name);
  Bound add_aggregate(BoundAggregate aggregate, int64_t position);
  std::vector<Bound> bind_list(std::span<PgQuery__Node* const> nodes);
  [[noreturn]] void fail_no_column(std::string_view name, int64_t position) const;

  Scope scope_;
  std::string_view clause_;
  bool aggregates_allowed_ = false;
  bool inside_aggregate_ = false;
  std::vector<BoundAggregate> aggregates_;
};

// The value of a constant expression, cast to `type` as INSERT does. Throws Error(kInvalid) if it is not constant.
Value bind_constant_value(const PgQuery__Node& node, const Type& type, std::string_view clause);

// The name that PostgreSQL gives to a column of a SELECT list without AS.
std::string default_name(const PgQuery__Node& node);

}  // namespace headrace
