// Keeps the rows of a view under their key, for plans whose rows are not kept by an operator anyway.
//
// Three ways, by what the plan promises. Append-only with a unique key: rows are put without a look, which is the
// fastest that a store can do. Unique key, but rows are taken back: the epoch's changes are netted per key, so that the
// order in which an old and a new row of a key arrive does not matter, and then written without a look as well. Key not
// unique: the key is the whole row, looks included, and the value counts equal ones.
#pragma once

#include <string>
#include <vector>

#include "flow/operator.h"
#include "flow/row_codec.h"

namespace headrace {

class ViewSink final : public Operator {
 public:
  enum class Mode : uint8_t { kInsert, kReplace, kCount };

  ViewSink(RowCodec codec, Mode mode, TableId table) : codec_(std::move(codec)), mode_(mode), table_(table) {}

  void push(size_t port, const Changes& changes, Epoch& epoch) override;
  void finish(Epoch& epoch) override;
  size_t memory_bytes() const override { return bytes_; }

 private:
  struct Change {
    std::string key;
    std::string value;
    int64_t weight = 0;
  };

  void replace(Epoch& epoch);
  void count(Epoch& epoch);

  RowCodec codec_;
  Mode mode_;
  TableId table_;
  std::vector<Change> changes_;  // of the epoch; not for kInsert
  std::string key_;
  std::string value_;
  size_t bytes_ = 0;
};

}  // namespace headrace
