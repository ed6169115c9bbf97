#include "sql/binder.h"

#include <algorithm>

#include "schema/text_form.h"
#include "sql/nearest.h"
#include "sql/type_name.h"

namespace headrace {

using syntax::fail;
using syntax::list;

namespace {

// IN, BETWEEN and CASE x WHEN name a value once and compute it several times; nested, that grows without bound.
constexpr size_t kExpressionNodesMax = 200'000;

void count_nodes(const Expression& expression, size_t& count) {
  if (++count > kExpressionNodesMax) return;
  for (const ExpressionPtr& argument : expression.arguments) count_nodes(*argument, count);
}

void check_copies(const Bound& value, size_t copies, int64_t position) {
  size_t nodes = 0;
  count_nodes(*value.expression, nodes);
  if (nodes * copies > kExpressionNodesMax)
    fail(Code::kTooLarge, position, "this expression would be computed {} times over; compute it in a subquery first",
         copies);
}

}  // namespace

Bound Binder::bind(const PgQuery__Node& node, std::string_view clause) {
  clause_ = clause;
  aggregates_allowed_ = false;
  return bind_node(node);
}

Bound Binder::bind_aggregating(const PgQuery__Node& node, std::string_view clause) {
  clause_ = clause;
  aggregates_allowed_ = true;
  return bind_node(node);
}

std::optional<size_t> Binder::find(std::string_view name) const {
  return scope_.type ? scope_.type->find(name) : std::nullopt;
}

Bound Binder::bind_node(const PgQuery__Node& node) {
  const int64_t at = syntax::position(node);
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_A_CONST: return bind_constant(*node.a_const);
    case PG_QUERY__NODE__NODE_COLUMN_REF: return bind_column(*node.column_ref);
    case PG_QUERY__NODE__NODE_A_EXPR: return bind_operator(*node.a_expr, at);
    case PG_QUERY__NODE__NODE_BOOL_EXPR: return bind_logical(*node.bool_expr, at);
    case PG_QUERY__NODE__NODE_NULL_TEST: {
      ExpressionPtr is_null = make_is_null(bind_node(*node.null_test->arg), at);
      const bool negated = node.null_test->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL;
      return known(negated ? make_not(std::move(is_null), at) : std::move(is_null));
    }
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST: return bind_boolean_test(*node.boolean_test, at);
    case PG_QUERY__NODE__NODE_CASE_EXPR: return bind_case(*node.case_expr);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
      return known(make_call("coalesce", bind_list(list(node.coalesce_expr->args, node.coalesce_expr->n_args)), at));
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: {
      const bool greatest = node.min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST;
      return known(make_call(greatest ? "greatest" : "least",
                             bind_list(list(node.min_max_expr->args, node.min_max_expr->n_args)), at));
    }
    case PG_QUERY__NODE__NODE_TYPE_CAST: return bind_cast(*node.type_cast, at);
    case PG_QUERY__NODE__NODE_FUNC_CALL: return bind_call(*node.func_call);
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
      fail(Code::kUnsupported, at,
           "the current time and user are not available in queries: views are functions of the log alone, so that they "
           "can "
           "be rebuilt; send the time as a column of the rows");
    case PG_QUERY__NODE__NODE_SUB_LINK:
      fail(Code::kUnsupported, at,
           "subqueries in expressions are not supported; put the subquery in FROM, or make it a view of its own");
    case PG_QUERY__NODE__NODE_PARAM_REF:
      fail(Code::kUnsupported, at, "parameters like $1 are not supported; write the value");
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
      fail(Code::kUnsupported, at, "ARRAY[...] is not supported; write a literal such as '{{1,2,3}}'::integer[]");
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
      fail(Code::kUnsupported, at, "subscripts and fields of values are not supported; use jsonb with -> and ->>");
    case PG_QUERY__NODE__NODE_ROW_EXPR:
      fail(Code::kUnsupported, at, "rows as values are not supported; name the columns one by one");
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
      fail(Code::kUnsupported, at, "COLLATE is not supported; text compares by its UTF-8 bytes");
    case PG_QUERY__NODE__NODE_GROUPING_SET:
      fail(Code::kUnsupported, at,
           "GROUPING SETS, ROLLUP and CUBE are not supported; write one view for each grouping");
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT: fail(Code::kInvalid, at, "DEFAULT is only allowed as a value of INSERT");
    default: fail(Code::kUnsupported, at, "this kind of expression is not supported");
  }
}

