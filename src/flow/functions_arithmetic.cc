// + - * / % and unary minus on numbers. Whole numbers that overflow are an error, never a wrong number.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

void add_arithmetic_functions(FunctionTable& table) {
  for (const Kind kind : {kSmallint, kInteger, kBigint, kNumeric, kReal, kDouble}) {
    const auto add = [&](std::string_view name, std::vector<Kind> parameters, std::string_view description) {
      table.push_back({.name = name, .parameters = std::move(parameters), .result = kind, .description = description});
    };
    add("+", {kind, kind}, "sum");
    add("-", {kind, kind}, "difference");
    add("*", {kind, kind}, "product");
    add("/", {kind, kind}, "quotient; of whole numbers it is truncated");
    add("+", {kind}, "the number itself");
    add("-", {kind}, "negation");
    add("abs", {kind}, "absolute value");
    if (kind == kReal || kind == kDouble) continue;
    add("%", {kind, kind}, "remainder, with the sign of the first argument");
    add("mod", {kind, kind}, "remainder, with the sign of the first argument");
  }
}

}  // namespace headrace
