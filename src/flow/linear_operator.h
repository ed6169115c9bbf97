// Filter and project as operators: linear, so a change goes in with its weight and comes out with it, and there is no
// state. A row whose evaluation fails is left out and reported. Evaluation is deterministic, so when the row is taken
// back it fails again and is left out again: weights stay right, and it is not reported a second time. Nor is the next
// version of a row whose last version failed too (old and new come one behind the other), so that a hot group that
// cannot be evaluated is reported when that begins and not with every epoch.
#pragma once

#include "flow/linear.h"
#include "flow/operator.h"

namespace headrace {

class LinearOperator final : public Operator {
 public:
  explicit LinearOperator(PlanPtr node) : node_(std::move(node)) {}

  void push(size_t port, const Changes& changes, Epoch& epoch) override;
  void finish(Epoch&) override {}

 private:
  PlanPtr node_;
};

}  // namespace headrace
