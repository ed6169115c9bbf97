#include "flow/linear.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace headrace {
namespace {

// Most batches of a selective filter leave nothing: that should not cost a copy of every column.
Batch select(const Batch& rows, const std::vector<uint32_t>& selection) {
  return selection.empty() ? BatchBuilder(rows.type).finish() : rows.gather(selection);
}

void apply_filter(const Plan& node, const Batch& input, LinearResult& result) {
  const ColumnPtr keep = evaluate(*node.predicate, input, result.errors);
  const bool any_errors = !result.errors.empty();
  std::vector<uint32_t>& selection = result.selection;
  selection.resize(input.rows);
  size_t kept = 0;
  for (uint32_t row = 0; row < input.rows; ++row) {
    selection[kept] = row;
    kept += keep->ints[row] != 0 && !keep->null_at(row) && !(any_errors && result.errors.failed(row));
  }
  selection.resize(kept);
  result.all = kept == input.rows;
  result.rows = result.all ? input : select(input, selection);
  result.rows.type = node.type;
}

void apply_project(const Plan& node, const Batch& input, LinearResult& result) {
  result.rows.type = node.type;
  result.rows.rows = input.rows;
  for (const ExpressionPtr& expression : node.expressions) {
    result.rows.columns.push_back(expression->op == Expression::Op::kColumn
                                      ? input.columns[expression->column]
                                      : evaluate(*expression, input, result.errors));
  }
  if (result.errors.empty()) return;
  result.all = false;
  for (uint32_t row = 0; row < input.rows; ++row)
    if (!result.errors.failed(row)) result.selection.push_back(row);
  result.rows = select(result.rows, result.selection);
}

}  // namespace

LinearResult apply_linear(const Plan& node, const Batch& input) {
  LinearResult result;
  if (node.node == Plan::Node::kFilter) {
    apply_filter(node, input, result);
  } else {
    check(node.node == Plan::Node::kProject, "a linear node is a filter or a project");
    apply_project(node, input, result);
  }
  return result;
}

bool can_fail(const Expression& expression) {
  if (expression.op == Expression::Op::kCast) return true;
  if (expression.op == Expression::Op::kCall && !expression.function->total) return true;
  return std::ranges::any_of(expression.arguments, [](const ExpressionPtr& argument) { return can_fail(*argument); });
}

bool can_fail(const Plan& linear_node) {
  if (linear_node.predicate && can_fail(*linear_node.predicate)) return true;
  return std::ranges::any_of(linear_node.expressions,
                             [](const ExpressionPtr& expression) { return can_fail(*expression); });
}

}  // namespace headrace
