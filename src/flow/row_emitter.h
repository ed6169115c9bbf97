// Gathers changed rows that an operator makes one by one in finish(), and passes them on in batches.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "flow/changes.h"

namespace headrace {

class RowEmitter {
 public:
  RowEmitter(RowTypePtr type, std::function<void(const Changes&)> emit)
      : type_(std::move(type)), emit_(std::move(emit)), rows_(type_) {}

  void add(std::span<const Value> row, int32_t weight) {
    rows_.append_row(row);
    weights_.push_back(weight);
    all_insertions_ &= weight == 1;
  }
  // Between changes that belong together: a row's old and new versions go into one batch.
  void flush_if_full() {
    if (rows_.rows() >= kBatchRows) flush();
  }
  void flush() {
    if (rows_.rows() == 0) return;
    Changes changes{rows_.finish(), all_insertions_ ? std::vector<int32_t>{} : std::move(weights_)};
    rows_ = BatchBuilder(type_);
    weights_ = {};
    all_insertions_ = true;
    emit_(changes);
  }

 private:
  static constexpr size_t kBatchRows = 8192;

  RowTypePtr type_;
  std::function<void(const Changes&)> emit_;
  BatchBuilder rows_;
  std::vector<int32_t> weights_;
  bool all_insertions_ = true;
};

// Whether two rows are the same to a reader: 1.0 is not 1.00, -0.0 is not 0.0.
bool is_identical(std::span<const Value> left, std::span<const Value> right);

}  // namespace headrace
