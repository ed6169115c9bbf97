// How the rows that a flow sends to the log come there exactly once. Each record batch of an epoch says which epoch of
// which flow it is of and how many of the epoch's records the partition had before it (epoch_span.h); epochs are
// appended one after the other, and committed only after that. So after a crash the flow's last batches tell all: every
// epoch that ends at or before the newest `from` is there whole, and of the epoch from `from` to `to` each partition
// has the records up to its last batch. The flow replays up to `from` without output, then exactly that epoch, less
// what is there.
//
// That needs an epoch's rows to come in the same order again: a flow takes its input partition by partition.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "log/log.h"
#include "views/epoch_span.h"

namespace headrace {

class OutputPosition {
 public:
  // Looks for the last batch of `flow` in each partition of `topic`.
  static awaitable<OutputPosition> load(Log& log, std::string topic, PartitionId partitions, TableId flow);

  // The next point at which an epoch that begins at `frontier` must end exactly, if any.
  std::optional<Frontier> barrier(const Frontier& frontier) const;
  // True if an epoch from `frontier` must run to its barrier in one go.
  bool whole_epoch(const Frontier& frontier) const;
  // What to do with the output of the epoch that ends at `to`.
  bool must_append(const Frontier& to) const;
  // How many of its records each partition has already; empty: none.
  std::vector<int64_t> present(const Frontier& to) const;

 private:
  std::optional<EpochSpan> newest_;
  std::vector<int64_t> present_;
};

}  // namespace headrace
