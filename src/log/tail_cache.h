// The newest durable batches of the partitions of a shard, as they were written, so that a reader that keeps up does
// not touch the disk and copies nothing. Bounded in bytes over all partitions of the shard: the oldest go first. A
// batch that stays in the buffer of its request keeps that whole; it is at least half of it, so the bound holds within
// two.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "log/log.h"

namespace headrace {

// Neighbouring batches [base, end) of a partition.
struct TailChunk {
  Offset base;
  Offset end;
  BatchBytes bytes;
};

// The cached batches of one partition, without gaps, up to its durable end.
class CachedTail {
 public:
  struct Slice {
    std::shared_ptr<const void> owner;
    std::string_view bytes;
  };

  // Batches from the one that contains `from` on, if they are here; about `bytes_max`, at least one.
  std::optional<Slice> find(Offset from, size_t bytes_max) const;
  // Forgets what ends at or before `end`: compaction has changed it.
  void drop_before(Offset end);
  void clear() { chunks_.clear(); }

 private:
  friend class TailCache;
  struct Chunk : TailChunk {
    uint64_t number;  // in the shard's cache
  };
  std::deque<Chunk> chunks_;
};

class TailCache {
 public:
  explicit TailCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  // `chunk` follows what the partition that `tail` belongs to has added before.
  void add(const std::shared_ptr<CachedTail>& tail, TailChunk chunk);

 private:
  struct Added {
    std::weak_ptr<CachedTail> tail;
    uint64_t number;
    size_t size;
  };
  const size_t bytes_max_;
  size_t bytes_ = 0;
  uint64_t next_number_ = 0;
  std::deque<Added> added_;  // oldest first
};

}  // namespace headrace
