#include "flow/view_layout.h"

#include <algorithm>
#include <numeric>

#include "flow/linear.h"
#include "flow/state_bytes.h"

namespace headrace {

ViewLayout::ViewLayout(const QueryPlan& plan) : type_(plan.root->type) {
  std::vector<size_t> key = plan.key;
  if (!plan.key_is_unique) {
    // All columns, those of the key first.
    for (size_t column = 0; column < type_->columns.size(); ++column)
      if (std::ranges::find(key, column) == key.end()) key.push_back(column);
  }
  for (const size_t column : key) key_types_.push_back(type_->columns.at(column).type);
  if (plan.key_is_unique && find_groups(plan)) return;
  above_.clear();
  is_counted_ = !plan.key_is_unique;
  rows_.emplace(type_, std::move(key));
}

bool ViewLayout::find_groups(const QueryPlan& plan) {
  std::vector<size_t> key = plan.key;
  std::vector<size_t> picked(type_->columns.size());
  std::iota(picked.begin(), picked.end(), 0);
  bool only_picks = true;
  PlanPtr node = plan.root;
  for (; node->node == Plan::Node::kFilter || node->node == Plan::Node::kProject; node = node->input) {
    above_.push_back(node);
    if (node->node == Plan::Node::kFilter) {
      only_picks = false;
      continue;
    }
    for (size_t& column : key) {
      const Expression& expression = *node->expressions[column];
      if (expression.op != Expression::Op::kColumn) return false;
      column = expression.column;
    }
    for (size_t& column : picked) {
      if (!only_picks) break;
      const Expression& expression = *node->expressions[column];
      only_picks = expression.op == Expression::Op::kColumn;
      column = expression.column;
    }
  }
  if (node->node != Plan::Node::kAggregate) return false;
  std::vector<size_t> sorted = key;
  std::ranges::sort(sorted);
  std::vector<size_t> all(node->group_by.size());
  std::iota(all.begin(), all.end(), 0);
  if (sorted != all) return false;
  std::ranges::reverse(above_);
  if (only_picks) picked_ = std::move(picked);
  groups_ = std::make_shared<GroupLayout>(node, std::move(key));
  return true;
}

int64_t ViewLayout::decode(std::string_view key, std::string_view value, std::vector<Value>& row) const {
  if (is_counted_) {
    const int64_t count = take_varint(value);
    if (count <= 0 || !value.empty()) throw Error(Code::kCorrupt, "a stored row has a wrong count");
    rows_->decode(key, {}, row);
    return count;
  }
  if (!groups_) {
    rows_->decode(key, value, row);
    return 1;
  }
  if (picked_) {
    std::vector<Value> group;
    groups_->decode(key, value, group);
    row.resize(picked_->size());
    for (size_t i = 0; i < row.size(); ++i) row[i] = group[(*picked_)[i]];
    return 1;
  }
  const Pair pair{std::string(key), std::string(value)};
  const Rows rows = decode(std::span(&pair, 1));
  if (rows.batch.rows == 0) return 0;
  row.resize(rows.batch.columns.size());
  for (size_t i = 0; i < row.size(); ++i) row[i] = rows.batch.columns[i]->value_at(0);
  return 1;
}

ViewLayout::Rows ViewLayout::decode(std::span<const Pair> pairs) const {
  Rows result;
  BatchBuilder builder(groups_ ? groups_->plan().type : type_);
  std::vector<Value> row;
  for (uint32_t i = 0; i < pairs.size(); ++i) {
    const std::string_view value = pairs[i].value;
    if (groups_) {
      groups_->decode(pairs[i].key, value, row);
    } else {
      rows_->decode(pairs[i].key, is_counted_ ? std::string_view() : value, row);
    }
    builder.append_row(row);
    result.origin.push_back(i);
  }
  result.batch = builder.finish();
  for (const PlanPtr& node : above_) {
    LinearResult applied = apply_linear(*node, result.batch);
    result.batch = std::move(applied.rows);
    if (applied.all) continue;
    std::vector<uint32_t> origin;
    origin.reserve(applied.selection.size());
    for (const uint32_t kept : applied.selection) origin.push_back(result.origin[kept]);
    result.origin = std::move(origin);
  }
  return result;
}

}  // namespace headrace
