// How far each partition was durable at some moment, and what its producers had reached. Recovery starts there: what
// stands before is not read again at start, and is known to have been acknowledged, so that damage is told from a torn
// write. A checkpoint that is missing or damaged costs time only: recovery then checks everything.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "log/commit_mark.h"
#include "log/producers.h"
#include "log/topic_file.h"
#include "runtime/files.h"

namespace headrace {

struct PartitionCheckpoint {
  Offset segment_base;
  SegmentPoint end;       // in that segment
  std::string producers;  // Producers::encode()
};

struct Checkpoint {
  using Key = std::pair<std::pair<uint64_t, uint64_t>, PartitionId>;  // topic id, partition
  static Key key(const TopicId& topic, PartitionId partition) { return {{topic.high, topic.low}, partition}; }

  std::map<Key, PartitionCheckpoint> partitions;

  const PartitionCheckpoint* find(const TopicId& topic, PartitionId partition) const;

  std::string encode() const;
  // Nothing if it is damaged.
  static std::optional<Checkpoint> decode(std::string_view bytes);

  // The checkpoint of the log in `folder`; empty if there is none, or it is damaged.
  static Checkpoint load(Files& files, const std::string& folder);
  // Durable on return; a crash leaves the old one or this one.
  static void store(Files& files, const std::string& folder, std::string_view encoded);
};

}  // namespace headrace
