// The table of calls as text: OpenAPI 3.1 for programs, a Markdown table for docs/http.md.
#pragma once

#include <string>
#include <vector>

#include "http/router.h"

namespace headrace {

std::string describe_as_openapi(const std::vector<Route>& routes);
std::string describe_as_markdown(const std::vector<Route>& routes);

}  // namespace headrace
