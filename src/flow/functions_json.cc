// A look into JSON documents.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

void add_json_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, std::vector<Kind> parameters, Kind result, std::string_view description) {
    table.push_back({.name = name, .parameters = std::move(parameters), .result = result, .description = description});
  };
  add("->", {kJsonb, kText}, kJsonb, "the value of a field; NULL if there is none");
  add("->", {kJsonb, kInteger}, kJsonb, "an element, from 0; negative: from the end; NULL if there is none");
  add("->>", {kJsonb, kText}, kText, "the value of a field as text");
  add("->>", {kJsonb, kInteger}, kText, "an element as text");
}

}  // namespace headrace
