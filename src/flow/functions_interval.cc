// Arithmetic of intervals: months, days and microseconds, each on its own.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

void add_interval_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, std::vector<Kind> parameters, Kind result, std::string_view description) {
    table.push_back({.name = name, .parameters = std::move(parameters), .result = result, .description = description});
  };
  add("+", {kInterval, kInterval}, kInterval, "sum");
  add("-", {kInterval, kInterval}, kInterval, "difference");
  add("-", {kInterval}, kInterval, "negation");
  add("*", {kInterval, kDouble}, kInterval, "so many times as long");
  add("*", {kDouble, kInterval}, kInterval, "so many times as long");
  add("/", {kInterval, kDouble}, kInterval, "so many times as short");
  add("extract", {kText, kInterval}, kNumeric, "a field: extract(epoch from i)");
  add("date_part", {kText, kInterval}, kDouble, "a field: date_part('epoch', i)");
  add("date_trunc", {kText, kInterval}, kInterval, "truncated to a field");
}

}  // namespace headrace
