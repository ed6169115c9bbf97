// What the row formats share: which names there are, what a row that lacks a column gets, and one parse's rows, good
// and bad. See row_parser.h for what users of the parsers see.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schema/row_parser.h"

namespace headrace {

class RowShape {
 public:
  // Throws Error(kInvalid) for a default that is not a value of its column.
  explicit RowShape(RowTypePtr type);

  const RowTypePtr& type() const { return type_; }
  size_t size() const { return type_->columns.size(); }
  const Column& column(size_t index) const { return type_->columns[index]; }
  std::optional<size_t> find(std::string_view name) const;
  // Whether rows must have the column: NOT NULL and without a default.
  bool required(size_t index) const { return required_[index] != 0; }
  // What a row that does not name the column has there.
  const Value& default_of(size_t index) const { return defaults_[index]; }

  // `there is no column "amuont"; the nearest is "amount"`.
  std::string unknown(std::string_view name) const;

 private:
  RowTypePtr type_;
  std::vector<uint8_t> required_;
  std::vector<Value> defaults_;
  std::unordered_map<std::string_view, size_t> names_;
};

// The rows of one parse.
class RowSink {
 public:
  // `to`: where rows go that are not to be a batch of their own.
  RowSink(const RowShape& shape, const RowLimits& limits, const std::function<void(BadRow)>& collect,
          BatchBuilder* to = nullptr)
      : shape_(shape), limits_(limits), collect_(collect) {
    if (to == nullptr) to = &own_.emplace(shape.type());
    builder_ = to;
  }
  RowSink(const RowSink&) = delete;
  RowSink& operator=(const RowSink&) = delete;

  ColumnData& column(size_t index) { return builder_->column(index); }
  Arena& arena() { return builder_->arena(); }
  // The number of the row that is being parsed, from 1.
  int64_t row() const { return row_; }

  // Starts a row at `position`. Throws Error(kTooLarge) beyond the limit of rows.
  void begin(size_t position);
  // Whether a row of so many bytes is allowed; notes a fault if not.
  bool fits(size_t bytes, size_t position);
  // Gives a column its default.
  void fill(size_t column) { builder_->column(column).append(shape_.default_of(column), builder_->arena()); }
  void end() { builder_->end_row(); }

  // Notes what is wrong with the row; always false. `position` is in the body.
  bool fault(std::string_view what, size_t position);
  bool fault(size_t column, std::string_view what, size_t position);
  bool null_fault(size_t column, size_t position);
  bool unknown_fault(std::string_view name, size_t position);
  // Takes the row back and throws its fault or hands it to who collects.
  void drop(std::string_view text);

  Batch finish() { return builder_->finish(); }

 private:
  const RowShape& shape_;
  const RowLimits& limits_;
  const std::function<void(BadRow)>& collect_;
  std::optional<BatchBuilder> own_;
  BatchBuilder* builder_;
  int64_t row_ = 0;
  std::optional<Error> fault_;
};

}  // namespace headrace
