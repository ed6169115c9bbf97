// From the text of a SELECT to a plan: parse, bind names and types, plan. Error positions are byte offsets into
// `query`.
#pragma once

#include <string_view>

#include "sql/definitions.h"

namespace headrace {

enum class QueryUse : uint8_t {
  kView,    // kept up to date: no ORDER BY or LIMIT, needs a key
  kStream,  // CREATE STREAM ... AS: append-only rows
  kAdHoc,   // run once
};

// Throws Error(kInvalid) for names and types that don't fit, Error(kUnsupported) for what the operators can't do yet,
// saying what to write instead where there is something.
QueryPlanPtr plan_query(std::string_view query, const Relations& relations, QueryUse use);

// The rows of INSERT INTO `type` ... VALUES, cast to the columns.
Batch evaluate_insert(std::string_view statement, RowTypePtr type);

}  // namespace headrace