Bound Binder::bind_constant(const PgQuery__AConst& constant) {
  const int64_t at = constant.location;
  if (constant.isnull != 0) return unknown_null(at);
  switch (constant.val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
      return known(make_literal(Value(int64_t{constant.ival->ival}), Type{.kind = Kind::kInteger}, at));
    case PG_QUERY__A__CONST__VAL_FVAL: {
      // An integer too long for 32 bits, or a number with a point or an exponent.
      const std::string_view text = syntax::text(constant.fval->fval);
      if (const std::optional<int64_t> integer = parse_integer(text))
        return known(make_literal(Value(*integer), Type{.kind = Kind::kBigint}, at));
      const std::optional<Decimal> number = Decimal::parse(text);
      const std::optional<double> real =
          text.find_first_of("eE") != std::string_view::npos ? parse_double(text) : std::nullopt;
      // 1e300 is beyond numeric here; PostgreSQL's numeric has it.
      if (!number && real) return known(make_literal(Value(*real), Type{.kind = Kind::kDouble}, at));
      if (!number)
        fail(Code::kInvalid, at,
             "{} does not fit into numeric, which has {} digits; write it with an exponent for double precision",
             quoted(text), Decimal::kDigitsMax);
      return known(make_literal(Value(*number), Type{.kind = Kind::kNumeric}, at));
    }
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
      return known(make_literal(Value(int64_t{constant.boolval->boolval != 0}), Type{.kind = Kind::kBoolean}, at));
    case PG_QUERY__A__CONST__VAL_SVAL: return unknown_text(std::string(syntax::text(constant.sval->sval)), at);
    case PG_QUERY__A__CONST__VAL_BSVAL:
      fail(Code::kUnsupported, at, "bit strings are not supported; write bytes as '\\x1f'::bytea");
    default: fail(Code::kUnsupported, at, "this kind of constant is not supported");
  }
}

void Binder::fail_no_column(std::string_view name, int64_t position) const {
  std::vector<std::string_view> names;
  if (scope_.type)
    for (const Column& column : scope_.type->columns) names.push_back(column.name);
  if (names.empty()) fail(Code::kInvalid, position, "column \"{}\" is not known here: a constant is expected", name);
  fail(Code::kInvalid, position, "column \"{}\" does not exist{}", name, suggestion(name, names));
}

Bound Binder::bind_column(const PgQuery__ColumnRef& reference) {
  const int64_t at = reference.location;
  const auto fields = list(reference.fields, reference.n_fields);
  if (fields.back()->node_case == PG_QUERY__NODE__NODE_A_STAR)
    fail(Code::kInvalid, at, "* is only allowed in a SELECT list and in count(*)");
  const std::string_view name = syntax::name_part(*fields.back());
  if (fields.size() > 1) {
    std::string qualifier(syntax::name_part(*fields[0]));
    for (size_t i = 1; i + 1 < fields.size(); ++i) qualifier += fmt::format(".{}", syntax::name_part(*fields[i]));
    if (qualifier != scope_.relation) {
      const std::string_view relations[] = {scope_.relation};
      fail(Code::kInvalid, at, "\"{}\" is not a relation in FROM{}", qualifier, suggestion(qualifier, relations));
    }
  }
  const std::optional<size_t> index = find(name);
  if (!index) fail_no_column(name, at);
  return known(make_column(*index, scope_.type->columns[*index], at));
}

