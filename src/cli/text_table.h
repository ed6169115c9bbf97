// Rows for people: aligned columns, numbers to the right.
#pragma once

#include <string>

#include "boost/json/object.hpp"

namespace headrace {

// The result of one SELECT as POST /v1/sql answers it: {"columns": [...], "rows": [...]}.
std::string text_table(const boost::json::object& result);

}  // namespace headrace
