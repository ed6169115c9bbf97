// One table declares every scalar function and operator, every aggregate and every cast: the binder resolves names
// against it, the evaluator calls through it, and the documentation is printed from it.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "flow/expression.h"

namespace headrace {

// What a call gets. Rows where `skip` is set (an argument is NULL and the function is strict) need no value.
struct Call {
  std::span<const ColumnPtr> arguments;
  size_t rows;
  std::span<const uint8_t> skip;  // empty: none
  RowErrors& errors;
};

struct Function {
  std::string_view name;  // lower case; operators by their symbol: "+", "||", "<=", "~~" (LIKE), "!~~"
  std::vector<Kind> parameters;
  Kind result;
  // The result's precision and scale, or an element type, from the arguments' types; null: none.
  Type (*result_type)(std::span<const Type> arguments) = nullptr;
  bool strict = true;  // NULL if any argument is NULL
  void (*evaluate)(const Call& call, ColumnData& result) = nullptr;
  std::string_view description;  // one line, for docs/sql.md
};

struct ResolvedFunction {
  const Function* function;
  std::vector<Type> parameters;  // cast the arguments to these
  Type result;
};

// PostgreSQL's rules in short: an exact match, else the candidate with the fewest implicit casts, preferring the
// preferred types (double precision, text, timestamptz); untyped literals (`unknown[i]`) take the other side's type.
// nullopt: no such function for these types. Throws Error(kInvalid) when ambiguous.
std::optional<ResolvedFunction> resolve_function(std::string_view name, std::span<const Type> arguments,
                                                 std::span<const bool> unknown);
// The names of all functions, for messages ("did you mean").
std::vector<std::string_view> function_names();

enum class CastContext : uint8_t { kImplicit, kAssignment, kExplicit };
bool can_cast(const Type& from, const Type& to, CastContext context);
// The type that CASE, COALESCE, UNION and IN give to a mix, or nullopt.
std::optional<Type> common_type(std::span<const Type> types);

// Aggregates -------------------------------------------------------------------------------------------------------

enum class AggregateKind : uint8_t {
  kCountAll,  // count(*)
  kCount,
  kSum,
  kAvg,
  kMin,
  kMax,
  kBoolAnd,
  kBoolOr,
  kArgMin,  // arg_min(value, order), first(value ORDER BY order [ASC])
  kArgMax,  // arg_max(value, order), last(value ORDER BY order)
  kApproxCountDistinct,
};

struct AggregateCall {
  AggregateKind kind = AggregateKind::kCountAll;
  std::vector<size_t> arguments;  // columns of the aggregate's input
  int filter = -1;                // FILTER (WHERE ...): a boolean column of the input, or -1
  Type type;                      // of the result
  bool nullable = true;
};

struct ResolvedAggregate {
  AggregateKind kind;
  std::vector<Type> parameters;
  Type result;
};
std::optional<ResolvedAggregate> resolve_aggregate(std::string_view name, std::span<const Type> arguments,
                                                   std::span<const bool> unknown);

}  // namespace headrace
