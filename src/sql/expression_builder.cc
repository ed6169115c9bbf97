#include "sql/expression_builder.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "sql/nearest.h"
#include "sql/syntax.h"

namespace headrace {
namespace {

using syntax::fail;

std::shared_ptr<Expression> make(Expression::Op op, Type type, int64_t position) {
  auto result = std::make_shared<Expression>();
  result->op = op;
  result->type = type;
  result->position = position;
  return result;
}

bool all_literal(const std::vector<ExpressionPtr>& arguments) {
  return std::ranges::all_of(arguments, [](const ExpressionPtr& a) { return a->op == Expression::Op::kLiteral; });
}

// A constant subexpression is computed once, here; if it fails, the query is wrong.
ExpressionPtr fold(std::shared_ptr<Expression> expression) {
  if (expression->arguments.empty() && expression->op != Expression::Op::kCall) return expression;
  if (!all_literal(expression->arguments)) return expression;
  static const RowTypePtr no_columns = std::make_shared<RowType>();
  const Batch one_row{.type = no_columns, .columns = {}, .rows = 1};
  RowErrors errors;
  const ColumnPtr result = evaluate(*expression, one_row, errors);
  if (!errors.empty()) fail(Code::kInvalid, expression->position, "{}", errors.entries().front().message);
  return make_literal(result->value_at(0), expression->type, expression->position);
}

// Whether the result may be NULL. Strict functions have a value wherever their arguments have one, except for lookups
// into jsonb and arrays.
bool may_be_null(const Function& function, const std::vector<ExpressionPtr>& arguments) {
  const auto nullable = [](const ExpressionPtr& argument) { return argument->nullable; };
  const std::string_view name = function.name;
  if (name == "coalesce" || name == "greatest" || name == "least") return std::ranges::all_of(arguments, nullable);
  if (name == "is distinct from" || name == "is not distinct from" || name == "concat") return false;
  if (name == "concat_ws") return arguments.front()->nullable;
  if (!function.strict) return true;
  const auto looks_up = [](Kind kind) { return kind == Kind::kJsonb || kind == Kind::kArray; };
  if (function.result != Kind::kBoolean && std::ranges::any_of(function.parameters, looks_up)) return true;
  return std::ranges::any_of(arguments, nullable);
}

bool is_operator(std::string_view name) {
  return !name.empty() && std::string_view("+-*/<>=~!@#%^&|`?").contains(name[0]);
}

std::string type_list(std::span<const Bound> arguments) {
  std::string result;
  for (const Bound& argument : arguments) {
    if (!result.empty()) result += ", ";
    result += argument.unknown ? std::string("unknown") : argument.type().name();
  }
  return result;
}

[[noreturn]] void fail_no_function(std::string_view name, std::span<const Bound> arguments, int64_t position) {
  if (is_operator(name)) {
    if (arguments.size() == 2)
      fail(Code::kInvalid, position, "operator does not exist: {} {} {}; cast one side to the type of the other",
           arguments[0].unknown ? "unknown" : arguments[0].type().name(), name,
           arguments[1].unknown ? "unknown" : arguments[1].type().name());
    fail(Code::kInvalid, position, "operator does not exist: {} {}", name, type_list(arguments));
  }
  const std::vector<std::string_view> names = function_names();
  if (std::ranges::find(names, name) != names.end())
    fail(Code::kInvalid, position,
         "function {}({}) does not exist: there is a function of this name, but not for these types; "
         "SHOW FUNCTIONS lists them",
         name, type_list(arguments));
  fail(Code::kInvalid, position, "function {}({}) does not exist{}", name, type_list(arguments),
       suggestion(name, names));
}

bool needs_cast(const Type& from, const Type& to) {
  if (from.kind != to.kind) return true;
  if (to.kind == Kind::kNumeric) return to.precision != 0 && from != to;
  if (to.kind == Kind::kArray) return from.element != to.element;
  return false;
}

ExpressionPtr with_position(const ExpressionPtr& expression, int64_t position) {
  if (position < 0 || expression->position == position) return expression;
  auto copy = std::make_shared<Expression>(*expression);
  copy->position = position;
  return copy;
}

ExpressionPtr make_logical(Expression::Op op, std::vector<ExpressionPtr> conditions, int64_t position) {
  check(!conditions.empty(), "AND and OR have arguments");
  if (conditions.size() == 1) return conditions[0];
  auto result = make(op, Type{.kind = Kind::kBoolean}, position);
  result->nullable = std::ranges::any_of(conditions, [](const ExpressionPtr& c) { return c->nullable; });
  result->arguments = std::move(conditions);
  return fold(std::move(result));
}

}  // namespace

ExpressionPtr make_literal(Value value, Type type, int64_t position) {
  auto result = make(Expression::Op::kLiteral, type, position);
  result->nullable = is_null(value);
  result->literal = std::move(value);
  return result;
}

ExpressionPtr make_column(size_t index, const Column& column, int64_t position) {
  auto result = make(Expression::Op::kColumn, column.type, position);
  result->nullable = column.nullable;
  result->column = index;
  return result;
}

Bound unknown_text(std::string text, int64_t position) {
  return {make_literal(Value(std::move(text)), Type{.kind = Kind::kText}, position), true};
}

Bound unknown_null(int64_t position) {
  return {make_literal(Value(), Type{.kind = Kind::kText}, position), true};
}

Bound known(ExpressionPtr expression) {
  return {std::move(expression), false};
}

ExpressionPtr settle(const Bound& bound) {
  return bound.expression;  // unknown literals are held as text already
}

ExpressionPtr cast_to(const Bound& bound, const Type& type, CastContext context, int64_t position) {
  if (bound.unknown) {
    const Value& value = bound.expression->literal;
    if (is_null(value)) return make_literal(Value(), type, bound.position());
    if (type.kind == Kind::kText) return bound.expression;
    try {
      return make_literal(parse_text(std::get<std::string>(value), type), type, bound.position());
    } catch (const Error& error) {
      throw Error(error.code(), error.message(), Where{.position = bound.position()});
    }
  }
  if (!needs_cast(bound.type(), type)) return bound.expression;
  if (!can_cast(bound.type(), type, context)) {
    if (context != CastContext::kExplicit && can_cast(bound.type(), type, CastContext::kExplicit))
      fail(Code::kInvalid, position, "{} is expected here, and this is {}; write CAST(... AS {})", type.name(),
           bound.type().name(), type.name());
    fail(Code::kInvalid, position, "cannot cast type {} to {}", bound.type().name(), type.name());
  }
  auto result = make(Expression::Op::kCast, type, position);
  result->nullable = bound.expression->nullable;
  result->arguments = {bound.expression};
  return fold(std::move(result));
}

ExpressionPtr condition(const Bound& bound, std::string_view clause) {
  if (!bound.unknown && bound.type().kind != Kind::kBoolean)
    fail(Code::kInvalid, bound.position(), "the argument of {} must be a condition, of type boolean; this is {}",
         clause, bound.type().name());
  return cast_to(bound, Type{.kind = Kind::kBoolean}, CastContext::kImplicit, bound.position());
}

ExpressionPtr make_call(std::string_view name, std::span<const Bound> arguments, int64_t position) {
  std::vector<Type> types;
  std::vector<uint8_t> unknown_bytes;
  for (const Bound& argument : arguments) {
    types.push_back(argument.type());
    unknown_bytes.push_back(argument.unknown ? 1 : 0);
  }
  const std::unique_ptr<bool[]> unknown(new bool[arguments.size() + 1]);
  std::ranges::copy(unknown_bytes, unknown.get());
  std::optional<ResolvedFunction> found;
  try {
    found = resolve_function(name, types, std::span<const bool>(unknown.get(), arguments.size()));
  } catch (const Error& error) {
    throw Error(error.code(), error.message(), Where{.position = position});
  }
  if (!found) fail_no_function(name, arguments, position);
  auto result = make(Expression::Op::kCall, found->result, position);
  result->function = found->function;
  for (size_t i = 0; i < arguments.size(); ++i) {
    // `||` joins a text with anything, which PostgreSQL does by an operator of its own.
    const CastContext context = name == "||" ? CastContext::kAssignment : CastContext::kImplicit;
    result->arguments.push_back(cast_to(arguments[i], found->parameters[i], context, position));
  }
  result->nullable = may_be_null(*found->function, result->arguments);
  return fold(std::move(result));
}

ExpressionPtr make_call(std::string_view name, std::initializer_list<Bound> arguments, int64_t position) {
  return make_call(name, std::span<const Bound>(arguments.begin(), arguments.size()), position);
}

ExpressionPtr make_and(std::vector<ExpressionPtr> conditions, int64_t position) {
  return make_logical(Expression::Op::kAnd, std::move(conditions), position);
}

ExpressionPtr make_or(std::vector<ExpressionPtr> conditions, int64_t position) {
  return make_logical(Expression::Op::kOr, std::move(conditions), position);
}

ExpressionPtr make_not(ExpressionPtr argument, int64_t position) {
  auto result = make(Expression::Op::kNot, Type{.kind = Kind::kBoolean}, position);
  result->nullable = argument->nullable;
  result->arguments = {std::move(argument)};
  return fold(std::move(result));
}

ExpressionPtr make_is_null(const Bound& argument, int64_t position) {
  auto result = make(Expression::Op::kIsNull, Type{.kind = Kind::kBoolean}, position);
  result->nullable = false;
  result->arguments = {settle(argument)};
  return fold(std::move(result));
}

std::vector<ExpressionPtr> cast_to_common(std::span<const Bound> values, std::string_view what, int64_t position) {
  std::vector<Type> types;
  Type type{.kind = Kind::kText};
  for (const Bound& value : values) {
    if (value.unknown) continue;
    types.push_back(value.type());
    const std::optional<Type> common = common_type(types);
    if (!common)
      fail(Code::kInvalid, value.position() >= 0 ? value.position() : position,
           "{} has values of types {} and {}, which have no type in common; cast them to one type", what, type.name(),
           value.type().name());
    type = *common;
  }
  std::vector<ExpressionPtr> result;
  for (const Bound& value : values) result.push_back(cast_to(value, type, CastContext::kImplicit, value.position()));
  return result;
}

ExpressionPtr make_case(std::vector<ExpressionPtr> conditions, std::vector<Bound> values, Bound otherwise,
                        std::string_view what, int64_t position) {
  check(conditions.size() == values.size() && !values.empty(), "CASE has as many conditions as values");
  values.push_back(std::move(otherwise));
  std::vector<ExpressionPtr> results = cast_to_common(values, what, position);
  auto result = make(Expression::Op::kCase, results.front()->type, position);
  result->nullable = false;
  for (size_t i = 0; i < results.size(); ++i) {
    // cast_to leaves what differs only in precision alone; the type of the whole is the plain one then.
    if (results[i]->type != result->type && results[i]->type.kind == Kind::kNumeric)
      result->type = Type{.kind = Kind::kNumeric};
    result->nullable = result->nullable || results[i]->nullable;
  }
  for (size_t i = 0; i < conditions.size(); ++i) {
    result->arguments.push_back(std::move(conditions[i]));
    result->arguments.push_back(std::move(results[i]));
  }
  result->arguments.push_back(std::move(results.back()));
  return fold(std::move(result));
}

bool same(const Expression& left, const Expression& right) {
  if (&left == &right) return true;
  return left.op == right.op && left.type == right.type && left.column == right.column &&
         left.function == right.function && left.literal == right.literal &&
         std::ranges::equal(left.arguments, right.arguments,
                            [](const ExpressionPtr& a, const ExpressionPtr& b) { return same(*a, *b); });
}

ExpressionPtr substitute(const ExpressionPtr& expression, std::span<const ExpressionPtr> columns) {
  if (expression->op == Expression::Op::kColumn) {
    check(expression->column < columns.size(), "a column is one of its input");
    return with_position(columns[expression->column], expression->position);
  }
  if (expression->arguments.empty()) return expression;
  auto result = std::make_shared<Expression>(*expression);
  for (ExpressionPtr& argument : result->arguments) argument = substitute(argument, columns);
  return result;
}

void count_uses(const Expression& expression, std::span<size_t> uses) {
  if (expression.op == Expression::Op::kColumn) ++uses[expression.column];
  for (const ExpressionPtr& argument : expression.arguments) count_uses(*argument, uses);
}

}  // namespace headrace
