// What makes a commit of a segment whole or not there at all.
//
// Record batches are stored byte for byte, so nothing can be put between them. A commit mark stands behind them, at the
// end of the preallocated file, and is written together with the commit's batches, before the one fdatasync that makes
// both durable. It says where the commit began and ended, and the digest (CRC32C) of all bytes of the segment up to
// either point. Marks alternate between two pages, so that the mark of commit n-1 is untouched while commit n is being
// written; each is written twice, in two sectors, so that one damaged bit does not hide it.
//
// What recovery concludes from the newest mark, n:
// - Commit n was begun, so commit n-1 had been synced: every byte before `start` is durable and must match
//   `start_digest`. If it does not, acknowledged data is damaged; that is never a torn write.
// - The bytes of commit n are all there if they match `end_digest`. If not, commit n was interrupted, was acknowledged
//   to no one, and is cut as a whole, in whatever order its sectors reached the disk.
// - What stands behind `end` belongs to a commit whose mark did not survive (so it was not acknowledged) or to an
//   earlier life of a recycled file. It does not matter which: it is not read.
// - An old batch in a recycled file cannot stand in for a lost sector of this commit, because the digest covers every
//   byte from the start of the segment. An old mark cannot stand in for a new one, because the marks of a file are
//   wiped (and synced) before the file becomes a segment; besides, a mark carries the identity of its segment.
//
// It is assumed that a disk writes sectors of 512 bytes whole or not at all, that rewriting a sector with the bytes
// that it has cannot damage its neighbours, and that what it has synced stays.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "log/log.h"
#include "runtime/files.h"

namespace headrace {

inline constexpr uint64_t kMarkPageBytes = 4096;
inline constexpr uint64_t kMarkAreaBytes = 2 * kMarkPageBytes;  // behind the capacity of each segment file

// A place between two batches of a segment, and what stands before it.
struct SegmentPoint {
  uint64_t position = 0;
  Offset offset;        // of the batch that starts there, or will
  uint32_t digest = 0;  // CRC32C of the bytes [0, position)

  bool operator==(const SegmentPoint&) const = default;
};

struct CommitMark {
  uint64_t number = 0;  // counts the commits of the segment, from 1
  SegmentPoint start;
  SegmentPoint end;
  int64_t max_timestamp_ms = -1;  // of all records up to `end`
  bool compacted = false;         // the segment was written by compaction
  bool cleaned = false;           // by a round that had noted all its keys, so none of them is superseded before `end`
};

// Which segment a mark belongs to.
struct SegmentIdentity {
  uint64_t topic_high = 0;
  uint64_t topic_low = 0;
  PartitionId partition = 0;
  Offset base;

  uint64_t hash() const;
};

// Two sectors with a copy of the mark each.
std::string encode_mark(const CommitMark& mark, uint64_t identity);
// Where commit `number` has its mark in a file of `capacity` bytes of batches.
uint64_t mark_position(uint64_t capacity, uint64_t number);
// The marks of the segment that survive, newest first: at most two.
std::vector<CommitMark> read_marks(File& file, uint64_t capacity, uint64_t identity);

}  // namespace headrace
