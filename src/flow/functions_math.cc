// Rounding, powers and the functions of a circle.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

void add_math_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, std::vector<Kind> parameters, std::string_view description) {
    const Kind result = parameters.empty() ? kDouble : parameters[0];
    table.push_back({.name = name, .parameters = std::move(parameters), .result = result, .description = description});
  };
  for (const Kind kind : {kNumeric, kDouble}) {
    add("ceil", {kind}, "the nearest whole number that is not less");
    add("ceiling", {kind}, "the nearest whole number that is not less");
    add("floor", {kind}, "the nearest whole number that is not greater");
    add("round", {kind}, "the nearest whole number; numeric rounds halves away from zero, double precision to even");
    add("trunc", {kind}, "the whole number towards zero");
    add("sign", {kind}, "-1, 0 or 1");
    add("sqrt", {kind}, "square root");
    add("power", {kind, kind}, "the first argument to the power of the second");
    add("pow", {kind, kind}, "the first argument to the power of the second");
  }
  add("round", {kNumeric, kInteger}, "rounded to so many digits behind the point; negative: before it");
  add("trunc", {kNumeric, kInteger}, "truncated to so many digits behind the point; negative: before it");
  add("radians", {kDouble}, "degrees to radians");
  add("degrees", {kDouble}, "radians to degrees");
  add("sin", {kDouble}, "sine, of radians");
  add("cos", {kDouble}, "cosine, of radians");
  add("tan", {kDouble}, "tangent, of radians");
  add("asin", {kDouble}, "inverse sine, in radians");
  add("acos", {kDouble}, "inverse cosine, in radians");
  add("atan", {kDouble}, "inverse tangent, in radians");
  add("atan2", {kDouble, kDouble}, "inverse tangent of the first divided by the second, in radians");
  add("pi", {}, "the number pi");
}

}  // namespace headrace
