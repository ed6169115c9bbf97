// Opens the segments of one partition after a start: finishes an interrupted swap of compaction, checks what was
// written since the checkpoint, cuts an interrupted commit, and learns what the producers had reached. Blocks. It may
// itself be interrupted at any step and run again.
#pragma once

#include <string>
#include <vector>

#include "log/checkpoint.h"
#include "log/producers.h"
#include "log/segment_file.h"
#include "log/topic_file.h"
#include "runtime/files.h"

namespace headrace {

struct RecoveredPartition {
  explicit RecoveredPartition(size_t producers_max) : producers(producers_max) {}

  std::vector<Offset> bases;  // of its segments
  Offset start;               // what stands before it was deleted
  SegmentTail last;           // of the last one
  Producers producers;
  uint64_t bytes_checked = 0;
  bool is_new =
      false;  // since the checkpoint: the caller makes the name of its folder durable, by a sync of the one above
};

// `known` is what the checkpoint says about it, or null.
RecoveredPartition recover_partition(Files& files, const std::string& folder, const TopicId& topic,
                                     PartitionId partition, const PartitionCheckpoint* known, size_t producers_max);

// Records before `start` are deleted, durably. A file of its own, because a segment goes only as a whole.
void store_start(Files& files, const std::string& folder, Offset start);

// Compaction writes `<base>-<end>.compacted`, and renames it to `.swap` once it is whole and synced. From then on it
// replaces the segments in [base, end).
std::string compacted_name(Offset base, Offset end);
std::string swap_name(Offset base, Offset end);
// Puts the segment of a swap file in the place of those that it replaces. Durable on return.
void finish_swap(Files& files, const std::string& folder, Offset base, Offset end);

}  // namespace headrace
