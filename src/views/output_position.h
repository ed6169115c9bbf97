// How the rows that a flow sends to the log come there exactly once. Each record batch of an epoch carries the epoch's
// frontiers, from and to, as headers of its first record; epochs are appended one after the other, and committed only
// after that. So after a crash the last batches of the topic tell all: every epoch that ends at or before the newest
// `from` is there whole, and the epoch from `from` to `to` is there on the partitions whose last batch has this `to`.
// The flow replays up to `from` without output, then exactly that epoch, for the partitions that lack it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "flow/frontier.h"
#include "log/log.h"
#include "views/appender.h"

namespace headrace {

class OutputPosition {
 public:
  // Reads the last batches of all partitions of `topic`.
  static awaitable<OutputPosition> load(Log& log, std::string topic, PartitionId partitions);

  // The next point at which an epoch that begins at `frontier` must end exactly, if any.
  std::optional<Frontier> barrier(const Frontier& frontier) const;
  // True if an epoch from `frontier` must run to its barrier in one go.
  bool whole_epoch(const Frontier& frontier) const;
  // What to do with the output of the epoch that ends at `to`.
  bool must_append(const Frontier& to) const;
  // Which partitions lack it; empty: all.
  std::vector<bool> partitions_lacking(const Frontier& to) const;

  static std::vector<Appender::Header> headers(const Frontier& from, const Frontier& to);

 private:
  bool found_ = false;
  Frontier from_;
  Frontier to_;
  std::vector<bool> lacking_;
};

}  // namespace headrace
