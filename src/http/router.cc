#include "http/router.h"

#include <algorithm>

#include "base/check.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace headrace {

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (const Route& route : routes_) {
    check(route.pattern.starts_with('/'), "a pattern starts with /");
    Compiled compiled;
    std::string_view rest = route.pattern.substr(1);
    while (true) {
      const size_t end = std::min(rest.find('/'), rest.size());
      const std::string_view segment = rest.substr(0, end);
      const bool is_parameter = segment.starts_with('{');
      compiled.segments.push_back({segment, is_parameter, is_parameter && segment.ends_with("...}")});
      if (end == rest.size()) break;
      rest.remove_prefix(end + 1);
    }
    compiled.rest = compiled.segments.back().rest;
    order_.push_back(compiled_.size());
    compiled_.push_back(std::move(compiled));
  }
  // More literal segments first, so that /v1/views/{v}/changes is tried before /v1/views/{v}/{key...}.
  std::ranges::sort(order_, [&](size_t left, size_t right) {
    const size_t literals_left = literals(compiled_[left]);
    const size_t literals_right = literals(compiled_[right]);
    return literals_left != literals_right ? literals_left > literals_right : left < right;
  });
}

size_t Router::literals(const Compiled& pattern) {
  return static_cast<size_t>(
      std::ranges::count_if(pattern.segments, [](const Segment& segment) { return !segment.is_parameter; }));
}

bool Router::fits(const Compiled& pattern, const Match& match) const {
  const size_t count = match.parameter_count;
  if (pattern.rest ? count < pattern.segments.size() : count != pattern.segments.size()) return false;
  for (size_t index = 0; index < pattern.segments.size(); ++index) {
    const Segment& segment = pattern.segments[index];
    if (segment.rest) return true;
    if (segment.is_parameter) {
      if (match.parameters[index].empty()) return false;
    } else if (segment.literal != match.parameters[index]) {
      return false;
    }
  }
  return true;
}

void Router::match(Method method, std::string_view path, Match& match) const {
  match.route = nullptr;
  match.path_known = false;
  match.allow.clear();
  match.parameter_count = 0;
  if (!path.starts_with('/')) return;

  // First all segments, then only those that are parameters.
  std::string_view rest = path.substr(1);
  while (true) {
    if (match.parameter_count == Match::kParametersMax) return;
    const size_t end = std::min(rest.find('/'), rest.size());
    match.parameters[match.parameter_count++] = rest.substr(0, end);
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }

  for (const size_t index : order_) {
    if (!fits(compiled_[index], match)) continue;
    match.path_known = true;
    if (routes_[index].method == method) {
      match.route = &routes_[index];
      const std::vector<Segment>& segments = compiled_[index].segments;
      size_t kept = 0;
      for (size_t at = 0; at < match.parameter_count; ++at) {
        if (at < segments.size() && !segments[at].is_parameter) continue;
        match.parameters[kept++] = match.parameters[at];
      }
      match.parameter_count = kept;
      return;
    }
    const std::string_view name = method_name(routes_[index].method);
    if (match.allow.find(name) == std::string::npos) match.allow += fmt::format("{}, ", name);
    if (name == "GET") match.allow += "HEAD, ";
  }
  if (match.path_known) match.allow += "OPTIONS";
}

void check_parameters(const Route& route, const std::vector<QueryParameter>& parameters) {
  for (const QueryParameter& parameter : parameters) {
    std::vector<std::string_view> declared;
    bool found = false;
    for (const Parameter& known : route.parameters) {
      if (known.in != Parameter::In::kQuery) continue;
      declared.push_back(known.name);
      found = found || known.name == parameter.name;
    }
    if (found) continue;
    throw Error(Code::kInvalid,
                declared.empty() ? fmt::format("this call takes no query parameters; \"{}\" was given", parameter.name)
                                 : fmt::format("this call has no query parameter \"{}\"; it has: {}", parameter.name,
                                               fmt::join(declared, ", ")));
  }
}

}  // namespace headrace
