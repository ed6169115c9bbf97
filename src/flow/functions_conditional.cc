// Functions that choose one of their arguments.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

void add_conditional_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, size_t parameters, std::string_view description) {
    table.push_back({.name = name,
                     .parameters = std::vector<Kind>(parameters, kText),
                     .result = kText,
                     .result_type = type_of_first,
                     .strict = false,
                     .description = description,
                     .variadic = parameters == 1,
                     .polymorphic = Function::Polymorphic::kCommon});
  };
  add("coalesce", 1, "the first argument that is not NULL; the ones after it are not evaluated");
  table.back().lazy = true;
  add("nullif", 2, "NULL if both arguments are equal, else the first");
  add("greatest", 1, "the largest argument; NULLs are ignored");
  add("least", 1, "the smallest argument; NULLs are ignored");
}

}  // namespace headrace
