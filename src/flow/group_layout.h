// How the groups of an aggregate lie in their table, and how a stored group becomes a row again. Key: the group
// columns' values, in an order of the caller's choice (the view's key). Value: the number of rows, then the state of
// each aggregate. The aggregate's operator writes it; readers of a view turn it into rows without the operator, from
// any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/aggregates.h"
#include "flow/plan.h"

namespace headrace {

class GroupLayout {
 public:
  // `key_order`: which group column (an index into group_by) is the first part of the key, and so on.
  GroupLayout(PlanPtr aggregate, std::vector<size_t> key_order);

  const Plan& plan() const { return *plan_; }
  const std::vector<size_t>& key_order() const { return key_order_; }
  // Without columns to group by there is always one group, under the empty key.
  bool is_global() const { return plan_->group_by.empty(); }

  // The aggregate's output row. Throws Error(kCorrupt).
  void decode(std::string_view key, std::string_view state, std::vector<Value>& row) const;
  // What result() says is wrong with a group, all aggregates together; empty if nothing.
  std::string errors(std::string_view state) const;

 private:
  PlanPtr plan_;
  std::vector<size_t> key_order_;
  std::vector<std::unique_ptr<Accumulator>> results_;  // only result() is used
};

}  // namespace headrace
