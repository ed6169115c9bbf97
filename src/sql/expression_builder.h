// Makes typed expressions: finds the function for the arguments, adds the casts that SQL leaves out, and computes what
// is constant. The binder says what, this says how.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/expression.h"
#include "flow/functions.h"

namespace headrace {

// An expression whose type may not be settled yet: 'text' and NULL take the type of what they meet, as in PostgreSQL.
struct Bound {
  ExpressionPtr expression;
  bool unknown = false;

  const Type& type() const { return expression->type; }
  int64_t position() const { return expression->position; }
};

ExpressionPtr make_literal(Value value, Type type, int64_t position);
ExpressionPtr make_column(size_t index, const Column& column, int64_t position);
// A string literal or NULL without a type.
Bound unknown_text(std::string text, int64_t position);
Bound unknown_null(int64_t position);
Bound known(ExpressionPtr expression);

// An unknown becomes text.
ExpressionPtr settle(const Bound& bound);
// As CAST does (kExplicit), as INSERT does (kAssignment) or as operators do (kImplicit). Throws Error(kInvalid).
ExpressionPtr cast_to(const Bound& bound, const Type& type, CastContext context, int64_t position);
// A condition; `clause` is for the message. Throws Error(kInvalid) unless it is boolean.
ExpressionPtr condition(const Bound& bound, std::string_view clause);

// Throws Error(kInvalid) when there is no such function or operator for these types, suggesting near names.
ExpressionPtr make_call(std::string_view name, std::span<const Bound> arguments, int64_t position);
ExpressionPtr make_call(std::string_view name, std::initializer_list<Bound> arguments, int64_t position);
ExpressionPtr make_and(std::vector<ExpressionPtr> conditions, int64_t position);
ExpressionPtr make_or(std::vector<ExpressionPtr> conditions, int64_t position);
ExpressionPtr make_not(ExpressionPtr condition, int64_t position);
ExpressionPtr make_is_null(const Bound& argument, int64_t position);
// The values are cast to their common type. `what` is CASE, COALESCE and so on, for messages.
ExpressionPtr make_case(std::vector<ExpressionPtr> conditions, std::vector<Bound> values, Bound otherwise,
                        std::string_view what, int64_t position);
// Casts all to their common type. Throws Error(kInvalid) when there is none.
std::vector<ExpressionPtr> cast_to_common(std::span<const Bound> values, std::string_view what, int64_t position);

// True when both compute the same from the same row; positions don't matter.
bool same(const Expression& left, const Expression& right);
// `expression` with each column replaced by the expression for it.
ExpressionPtr substitute(const ExpressionPtr& expression, std::span<const ExpressionPtr> columns);
// Adds to `uses[i]` how often column i occurs.
void count_uses(const Expression& expression, std::span<size_t> uses);

}  // namespace headrace
