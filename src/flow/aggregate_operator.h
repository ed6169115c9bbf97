// GROUP BY: the rows of an epoch are added to local groups; finish() merges the stored state of each touched group,
// with one sorted read of those that are not cached, and writes each once. Consumers get the group's old row at -1 and
// its new one at +1, if it changed.
//
// A group whose last row is taken back disappears, except the only group of an aggregate without GROUP BY.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flow/group_layout.h"
#include "flow/group_table.h"
#include "flow/operator.h"
#include "flow/row_emitter.h"
#include "flow/state_cache.h"

namespace headrace {

// Groups of a few aggregates take about 60 bytes: enough for the 60,000 routes between 250 airports.
inline constexpr size_t kGroupCacheBytes = size_t{8} * 1024 * 1024;

class AggregateOperator final : public Operator {
 public:
  // `tables`: for the groups, then one for each aggregate that needs_table(). `always_emits`: also in epochs that do
  // not want the view's changes, because a consumer depends on them.
  AggregateOperator(std::shared_ptr<const GroupLayout> layout, std::vector<TableId> tables, bool always_emits,
                    size_t cache_bytes = kGroupCacheBytes);

  void push(size_t port, const Changes& changes, Epoch& epoch) override;
  void finish(Epoch& epoch) override;
  size_t memory_bytes() const override;

 private:
  struct Call {
    std::unique_ptr<Accumulator> accumulator;
    std::vector<size_t> arguments;
    int filter;
  };

  // The rows that count for `call`: where its filter is true and no argument is NULL.
  AccumulatorRows rows_of(const Call& call, const Changes& changes);
  std::vector<std::string_view> encode_keys();
  void load_states(Epoch& epoch, std::span<const std::string_view> keys, std::span<const uint32_t> order);
  // True when the group's stored state becomes new_state_; false when the group disappears.
  bool merge_group(size_t group);
  void report_out_of_range(Epoch& epoch, size_t group, std::string_view key);
  void clear_epoch();

  std::shared_ptr<const GroupLayout> layout_;
  TableId table_;
  bool always_emits_;
  std::vector<Call> calls_;
  StateCache cache_;
  bool global_checked_ = false;  // that the only group is stored

  // Of the epoch at hand:
  GroupTable groups_;
  std::vector<int64_t> row_counts_;  // per group
  std::vector<uint32_t> group_of_row_;
  std::vector<uint32_t> selection_;
  std::string key_bytes_;
  struct Stored {
    size_t offset = 0;  // in stored_bytes_
    size_t size = 0;
    bool found = false;
  };
  std::vector<Stored> stored_;  // per group
  std::string stored_bytes_;
  std::string new_state_;
};

}  // namespace headrace
