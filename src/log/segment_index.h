// The sparse index of a segment, by offset and by time: about one entry per kIndexIntervalBytes of batches. It is a
// cache of what the batches say. It is kept in memory while a segment is used, written to a file beside it when the
// segment is closed, and rebuilt by reading the segment when that file is missing, damaged, or about other bytes
// (another end or digest than the segment's commit mark has).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/commit_mark.h"
#include "log/record_batch.h"

namespace headrace {

inline constexpr uint64_t kIndexIntervalBytes = 8192;

class SegmentIndex {
 public:
  struct Place {
    uint64_t position = 0;
    Offset offset;  // of the batch that starts there
  };

  SegmentIndex() = default;
  explicit SegmentIndex(Offset base) : base_(base) { covered_.offset = base; }

  // The next batch of the segment: it starts where the one before it ended.
  void add(Offset base, uint64_t bytes, Offset end, int64_t max_timestamp_ms);

  // Up to where the batches have been added. Its digest is not maintained here.
  const SegmentPoint& covered() const { return covered_; }
  int64_t max_timestamp_ms() const { return max_timestamp_ms_; }
  size_t entries() const { return entries_.size(); }
  size_t bytes() const { return entries_.capacity() * sizeof(Entry); }  // in memory

  // The last indexed batch that starts at or before `offset`.
  Place find(Offset offset) const;
  // A batch such that all records before it are older than `timestamp_ms`.
  Place find_time(int64_t timestamp_ms) const;

  // The file's content, for a segment whose bytes have `digest` up to what is covered.
  std::string encode(uint32_t digest) const;
  // The index in `bytes` if it is whole and about a segment from `base` to `end`.
  static std::optional<SegmentIndex> decode(std::string_view bytes, Offset base, const SegmentPoint& end);

 private:
  struct Entry {
    uint32_t position = 0;
    uint32_t offset_delta = 0;     // from the segment's base
    int64_t max_timestamp_ms = 0;  // of all records before it
  };

  Place place(const Entry& entry) const { return {entry.position, base_ + entry.offset_delta}; }

  Offset base_;
  SegmentPoint covered_;
  int64_t max_timestamp_ms_ = INT64_MIN;
  std::vector<Entry> entries_;
};

}  // namespace headrace
