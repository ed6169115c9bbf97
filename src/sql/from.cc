#include "sql/from.h"

#include <algorithm>

#include "sql/nearest.h"

namespace headrace {
namespace {

using syntax::fail;
using syntax::list;

// Views over views over views; the plan of each is expanded in place.
constexpr size_t kPlanDepthMax = 200;

size_t depth(const Plan& plan) {
  size_t result = 1;
  for (const Plan* node = plan.input.get(); node; node = node->input.get()) ++result;
  return result;
}

void rename(From& from, const PgQuery__Alias* alias) {
  if (!alias) return;
  from.alias = syntax::text(alias->aliasname);
  const auto names = list(alias->colnames, alias->n_colnames);
  if (names.size() > from.rows.columns.size())
    fail(Code::kInvalid, -1, "\"{}\" has {} columns, and {} names are given for them", from.alias,
         from.rows.columns.size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) from.rows.columns[i].name = syntax::name_part(*names[i]);
}

From plan_relation(const PgQuery__RangeVar& variable, const FromContext& context) {
  const int64_t at = variable.location;
  const std::string name = syntax::relation_name(variable);
  if (variable.inh == 0) fail(Code::kUnsupported, at, "ONLY is not supported; leave it out");
  From from{.rows = {}, .alias = name};
  if (const auto named = context.named.find(name); named != context.named.end()) {
    const PgQuery__CommonTableExpr& query = *named->second.query;
    from.rows = context.plan_subquery(*query.ctequery->select_stmt, *named->second.visible);
    const auto names = list(query.aliascolnames, query.n_aliascolnames);
    if (names.size() > from.rows.columns.size())
      fail(Code::kInvalid, query.location, "\"{}\" has {} columns, and {} names are given for them", name,
           from.rows.columns.size(), names.size());
    for (size_t i = 0; i < names.size(); ++i) from.rows.columns[i].name = syntax::name_part(*names[i]);
  } else {
    const std::optional<Relation> relation = context.relations.find(name);
    if (!relation) {
      const std::vector<std::string> names = context.relations.names();
      const std::vector<std::string_view> views(names.begin(), names.end());
      fail(Code::kNotFound, at, "relation \"{}\" does not exist{}", name, suggestion(name, views));
    }
    from.rows = rows_of(*relation);
    if (depth(*from.rows.base) > kPlanDepthMax)
      fail(Code::kTooLarge, at, "these views stand on each other in more than {} steps", kPlanDepthMax);
  }
  rename(from, variable.alias);
  return from;
}

From plan_subselect(const PgQuery__RangeSubselect& subselect, const FromContext& context) {
  if (subselect.lateral != 0) fail(Code::kUnsupported, -1, "LATERAL is not supported");
  From from{.rows = context.plan_subquery(*subselect.subquery->select_stmt, context.named), .alias = {}};
  rename(from, subselect.alias);
  return from;
}

// The size of windows: a constant that lasts the same whenever it starts.
ExpressionPtr window_size(const PgQuery__Node& node) {
  Binder binder(Scope{});
  const int64_t at = syntax::position(node);
  const ExpressionPtr size =
      cast_to(binder.bind(node, "TUMBLE"), Type{.kind = Kind::kInterval}, CastContext::kImplicit, at);
  if (size->op != Expression::Op::kLiteral || is_null(size->literal))
    fail(Code::kInvalid, at, "the size of the windows must be a constant, like INTERVAL '1 minute'");
  const Interval& interval = std::get<Interval>(size->literal);
  if (interval.months != 0)
    fail(Code::kUnsupported, at,
         "windows of months differ in length; use GROUP BY date_trunc('month', column) in place of TUMBLE");
  const __int128 micros = static_cast<__int128>(interval.days) * 86'400'000'000 + interval.micros;
  if (micros <= 0) fail(Code::kInvalid, at, "the size of the windows must be greater than zero");
  return size;
}

// TUMBLE(relation, column, size) adds the bounds of the window that each row falls into.
From plan_tumble(const PgQuery__FuncCall& call, const FromContext& context) {
  const int64_t at = call.location;
  if (call.n_args != 3)
    fail(Code::kInvalid, at, "TUMBLE takes three arguments: TUMBLE(relation, timestamp column, INTERVAL '1 minute')");
  From from;
  const PgQuery__Node& relation = *call.args[0];
  if (relation.node_case == PG_QUERY__NODE__NODE_COLUMN_REF) {
    const auto fields = list(relation.column_ref->fields, relation.column_ref->n_fields);
    if (fields.back()->node_case == PG_QUERY__NODE__NODE_A_STAR || fields.size() > 2)
      fail(Code::kInvalid, relation.column_ref->location, "the first argument of TUMBLE is the name of a relation");
    PgQuery__RangeVar variable = PG_QUERY__RANGE_VAR__INIT;
    variable.relname = fields.back()->string->sval;
    if (fields.size() == 2) variable.schemaname = fields[0]->string->sval;
    variable.inh = 1;
    variable.location = relation.column_ref->location;
    from = plan_relation(variable, context);
  } else if (relation.node_case == PG_QUERY__NODE__NODE_SUB_LINK &&
             relation.sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK) {
    from.rows = context.plan_subquery(*relation.sub_link->subselect->select_stmt, context.named);
  } else {
    fail(Code::kInvalid, at, "the first argument of TUMBLE is the name of a relation, or a query in parentheses");
  }
  Rows& rows = from.rows;
  Binder binder(Scope{.relation = from.alias, .type = rows.type()});
  const Bound time = binder.bind(*call.args[1], "TUMBLE");
  if (time.type().kind != Kind::kTimestamptz || time.expression->op != Expression::Op::kColumn)
    fail(Code::kInvalid, syntax::position(*call.args[1]),
         "the second argument of TUMBLE is a column of type timestamptz");
  const Bound size = known(window_size(*call.args[2]));
  for (std::string_view added : {"window_start", "window_end"}) {
    if (binder.find(added))
      fail(Code::kInvalid, at, "\"{}\" has a column {} already; rename it in a subquery, or group by it directly",
           from.alias, added);
  }
  std::vector<Column> columns = rows.columns;
  std::vector<ExpressionPtr> outputs;
  for (size_t i = 0; i < columns.size(); ++i) outputs.push_back(make_column(i, columns[i], -1));
  for (const bool end : {false, true}) {
    outputs.push_back(make_call(end ? "tumble_end" : "tumble_start", {time, size}, at));
    columns.push_back({.name = end ? "window_end" : "window_start",
                       .type = outputs.back()->type,
                       .nullable = outputs.back()->nullable});
  }
  rows = project(rows, std::move(columns), outputs);
  return from;
}

From plan_function(const PgQuery__RangeFunction& function, const FromContext& context) {
  if (function.is_rowsfrom != 0 || function.ordinality != 0 || function.lateral != 0 || function.n_functions != 1)
    fail(Code::kUnsupported, -1, "only TUMBLE(relation, column, INTERVAL '...') can be called in FROM");
  const PgQuery__Node& first = *function.functions[0]->list->items[0];
  if (first.node_case != PG_QUERY__NODE__NODE_FUNC_CALL)
    fail(Code::kUnsupported, syntax::position(first),
         "only TUMBLE(relation, column, INTERVAL '...') can be called in FROM");
  const PgQuery__FuncCall& call = *first.func_call;
  const std::string_view name = syntax::last_name(list(call.funcname, call.n_funcname));
  if (name == "hop" || name == "session")
    fail(Code::kUnsupported, call.location,
         "{} windows are not supported yet; TUMBLE(relation, column, INTERVAL '...') is",
         name == "hop" ? "HOP" : "SESSION");
  if (name != "tumble") {
    constexpr std::string_view kTumble[] = {"tumble"};
    fail(Code::kUnsupported, call.location,
         "the function {} cannot be called in FROM; only TUMBLE(relation, column, INTERVAL '...') can{}", name,
         suggestion(name, kTumble));
  }
  From from = plan_tumble(call, context);
  rename(from, function.alias);
  return from;
}

}  // namespace

From plan_from(const PgQuery__SelectStmt& select, const FromContext& context) {
  const auto items = list(select.from_clause, select.n_from_clause);
  if (items.empty()) fail(Code::kUnsupported, 0, "SELECT needs FROM and the name of a stream, a table or a view");
  if (items.size() > 1)
    fail(Code::kUnsupported, syntax::position(*items[1]), "FROM takes one relation; joins are not supported yet");
  const PgQuery__Node& item = *items[0];
  switch (item.node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR: return plan_relation(*item.range_var, context);
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT: return plan_subselect(*item.range_subselect, context);
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION: return plan_function(*item.range_function, context);
    case PG_QUERY__NODE__NODE_JOIN_EXPR:
      fail(Code::kUnsupported, item.join_expr->rarg ? syntax::position(*item.join_expr->rarg) : -1,
           "JOIN is not supported yet; send the columns that are needed with the events");
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
      fail(Code::kUnsupported, -1, "TABLESAMPLE is not supported: views are not random");
    default: fail(Code::kUnsupported, -1, "this kind of FROM is not supported");
  }
}

}  // namespace headrace
