// Compaction by key: of each key the last record stays, and a tombstone (a null value) stays until it is older than
// delete_retention_ms and no reader is behind it. Offsets do not change: where batches vanish, a batch without records
// takes their offsets, so that segments stay free of gaps. Kept records keep their bytes, and kept batches their
// producer and sequence. The last batch of a producer stays, if need be without records, so that its sequence is known
// even if the checkpoint is lost.
//
// A round first notes the last offset of each key in the segments that are new since the last round, as many keys as
// fit in memory, then rewrites all segments from the start of the log, oldest first, without what those supersede. Up
// to where keys were noted, no record is left that a later one there supersedes; so there, and only there, a tombstone
// has nothing left to delete. A segment that was noted as a whole says so in its mark (`cleaned`), and the first round
// after a start goes on behind those.
// These functions block, for as long as a segment takes; once `stop` is set, they end with Error(kUnavailable).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/segment_file.h"

namespace headrace {

// The last offset of each key; exact, so that no collision of hashes can lose a record. Bounded in bytes.
class KeyOffsets {
 public:
  explicit KeyOffsets(size_t bytes_max) : bytes_max_(bytes_max) {}

  // False when there is no room for a new key.
  bool note(std::string_view key, Offset offset);
  // Whether a later record has this key.
  bool is_superseded(std::string_view key, Offset offset) const;
  size_t size() const { return offsets_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  const size_t bytes_max_;
  size_t bytes_ = 0;
  std::unordered_map<std::string, Offset, Hash, std::equal_to<>> offsets_;
};

struct SegmentSource {
  std::string path;
  Offset base;
  SegmentPoint end;
};

// Notes the keys from `from` on. Returns the offset up to which all are noted.
Offset note_keys(Files& files, const SegmentSource& segment, Offset from, KeyOffsets& keys,
                 const std::atomic<bool>& stop);

struct TombstoneRule {
  int64_t older_than_ms = 0;  // and
  Offset below;               // what readers have seen, and up to where the keys are noted
};

struct CompactionRules {
  const KeyOffsets& newest;
  const std::unordered_map<int64_t, Offset>& last_batches;  // of the producers, which stay
  TombstoneRule tombstones;
  bool cleaned = false;  // all keys of the sources are noted, in this round or in earlier ones
  const std::atomic<bool>& stop;
};

struct Compacted {
  bool changed = false;  // otherwise there is no file
  SegmentTail tail;
};

// Writes what stays of `sources`, which follow each other, to a new segment file at `path`, and syncs it.
Compacted compact_segments(Files& files, const std::vector<SegmentSource>& sources, const CompactionRules& rules,
                           const std::string& path, uint64_t identity);

}  // namespace headrace