std::vector<Bound> Binder::bind_list(std::span<PgQuery__Node* const> nodes) {
  std::vector<Bound> result;
  for (const PgQuery__Node* node : nodes) result.push_back(bind_node(*node));
  return result;
}

Bound Binder::bind_operator(const PgQuery__AExpr& expression, int64_t position) {
  const int64_t at = expression.location >= 0 ? expression.location : position;
  switch (expression.kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE: {
      std::vector<Bound> arguments;
      if (expression.lexpr) arguments.push_back(bind_node(*expression.lexpr));
      arguments.push_back(bind_node(*expression.rexpr));
      return known(make_call(syntax::last_name(list(expression.name, expression.n_name)), arguments, at));
    }
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
      return known(make_call("is distinct from", {bind_node(*expression.lexpr), bind_node(*expression.rexpr)}, at));
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
      return known(make_call("is not distinct from", {bind_node(*expression.lexpr), bind_node(*expression.rexpr)}, at));
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
      return known(make_call("nullif", {bind_node(*expression.lexpr), bind_node(*expression.rexpr)}, at));
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN: return bind_in(expression, at);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN: return bind_between(expression, at);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
      fail(Code::kUnsupported, at, "BETWEEN SYMMETRIC is not supported; write BETWEEN least(a, b) AND greatest(a, b)");
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
      fail(Code::kUnsupported, at, "SIMILAR TO is not supported; use LIKE, or ~ with a regular expression");
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
      fail(Code::kUnsupported, at, "ANY and ALL over arrays are not supported; use IN (...) with the values");
    default: fail(Code::kUnsupported, at, "this kind of operator is not supported");
  }
}

Bound Binder::bind_in(const PgQuery__AExpr& expression, int64_t position) {
  const bool negated = syntax::last_name(list(expression.name, expression.n_name)) == "<>";
  const Bound left = bind_node(*expression.lexpr);
  check_copies(left, expression.rexpr->list->n_items, position);
  std::vector<ExpressionPtr> conditions;
  for (const PgQuery__Node* item : list(expression.rexpr->list->items, expression.rexpr->list->n_items))
    conditions.push_back(make_call(negated ? "<>" : "=", {left, bind_node(*item)}, position));
  return known(negated ? make_and(std::move(conditions), position) : make_or(std::move(conditions), position));
}

Bound Binder::bind_between(const PgQuery__AExpr& expression, int64_t position) {
  const bool negated = expression.kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN;
  const Bound value = bind_node(*expression.lexpr);
  check_copies(value, 2, position);
  const Bound low = bind_node(*expression.rexpr->list->items[0]);
  const Bound high = bind_node(*expression.rexpr->list->items[1]);
  if (negated)
    return known(make_or({make_call("<", {value, low}, position), make_call(">", {value, high}, position)}, position));
  return known(make_and({make_call(">=", {value, low}, position), make_call("<=", {value, high}, position)}, position));
}

Bound Binder::bind_logical(const PgQuery__BoolExpr& expression, int64_t position) {
  const bool is_and = expression.boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
  const bool is_not = expression.boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR;
  std::vector<ExpressionPtr> conditions;
  for (const PgQuery__Node* argument : list(expression.args, expression.n_args))
    conditions.push_back(condition(bind_node(*argument), is_not ? "NOT" : is_and ? "AND" : "OR"));
  if (is_not) return known(make_not(std::move(conditions[0]), position));
  return known(is_and ? make_and(std::move(conditions), position) : make_or(std::move(conditions), position));
}

