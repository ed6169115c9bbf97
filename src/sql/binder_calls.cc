// Calls by name: aggregates, functions of the table, and the few names that are refused with a reason.
#include <algorithm>

#include "base/check.h"
#include "sql/binder.h"
#include "sql/nearest.h"

namespace headrace {
namespace {

using syntax::fail;
using syntax::list;

constexpr std::string_view kAggregates[] = {"count",
                                            "sum",
                                            "avg",
                                            "min",
                                            "max",
                                            "bool_and",
                                            "bool_or",
                                            "every",
                                            "arg_min",
                                            "arg_max",
                                            "first",
                                            "last",
                                            "approx_count_distinct"};

// Functions whose value is not decided by the log.
constexpr std::string_view kVolatile[] = {"now",
                                          "clock_timestamp",
                                          "statement_timestamp",
                                          "transaction_timestamp",
                                          "timeofday",
                                          "random",
                                          "setseed",
                                          "gen_random_uuid",
                                          "uuid_generate_v4",
                                          "nextval",
                                          "currval",
                                          "current_date",
                                          "uuid_generate_v1",
                                          "pg_sleep",
                                          "current_setting",
                                          "txid_current"};

struct Absent {
  std::string_view name;
  std::string_view instead;
};

constexpr Absent kAbsentAggregates[] = {
    {"array_agg", "; keep the rows in a view and read them by key prefix"},
    {"string_agg", "; keep the rows in a view and read them by key prefix"},
    {"json_agg", "; keep the rows in a view and read them by key prefix"},
    {"jsonb_agg", "; keep the rows in a view and read them by key prefix"},
    {"stddev", "; keep count(x), sum(x) and sum(x * x), and compute it from them"},
    {"stddev_pop", "; keep count(x), sum(x) and sum(x * x), and compute it from them"},
    {"stddev_samp", "; keep count(x), sum(x) and sum(x * x), and compute it from them"},
    {"variance", "; keep count(x), sum(x) and sum(x * x), and compute it from them"},
    {"var_pop", "; keep count(x), sum(x) and sum(x * x), and compute it from them"},
    {"var_samp", "; keep count(x), sum(x) and sum(x * x), and compute it from them"},
    {"percentile_cont", ""},
    {"percentile_disc", ""},
    {"mode", ""},
    {"bit_and", ""},
    {"bit_or", ""},
    {"corr", ""},
    {"regr_slope", ""},
    {"any_value", "; use min(x), or first(x ORDER BY y)"},
    {"first_value", "; use first(x ORDER BY y)"},
    {"last_value", "; use last(x ORDER BY y)"},
    {"count_distinct", "; use approx_count_distinct(x)"},
    {"max_by", "; use arg_max(x, y)"},
    {"min_by", "; use arg_min(x, y)"},
};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string type_names(std::span<const Bound> arguments) {
  std::string result;
  for (const Bound& argument : arguments)
    result += (result.empty() ? "" : ", ") + (argument.unknown ? std::string("unknown") : argument.type().name());
  return result;
}

}  // namespace

Bound Binder::bind_call(const PgQuery__FuncCall& call) {
  const int64_t at = call.location;
  const auto parts = list(call.funcname, call.n_funcname);
  const std::string_view name = syntax::last_name(parts);
  if (parts.size() > 2 || (parts.size() == 2 && syntax::name_part(*parts[0]) != "pg_catalog"))
    fail(Code::kInvalid, at, "function names have no schema; write {}(...)", name);
  if (call.over)
    fail(Code::kUnsupported, at,
         "window functions (OVER) are not supported; for windows of time use FROM TUMBLE(relation, column, INTERVAL "
         "'...')");
  if (call.agg_within_group != 0) fail(Code::kUnsupported, at, "WITHIN GROUP is not supported");
  if (call.func_variadic != 0)
    fail(Code::kUnsupported, at, "VARIADIC is not supported; write the arguments one by one");
  for (const PgQuery__Node* argument : list(call.args, call.n_args))
    if (argument->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR)
      fail(Code::kUnsupported, at, "arguments by name are not supported; write them in order");
  if (contains(kAggregates, name)) return bind_aggregate(call, name);
  for (const Absent& absent : kAbsentAggregates) {
    if (absent.name == name) fail(Code::kUnsupported, at, "the aggregate {} is not supported{}", name, absent.instead);
  }
  if (contains(kVolatile, name))
    fail(Code::kUnsupported, at,
         "{}() is not available in queries: views are functions of the log alone, so that they can be rebuilt and are "
         "the "
         "same everywhere; send the value as a column of the rows",
         name);
  if (name == "tumble" || name == "hop" || name == "session")
    fail(Code::kInvalid, at, "{} is a table function: write it in FROM", name);
  if (call.agg_star != 0 || call.agg_distinct != 0 || call.agg_filter || call.n_agg_order > 0)
    fail(Code::kInvalid, at, "{} is not an aggregate function: *, DISTINCT, FILTER and ORDER BY do not go with it{}",
         name, suggestion(name, kAggregates));
  if (name == "timezone") return bind_time_zone(call);
  return known(make_call(name, bind_list(list(call.args, call.n_args)), at));
}

// `t AT TIME ZONE 'UTC'` is t, because all times are shown in UTC.
Bound Binder::bind_time_zone(const PgQuery__FuncCall& call) {
  const std::vector<Bound> arguments = bind_list(list(call.args, call.n_args));
  const bool is_utc = arguments.size() == 2 && arguments[0].expression->op == Expression::Op::kLiteral &&
                      (arguments[0].expression->literal == Value(std::string("UTC")) ||
                       arguments[0].expression->literal == Value(std::string("utc")));
  if (!is_utc)
    fail(Code::kUnsupported, call.location,
         "AT TIME ZONE is only supported with 'UTC'; times are kept and shown in UTC");
  return known(cast_to(arguments[1], Type{.kind = Kind::kTimestamptz}, CastContext::kImplicit, call.location));
}

Bound Binder::bind_aggregate(const PgQuery__FuncCall& call, std::string_view name) {
  const int64_t at = call.location;
  if (inside_aggregate_)
    fail(Code::kInvalid, at, "aggregate calls cannot be nested; aggregate over a view or a subquery instead");
  if (!aggregates_allowed_)
    fail(Code::kInvalid, at, "aggregate functions are not allowed in {}{}", clause_,
         clause_ == "WHERE" ? "; use HAVING, or FILTER (WHERE ...)" : "");
  if (call.agg_distinct != 0)
    fail(Code::kUnsupported, at,
         "DISTINCT in aggregates is not supported; use approx_count_distinct(x), or aggregate over SELECT DISTINCT in "
         "FROM");
  const bool ordered = name == "first" || name == "last";
  if (call.n_agg_order > 0 && !ordered)
    fail(Code::kUnsupported, at,
         "ORDER BY in {} is not supported; it goes with first(x ORDER BY y) and last(x ORDER BY y)", name);
  if (call.agg_star != 0 && name != "count") fail(Code::kInvalid, at, "{}(*) does not exist; only count(*) does", name);
  if (call.agg_star == 0 && call.n_args == 0) fail(Code::kInvalid, at, "{}() needs an argument", name);

  inside_aggregate_ = true;
  std::vector<Bound> arguments = bind_list(list(call.args, call.n_args));
  std::string_view resolved_name = name;
  if (ordered) {
    if (arguments.size() != 1 || call.n_agg_order != 1)
      fail(Code::kInvalid, at, "{} takes one argument and one ORDER BY: {}(x ORDER BY y)", name, name);
    const PgQuery__SortBy& order = *call.agg_order[0]->sort_by;
    if (order.sortby_nulls != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT)
      fail(Code::kUnsupported, at,
           "NULLS FIRST and NULLS LAST are not supported here: rows whose order is NULL are left out");
    if (order.sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING) fail(Code::kUnsupported, at, "USING is not supported");
    const bool descending = order.sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    resolved_name = (name == "first") != descending ? "arg_min" : "arg_max";
    arguments.push_back(bind_node(*order.node));
  }
  BoundAggregate aggregate{.name = std::string(name)};
  if (call.agg_filter) aggregate.filter = condition(bind_node(*call.agg_filter), "FILTER");
  inside_aggregate_ = false;

  std::vector<Type> types;
  for (const Bound& argument : arguments) types.push_back(argument.type());
  const std::unique_ptr<bool[]> unknown(new bool[arguments.size() + 1]);
  for (size_t i = 0; i < arguments.size(); ++i) unknown[i] = arguments[i].unknown;
  const auto found = resolve_aggregate(resolved_name, types, std::span<const bool>(unknown.get(), arguments.size()));
  if (!found)
    fail(Code::kInvalid, at, "function {}({}) does not exist: {} does not take these types", name,
         type_names(arguments), name);
  aggregate.kind = found->kind;
  aggregate.type = found->result;
  for (size_t i = 0; i < arguments.size(); ++i)
    aggregate.arguments.push_back(cast_to(arguments[i], found->parameters[i], CastContext::kImplicit, at));
  aggregate.nullable = found->kind != AggregateKind::kCountAll && found->kind != AggregateKind::kCount &&
                       found->kind != AggregateKind::kApproxCountDistinct;
  return add_aggregate(std::move(aggregate), at);
}

Bound Binder::add_aggregate(BoundAggregate aggregate, int64_t position) {
  check(scope_.type != nullptr, "aggregates are only allowed where there are rows");
  const auto equal = [&](const BoundAggregate& other) {
    const bool same_filter =
        other.filter && aggregate.filter ? same(*other.filter, *aggregate.filter) : other.filter == aggregate.filter;
    return other.kind == aggregate.kind && same_filter &&
           std::ranges::equal(other.arguments, aggregate.arguments,
                              [](const ExpressionPtr& a, const ExpressionPtr& b) { return same(*a, *b); });
  };
  const auto found = std::ranges::find_if(aggregates_, equal);
  const size_t index = static_cast<size_t>(found - aggregates_.begin());
  const Column column{.name = aggregate.name, .type = aggregate.type, .nullable = aggregate.nullable};
  if (index >= kColumnsMax) fail(Code::kTooLarge, position, "a query has at most {} aggregates", kColumnsMax);
  if (found == aggregates_.end()) aggregates_.push_back(std::move(aggregate));
  return known(make_column(scope_.type->columns.size() + index, column, position));
}

}  // namespace headrace
