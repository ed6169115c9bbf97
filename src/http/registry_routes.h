// The schema registry's calls, declared.
#pragma once

#include <vector>

#include "http/router.h"

namespace headrace {

void add_registry_routes(std::vector<Route>& routes);

}  // namespace headrace