Bound Binder::bind_boolean_test(const PgQuery__BooleanTest& test, int64_t position) {
  const ExpressionPtr argument = condition(bind_node(*test.arg), "IS TRUE, FALSE or UNKNOWN");
  const auto is = [&](bool value) {
    const ExpressionPtr literal = make_literal(Value(int64_t{value}), Type{.kind = Kind::kBoolean}, position);
    return make_call("is not distinct from", {known(argument), known(literal)}, position);
  };
  switch (test.booltesttype) {
    case PG_QUERY__BOOL_TEST_TYPE__IS_TRUE: return known(is(true));
    case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE: return known(make_not(is(true), position));
    case PG_QUERY__BOOL_TEST_TYPE__IS_FALSE: return known(is(false));
    case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE: return known(make_not(is(false), position));
    case PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN: return known(make_is_null(known(argument), position));
    default: return known(make_not(make_is_null(known(argument), position), position));
  }
}

Bound Binder::bind_case(const PgQuery__CaseExpr& expression) {
  const int64_t at = expression.location;
  std::optional<Bound> subject;
  if (expression.arg) {
    subject = known(settle(bind_node(*expression.arg)));
    check_copies(*subject, expression.n_args, at);
  }
  std::vector<ExpressionPtr> conditions;
  std::vector<Bound> values;
  for (const PgQuery__Node* branch : list(expression.args, expression.n_args)) {
    const PgQuery__CaseWhen& when = *branch->case_when;
    const Bound test = bind_node(*when.expr);
    conditions.push_back(subject ? make_call("=", {*subject, test}, when.location) : condition(test, "CASE WHEN"));
    values.push_back(bind_node(*when.result));
  }
  const Bound otherwise = expression.defresult ? bind_node(*expression.defresult) : unknown_null(at);
  return known(make_case(std::move(conditions), std::move(values), otherwise, "CASE", at));
}

Bound Binder::bind_cast(const PgQuery__TypeCast& cast, int64_t position) {
  const Type type = bind_type(*cast.type_name);
  Bound argument = bind_node(*cast.arg);
  if (type.kind == Kind::kInterval && argument.unknown && !is_null(argument.expression->literal)) {
    const std::string& text = std::get<std::string>(argument.expression->literal);
    const std::string_view unit = interval_unit(*cast.type_name);
    const bool bare = !text.empty() && text.find_first_not_of("+-.0123456789 ") == std::string::npos;
    if (!unit.empty() && !bare)
      fail(Code::kUnsupported, argument.position(),
           "a unit after an interval only goes with a bare number, as in INTERVAL '5' {}", unit);
    if (!unit.empty()) argument = unknown_text(fmt::format("{} {}", text, unit), argument.position());
  }
  return known(cast_to(argument, type, CastContext::kExplicit, position));
}

Value bind_constant_value(const PgQuery__Node& node, const Type& type, std::string_view clause) {
  Binder binder(Scope{});
  const Bound bound = binder.bind(node, clause);
  const int64_t at = syntax::position(node);
  const ExpressionPtr value = cast_to(bound, type, CastContext::kAssignment, at);
  if (value->op != Expression::Op::kLiteral) fail(Code::kInvalid, at, "{} must be a constant", clause);
  return value->literal;
}

std::string default_name(const PgQuery__Node& node) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF:
      return std::string(syntax::last_name(list(node.column_ref->fields, node.column_ref->n_fields)));
    case PG_QUERY__NODE__NODE_FUNC_CALL:
      return std::string(syntax::last_name(list(node.func_call->funcname, node.func_call->n_funcname)));
    case PG_QUERY__NODE__NODE_TYPE_CAST: {
      std::string name = default_name(*node.type_cast->arg);
      if (!name.empty()) return name;
      return std::string(syntax::last_name(list(node.type_cast->type_name->names, node.type_cast->type_name->n_names)));
    }
    case PG_QUERY__NODE__NODE_CASE_EXPR: {
      std::string name = node.case_expr->defresult ? default_name(*node.case_expr->defresult) : std::string();
      return name.empty() ? "case" : name;
    }
    case PG_QUERY__NODE__NODE_COALESCE_EXPR: return "coalesce";
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
      return node.min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least";
    case PG_QUERY__NODE__NODE_A_EXPR:
      return node.a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF ? "nullif" : std::string();
    default: return {};
  }
}

}  // namespace headrace
