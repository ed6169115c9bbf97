#include "flow/linear_operator.h"

namespace headrace {

void LinearOperator::push(size_t, const Changes& changes, Epoch& epoch) {
  LinearResult result = apply_linear(*node_, changes.rows);
  for (const RowErrors::Entry& entry : result.errors.entries()) {
    const uint32_t row = entry.row;
    if (changes.weight(row) < 0) continue;
    if (row > 0 && changes.weight(row - 1) < 0 && result.errors.failed(row - 1)) continue;
    std::string row_json;
    if (epoch.keeps_dead_rows()) append_row_json(row_json, changes.rows, row);
    epoch.report(entry.message, std::move(row_json));
  }
  Changes out{std::move(result.rows), {}};
  if (result.all) {
    out.weights = changes.weights;
  } else if (!changes.weights.empty()) {
    out.weights.reserve(result.selection.size());
    for (const uint32_t row : result.selection) out.weights.push_back(changes.weights[row]);
  }
  emit(out, epoch);
}

}  // namespace headrace
