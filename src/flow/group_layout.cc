#include "flow/group_layout.h"

#include "flow/key_looks.h"
#include "flow/state_bytes.h"
#include "fmt/format.h"

namespace headrace {

GroupLayout::GroupLayout(PlanPtr aggregate, std::vector<size_t> key_order)
    : plan_(std::move(aggregate)), key_order_(std::move(key_order)) {
  for (const AggregateCall& call : plan_->aggregates)
    results_.push_back(make_accumulator(call, *plan_->input->type, plan_->input->append_only, TableId{}));
}

void GroupLayout::decode(std::string_view key, std::string_view state, std::vector<Value>& row) const {
  row.resize(plan_->type->columns.size());
  for (const size_t column : key_order_) row[column] = take_canonical(key, plan_->type->columns[column].type);
  take_varint(state);
  size_t column = plan_->group_by.size();
  for (const auto& result : results_) row[column++] = result->result(state, nullptr);
  if (!key.empty() || !state.empty()) throw Error(Code::kCorrupt, "a stored group has more bytes than its aggregates");
}

std::string GroupLayout::errors(std::string_view state) const {
  std::string all;
  take_varint(state);
  for (size_t i = 0; i < results_.size(); ++i) {
    std::string error;
    results_[i]->result(state, &error);
    if (error.empty()) continue;
    if (!all.empty()) all += "; ";
    all += fmt::format("column \"{}\": {}", plan_->type->columns[plan_->group_by.size() + i].name, error);
  }
  return all;
}

}  // namespace headrace
