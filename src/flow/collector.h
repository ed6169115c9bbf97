// The end of a dataflow: keeps what reaches it until the epoch's result is taken.
#pragma once

#include <vector>

#include "flow/operator.h"

namespace headrace {

class Collector final : public Operator {
 public:
  // `always`: also in epochs that do not want the view's changes, because the rows leave the flow.
  Collector(RowTypePtr type, bool always) : type_(std::move(type)), always_(always) {}

  void push(size_t port, const Changes& changes, Epoch& epoch) override;
  void finish(Epoch&) override {}
  size_t memory_bytes() const override { return bytes_; }

  // All that came since the last call, as one.
  Changes take();
  size_t rows() const { return rows_; }

 private:
  RowTypePtr type_;
  bool always_;
  std::vector<Changes> parts_;
  size_t rows_ = 0;
  size_t bytes_ = 0;
};

}  // namespace headrace
