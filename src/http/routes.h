// Every call of the HTTP port, declared.
#pragma once

#include <vector>

#include "http/router.h"

namespace headrace {

std::vector<Route> api_routes();

}  // namespace headrace
