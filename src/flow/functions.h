// One table declares every scalar function and operator, every aggregate and every cast: the binder resolves names
// against it, the evaluator calls through it, and the documentation is printed from it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/expression.h"
#include "schema/types.h"

namespace headrace {

// What a call gets. Rows where `skip` is set (an argument is NULL and the function is strict) need no value.
struct Call {
  std::span<const ColumnPtr> arguments;
  size_t rows;
  std::span<const uint8_t> skip;  // empty: none
  RowErrors& errors;
  // Bit i: argument i is the same for all rows, and its column has one row. Never set for all arguments at once.
  uint64_t constants = 0;

  bool is_constant(size_t argument) const { return argument < 64 && (constants >> argument & 1) != 0; }
  bool skipped(size_t row) const { return !skip.empty() && skip[row] != 0; }
};

// The longest value that a function or cast makes, as the limit for rows; beyond it the row fails.
inline constexpr size_t kValueBytesMax = size_t{1024} * 1024;
// As many as PostgreSQL allows.
inline constexpr size_t kArgumentsMax = 100;

struct Function {
  std::string_view name;  // lower case; operators by their symbol: "+", "||", "<=", "~~" (LIKE), "!~~"
  std::vector<Kind> parameters;
  Kind result;
  // The result's precision and scale, or an element type, from the arguments' types; null: none.
  Type (*result_type)(std::span<const Type> arguments) = nullptr;
  bool strict = true;  // NULL if any argument is NULL
  // Fills `result`, whose type is set, which has an entry for every row, and whose nulls are those of `skip`.
  void (*evaluate)(const Call& call, ColumnData& result) = nullptr;
  std::string_view description;  // one line, for docs/functions.md
  // The last parameter takes one or more arguments.
  bool variadic = false;
  // `parameters` are as many as there are, and their kinds mean nothing. kCommon: the arguments are cast to their
  // common type (greatest); kEqual: as for = (nullif, IS DISTINCT FROM); kAny: each keeps its own (concat).
  enum class Polymorphic : uint8_t { kNo, kCommon, kEqual, kAny };
  Polymorphic polymorphic = Polymorphic::kNo;
  // Never fails and costs little, so that it may be evaluated for rows that turn out not to need it.
  bool total = false;
  // An argument is evaluated only for rows where all before it are NULL: coalesce, which needs no `evaluate`.
  bool lazy = false;
};

struct ResolvedFunction {
  const Function* function;
  std::vector<Type> parameters;  // cast the arguments to these
  Type result;
};

// All of them, grouped by theme.
std::span<const Function> all_functions();

// PostgreSQL's rules (func_select_candidate): an exact match, else the candidate with the fewest implicit casts,
// preferring the preferred types (double precision, text, timestamptz); untyped literals (`unknown[i]`) take the other
// side's type. Besides operators and functions there are "is distinct from", "is not distinct from", unary "-" and "+",
// and coalesce, nullif, greatest and least as ordinary functions.
// nullopt: no such function for these types. Throws Error(kInvalid) when ambiguous.
std::optional<ResolvedFunction> resolve_function(std::string_view name, std::span<const Type> arguments,
                                                 std::span<const bool> unknown);
// The names of all functions, for messages ("did you mean").
std::vector<std::string_view> function_names();

enum class CastContext : uint8_t { kImplicit, kAssignment, kExplicit };
bool can_cast(const Type& from, const Type& to, CastContext context);
// Casts the only argument of `call`, a column of type `from`, to `to`. The column itself is the result where both types
// lie in memory alike (is_relabeling): then this must not be called.
void evaluate_cast(const Type& from, const Type& to, const Call& call, ColumnData& result);
bool is_relabeling(const Type& from, const Type& to);

// The type that CASE, COALESCE, UNION and IN give to a mix, or nullopt. Leave untyped literals out; if nothing remains,
// it is text.
std::optional<Type> common_type(std::span<const Type> types);

// The reference of all functions, operators and aggregates as Markdown: docs/functions.md.
std::string function_reference();

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
