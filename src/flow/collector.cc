#include "flow/collector.h"

#include <algorithm>
#include <utility>

namespace headrace {
namespace {

size_t bytes_of(const Batch& batch) {
  size_t bytes = 0;
  for (const ColumnPtr& column : batch.columns) {
    const Form form = column->type.form();
    bytes += batch.rows * (form == Form::kInt || form == Form::kFloat ? 8 : form == Form::kBytes ? 16 : 32);
    for (const std::string_view text : column->bytes) bytes += text.size();
  }
  return bytes;
}

}  // namespace

void Collector::push(size_t, const Changes& changes, Epoch& epoch) {
  if (!always_ && !epoch.want_changes) return;
  rows_ += changes.rows.rows;
  bytes_ += bytes_of(changes.rows);
  parts_.push_back(changes);
}

Changes Collector::take() {
  std::vector<Changes> parts = std::exchange(parts_, {});
  const size_t rows = std::exchange(rows_, 0);
  bytes_ = 0;
  if (parts.size() == 1) return std::move(parts[0]);
  Changes all;
  all.rows.type = type_;
  all.rows.rows = rows;
  for (size_t i = 0; i < type_->columns.size(); ++i) {
    ColumnData column(type_->columns[i].type);
    column.reserve(rows);
    for (const Changes& part : parts) column.append_column(*part.rows.columns[i]);
    all.rows.columns.push_back(std::make_shared<const ColumnData>(std::move(column)));
  }
  if (std::ranges::any_of(parts, [](const Changes& part) { return !part.weights.empty(); })) {
    for (const Changes& part : parts)
      for (size_t row = 0; row < part.rows.rows; ++row) all.weights.push_back(part.weight(row));
  }
  return all;
}

}  // namespace headrace
