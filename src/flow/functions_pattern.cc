// LIKE and regular expressions.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

void add_pattern_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, Kind result, std::string_view description) {
    table.push_back({.name = name, .parameters = {kText, kText}, .result = result, .description = description});
  };
  add("~~", kBoolean, "LIKE: % stands for any text, _ for any character");
  add("!~~", kBoolean, "NOT LIKE");
  add("~~*", kBoolean, "ILIKE: LIKE whatever the case");
  add("!~~*", kBoolean, "NOT ILIKE");
  add("~", kBoolean, "matches a regular expression (RE2)");
  add("!~", kBoolean, "does not match a regular expression");
  add("~*", kBoolean, "matches a regular expression, whatever the case");
  add("!~*", kBoolean, "does not match a regular expression, whatever the case");
  add("like_escape", kText, "a LIKE pattern with another escape character: LIKE ... ESCAPE");
}

}  // namespace headrace
