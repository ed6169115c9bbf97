// Segment files made ahead, so that a partition that fills its segments fast finds the next one ready: zero-filled, or
// recycled from a deleted one. (Writing fresh blocks was measured to be about six times slower than writing blocks that
// a file already has.) A recycled file keeps its old batches; its commit marks are wiped and synced before it is
// offered, which is what makes the old batches harmless (commit_mark.h). Where segments are small and go as fast as
// they come, recycling also spares the file system new files: ext4 looks for an inode that was not freed within the
// last minutes, one by one.
//
// Files that were spare when the process ended are not trusted: they are deleted at the next start.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/files.h"
#include "runtime/shard.h"
#include "runtime/signal.h"

namespace headrace {

class SpareSegments {
 public:
  // Keeps at most `count_max` files in `folder`, which exists; small ones also beyond it.
  SpareSegments(Shard& shard, Pool& pool, Files& files, std::string folder, size_t count_max);

  // The path of a file with exactly this capacity, now the caller's; nothing if none is ready.
  std::optional<std::string> take(uint64_t capacity);
  // Makes one in the background, unless one is ready or there are enough.
  void want(uint64_t capacity);
  // Whether a file of this capacity would be kept.
  bool has_room(uint64_t capacity) const {
    return ready_.size() + in_work_ < count_max_ || bytes_ + capacity <= kSmallBytesMax;
  }
  // Takes over a segment file that no one reads any more. On return its old name is gone, durably. If it cannot be
  // taken over, it is deleted.
  awaitable<void> recycle(std::string path, uint64_t capacity);

  // Gives back the room of those that are ready, because the disk is full.
  awaitable<void> clear();

  // Waits for what is in work.
  awaitable<void> close();

 private:
  static constexpr uint64_t kSmallBytesMax = uint64_t{64} << 20;

  std::string fresh_path();
  awaitable<void> make(uint64_t capacity);

  Shard& shard_;
  Pool& pool_;
  Files& files_;
  const std::string folder_;
  const size_t count_max_;
  uint64_t made_ = 0;
  size_t in_work_ = 0;
  uint64_t bytes_ = 0;                          // capacity of all, ready and in work
  std::multimap<uint64_t, std::string> ready_;  // by capacity
  Gate gate_;
};

}  // namespace headrace
