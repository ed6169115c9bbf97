// An oracle for flows: a plan's result from scratch, row by row, with none of the operators' code.
#pragma once

#include "flow/testing_plans.h"

namespace headrace::testing {

// The rows of `plan` over `input`, which has the rows of each source: for a table, its current ones.
std::vector<Row> evaluate_plan(const Plan& plan, const std::vector<std::vector<Row>>& input);

}  // namespace headrace::testing
