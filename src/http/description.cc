#include "http/description.h"

#include <map>

#include "boost/json.hpp"
#include "fmt/format.h"

namespace headrace {
namespace {

namespace json = boost::json;

constexpr std::string_view kProblemType = "application/problem+json";

json::string text(std::string_view value) {
  return json::string(value);
}

// OpenAPI has no parameter for the rest of a path, so "{key...}" is {key}.
std::string plain_pattern(std::string_view pattern) {
  std::string plain(pattern);
  if (const size_t dots = plain.find("..."); dots != std::string::npos) plain.erase(dots, 3);
  return plain;
}

std::string_view plain_name(std::string_view name) {
  return name.ends_with("...") ? name.substr(0, name.size() - 3) : name;
}

json::object describe_parameter(const Parameter& parameter) {
  json::object out;
  out["name"] = text(plain_name(parameter.name));
  switch (parameter.in) {
    case Parameter::In::kPath:
      out["in"] = "path";
      out["required"] = true;
      break;
    case Parameter::In::kQuery: out["in"] = "query"; break;
    case Parameter::In::kHeader: out["in"] = "header"; break;
  }
  out["description"] = text(parameter.description);
  out["schema"] = {{"type", text(parameter.type)}};
  return out;
}

json::object describe_responses(const Route& route) {
  const json::object problem = {{"schema", {{"$ref", "#/components/schemas/Problem"}}}};
  const bool own = route.fails_as != kProblemType;
  const json::object failure =
      own ? json::object{{"schema", {{"$ref", "#/components/schemas/RegistryFailure"}}}} : problem;
  json::object out;
  for (const Answer& answer : route.answers) {
    json::object content;
    if (answer.status < 300) {
      for (const std::string_view type : route.gives) content[type] = json::object();
    } else {
      content[route.fails_as] = failure;
    }
    out[fmt::format("{}", answer.status)] = {{"description", text(answer.description)}, {"content", content}};
  }
  out["default"] = {{"description", "a problem"}, {"content", {{kProblemType, problem}}}};
  return out;
}

json::object describe_operation(const Route& route) {
  json::object out;
  out["summary"] = text(route.summary);
  json::array parameters;
  for (const Parameter& parameter : route.parameters) parameters.push_back(describe_parameter(parameter));
  if (!parameters.empty()) out["parameters"] = parameters;
  if (!route.takes.empty()) {
    json::object content;
    for (const std::string_view type : route.takes) content[type] = json::object();
    out["requestBody"] = {{"required", true}, {"content", content}};
  }
  out["responses"] = describe_responses(route);
  return out;
}

json::object describe_problem() {
  const json::object string_type = {{"type", "string"}};
  const json::object integer_type = {{"type", "integer"}};
  return {{"type", "object"},
          {"required", {"type", "title", "status", "detail"}},
          {"properties",
           {{"type", string_type},
            {"title", string_type},
            {"status", integer_type},
            {"detail", string_type},
            {"row", integer_type},
            {"column", string_type},
            {"position", integer_type},
            {"line", integer_type},
            {"line_position", integer_type},
            {"trace_id", string_type}}}};
}

json::object describe_registry_failure() {
  return {{"type", "object"},
          {"required", {"error_code", "message"}},
          {"properties", {{"error_code", {{"type", "integer"}}}, {"message", {{"type", "string"}}}}}};
}

std::string lower_method(Method method) {
  std::string name(method_name(method));
  for (char& byte : name) byte = static_cast<char>(byte | 0x20);
  return name;
}

}  // namespace

std::string describe_as_openapi(const std::vector<Route>& routes) {
  json::object paths;
  for (const Route& route : routes) {
    json::value& path = paths[plain_pattern(route.pattern)];
    if (path.is_null()) path.emplace_object();
    path.get_object()[lower_method(route.method)] = describe_operation(route);
  }
  const json::object description = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Headrace"},
        {"version", "1"},
        {"description",
         "A durable log, live SQL views, a schema registry. Errors are problem documents (RFC 9457), those of "
         "the registry its own."}}},
      {"paths", paths},
      {"components",
       {{"schemas", {{"Problem", describe_problem()}, {"RegistryFailure", describe_registry_failure()}}}}}};
  return json::serialize(description) + "\n";
}

std::string describe_as_markdown(const std::vector<Route>& routes) {
  std::string out = "| call | meaning | takes | answers |\n|---|---|---|---|\n";
  for (const Route& route : routes) {
    std::string parameters;
    for (const Parameter& parameter : route.parameters) {
      if (parameter.in == Parameter::In::kPath) continue;
      parameters += fmt::format("{}`{}`{}", parameters.empty() ? "" : "<br>", parameter.name,
                                parameter.in == Parameter::In::kHeader ? " (header)" : "");
      parameters += fmt::format(": {}", parameter.description);
    }
    std::string types;
    for (const std::string_view type : route.takes) types += fmt::format("{}`{}`", types.empty() ? "" : ", ", type);
    std::string answers;
    for (const Answer& answer : route.answers) {
      answers += fmt::format("{}{}: {}", answers.empty() ? "" : "<br>", answer.status, answer.description);
    }
    const std::string_view between = types.empty() || parameters.empty() ? "" : "<br>";
    out += fmt::format("| `{} {}` | {} | {}{}{} | {} |\n", method_name(route.method), route.pattern, route.summary,
                       types, between, parameters, answers);
  }
  return out;
}

}  // namespace headrace
