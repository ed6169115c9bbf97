// Where a flow's input enters its operators. The rows of a stream are insertions as they are. Those of a table are
// upserts: TableSource keeps the last row of each key and turns them into changes.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "flow/operator.h"
#include "flow/plan.h"
#include "flow/row_codec.h"
#include "flow/source_batch.h"

namespace headrace {

class Source : public Operator {
 public:
  // Rows of one partition, in log order.
  virtual void take(const SourceBatch& batch, Epoch& epoch) = 0;
  void push(size_t port, const Changes& changes, Epoch& epoch) final;
};

class StreamSource final : public Source {
 public:
  void take(const SourceBatch& batch, Epoch& epoch) override { emit({batch.rows, {}}, epoch); }
  void finish(Epoch&) override {}
};

// Keeps the table in `table`: primary key to row. Within an epoch later rows of a key win, and only the net change is
// passed on: -old +new, -old for a tombstone, nothing if the row is as it was. A key's rows come from one partition, so
// their order is that of the log.
class TableSource final : public Source {
 public:
  TableSource(const Plan& source, TableId table);

  void take(const SourceBatch& batch, Epoch& epoch) override;
  void finish(Epoch& epoch) override;
  size_t memory_bytes() const override { return bytes_; }

 private:
  struct Pending {
    std::string value;
    bool deleted = false;
  };

  RowCodec codec_;
  TableId table_;
  std::unordered_map<std::string, Pending> pending_;  // by encoded key: the last row of the epoch
  std::string key_;
  size_t bytes_ = 0;
};

}  // namespace headrace
