// Filter and project, row by row: what their operators do to changes, and what readers of a view do to stored groups
// when the view's plan has them on top of its aggregate.
#pragma once

#include <vector>

#include "flow/expression.h"
#include "flow/plan.h"

namespace headrace {

struct LinearResult {
  Batch rows;
  // Which rows of the input these are; meaningless when `all`.
  std::vector<uint32_t> selection;
  bool all = true;
  RowErrors errors;  // rows that could not be evaluated; they are not in `rows`
};

// Applies a kFilter or kProject node to rows of its input.
LinearResult apply_linear(const Plan& node, const Batch& input);

// False when no row can make the evaluation fail.
bool can_fail(const Expression& expression);
bool can_fail(const Plan& linear_node);

}  // namespace headrace
