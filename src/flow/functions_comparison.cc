// Comparison: = <> < <= > >= for every type, and the two forms of IS DISTINCT FROM.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

void add_comparison_functions(FunctionTable& table) {
  for (const Kind kind : {kBoolean, kSmallint, kInteger, kBigint, kReal, kDouble, kNumeric, kText, kBytea, kUuid, kDate,
                          kTimestamptz, kInterval, kJsonb, kArray}) {
    const auto add = [&](std::string_view name, std::string_view description) {
      table.push_back(
          {.name = name, .parameters = {kind, kind}, .result = kBoolean, .description = description, .total = true});
    };
    add("=", "equal");
    add("<>", "not equal; also written !=");
    add("<", "less than");
    add("<=", "less than or equal");
    add(">", "greater than");
    add(">=", "greater than or equal");
  }
  table.push_back({.name = "is distinct from",
                   .parameters = {kText, kText},
                   .result = kBoolean,
                   .strict = false,
                   .description = "not equal, where NULL is a value that equals itself",
                   .polymorphic = Function::Polymorphic::kCommon,
                   .total = true});
  table.push_back({.name = "is not distinct from",
                   .parameters = {kText, kText},
                   .result = kBoolean,
                   .strict = false,
                   .description = "equal, where NULL is a value that equals itself",
                   .polymorphic = Function::Polymorphic::kCommon,
                   .total = true});
}

}  // namespace headrace
