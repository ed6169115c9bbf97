// docs/functions.md, printed from the tables that the program itself uses.
#include <algorithm>
#include <cctype>

#include "flow/functions_table.h"
#include "fmt/format.h"

namespace headrace {
namespace {

struct Section {
  std::string_view title;
  void (*add)(FunctionTable& table);
};

constexpr Section kSections[] = {
    {"Comparison", add_comparison_functions},
    {"Conditions", add_conditional_functions},
    {"Arithmetic", add_arithmetic_functions},
    {"Mathematics", add_math_functions},
    {"Text", add_text_functions},
    {"Patterns", add_pattern_functions},
    {"Dates and times", add_time_functions},
    {"Intervals", add_interval_functions},
    {"JSON", add_json_functions},
};

constexpr std::string_view kIntroduction = R"(# Functions and operators

Types, rules and results are PostgreSQL 15's, with the time zone UTC, text in UTF-8 and the collation "C". A row for which
a function fails (overflow, division by zero, text that is not a number) goes to the dead stream with the message.
Unless said otherwise, the result is NULL if an argument is NULL. A computed value has at most 1 MiB.

Besides these there are `AND`, `OR`, `NOT`, `IS NULL`, `IS TRUE`, `IN`, `BETWEEN`, `CASE` and `CAST`.
)";

constexpr std::string_view kAggregates = R"(
## Aggregates

NULLs are left out, except by `count(*)`. All take `FILTER (WHERE condition)`.

| aggregate | result | |
|---|---|---|
| `count(*)` | bigint | number of rows |
| `count(any)` | bigint | number of values |
| `sum(smallint, integer)` | bigint | sum |
| `sum(bigint, numeric)` | numeric | sum |
| `sum(real, double precision, interval)` | the argument's type | sum |
| `avg(smallint, integer, bigint, numeric)` | numeric | mean |
| `avg(real, double precision)` | double precision | mean |
| `avg(interval)` | interval | mean |
| `min(any)`, `max(any)` | the argument's type | the least and the greatest value, of any type but jsonb and arrays |
| `bool_and(boolean)`, `every(boolean)` | boolean | whether all are true |
| `bool_or(boolean)` | boolean | whether one is true |
| `arg_min(value, order)`, `arg_max(value, order)` | the value's type | the value of the row with the least or the greatest order |
| `first(value ORDER BY order)`, `last(value ORDER BY order)` | the value's type | the same as `arg_min` and `arg_max` |
| `approx_count_distinct(any)` | bigint | number of different values, by HyperLogLog |
)";

// A bar would end the table's cell.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

std::string parameter(const Function& function, size_t index, bool any) {
  const bool is_any = any || function.polymorphic != Function::Polymorphic::kNo;
  return is_any ? "any" : kind_name(function.parameters[index]);
}

std::string signature(const Function& function, bool any) {
  const std::string_view name = function.name;
  const size_t count = function.parameters.size();
  const bool is_infix = std::isalpha(static_cast<unsigned char>(name[0])) == 0 || name.ends_with("distinct from");
  if (is_infix && count == 1) return fmt::format("{}{}", name, parameter(function, 0, any));
  if (is_infix) return fmt::format("{} {} {}", parameter(function, 0, any), name, parameter(function, 1, any));
  std::string result = fmt::format("{}(", name);
  for (size_t i = 0; i < count; ++i) result += (i == 0 ? "" : ", ") + parameter(function, i, any);
  return result + (function.variadic ? ", ...)" : ")");
}

std::string result_of(const Function& function) {
  return function.result_type != nullptr ? "the arguments' type" : kind_name(function.result);
}

// The operators that every type has are shown once.
bool is_for_all_types(const FunctionTable& table, const Function& function) {
  constexpr ptrdiff_t kKinds = 15;
  return std::ranges::count(table, function.name, &Function::name) >= kKinds;
}

}  // namespace

std::string function_reference() {
  std::string result(kIntroduction);
  for (const Section& section : kSections) {
    FunctionTable table;
    section.add(table);
    result += fmt::format("\n## {}\n\n| function | result | |\n|---|---|---|\n", section.title);
    std::vector<std::string_view> shown;
    for (const Function& function : table) {
      const bool any = is_for_all_types(table, function);
      if (any && std::ranges::find(shown, function.name) != shown.end()) continue;
      if (any) shown.push_back(function.name);
      result += fmt::format("| `{}` | {} | {} |\n", cell(signature(function, any)), result_of(function),
                            cell(function.description));
    }
  }
  return result + std::string(kAggregates);
}

}  // namespace headrace
