// The table of calls. A Route declares one call in full: what matches, what answers, and what it means. Dispatch, the
// answers 404 and 405, /openapi.json and the table in docs/http.md all follow from it.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "http/call.h"

namespace headrace {

using Handler = awaitable<void> (*)(HttpCall& call);

struct Parameter {
  enum class In : uint8_t { kPath, kQuery, kHeader };
  In in;
  std::string_view name;
  std::string_view type;  // of JSON schema: "string", "integer"
  std::string_view description;
};

struct Answer {
  int status;
  std::string_view description;
};

struct Route {
  Method method;
  // Segments are literal, {name}, or at the end {name...} for one or more segments. A literal wins over {name}.
  std::string_view pattern;
  Handler handler;
  std::string_view summary;
  std::vector<Parameter> parameters;
  std::vector<std::string_view> takes;  // media types of the body; empty: no body
  std::vector<std::string_view> gives;  // media types of the answer
  std::vector<Answer> answers;
  bool any_query = false;  // other query parameters than the declared ones are the handler's to judge
  std::string_view fails_as = "application/problem+json";  // media type of the handler's own failures
};

struct Match {
  static constexpr size_t kParametersMax = 48;

  const Route* route = nullptr;  // nullptr: nothing matches this path and method
  bool path_known = false;       // the path matches with another method
  std::string allow;             // the methods it has, when the path is known and the method is not
  std::array<std::string_view, kParametersMax> parameters;  // path segments as sent, in the pattern's order
  size_t parameter_count = 0;
};

class Router {
 public:
  explicit Router(std::vector<Route> routes);

  // HEAD is matched as GET. `match` is filled, so that the caller can keep its memory.
  void match(Method method, std::string_view path, Match& match) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Segment {
    std::string_view literal;
    bool is_parameter = false;
    bool rest = false;
  };
  struct Compiled {
    std::vector<Segment> segments;
    bool rest = false;
  };

  static size_t literals(const Compiled& pattern);
  bool fits(const Compiled& pattern, const Match& segments) const;

  std::vector<Route> routes_;
  std::vector<Compiled> compiled_;  // one per route
  std::vector<size_t> order_;       // in which routes are tried
};

// Throws Error(kInvalid), naming what the call takes, for a query parameter that `route` does not declare.
void check_parameters(const Route& route, const std::vector<QueryParameter>& parameters);

}  // namespace headrace
