// A partition of the embedded log: a chain of segments, the batches that wait for the next group commit, and those who
// wait for them. Belongs to one shard.
//
// Life of a batch: append() gives it its offsets and queues it. The shard's group commit takes a run of queued batches
// with take_part(), writes and syncs it on the pool, and hands it back to complete(), which moves the durable end and
// wakes those who wait. There is at most one part in flight per partition, so commits of a segment are strictly one
// after the other, which is what recovery relies on (commit_mark.h).
//
// A failed write or sync is final for its segment: nothing is appended to it again, and the failed commit and all that
// was queued behind it get the error. The next append rolls to a new segment that begins at the durable end. The new
// file's existence is made durable before anything in it is acknowledged, and a segment that has a successor ends, for
// recovery as for readers, where that one begins; so whatever of the failed commit reaches the disk later is not part
// of the log. If the roll fails too, so does that append, and the one after it tries again.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/checkpoint.h"
#include "log/commit_part.h"
#include "log/embedded_log.h"
#include "log/producers.h"
#include "log/recovery.h"
#include "log/segment.h"
#include "log/spare_segments.h"
#include "log/tail_cache.h"
#include "runtime/signal.h"

namespace headrace {

// A call of append(): what it waits for. Belongs to the shard that it was made on.
struct AppendCall {
  explicit AppendCall(Shard& shard) : home(shard), finished(shard) {}

  Shard& home;
  size_t left = 0;  // requests that are not finished
  Signal finished;
};

// The part of a call that goes to the partitions of one shard, which alone touches it until it is finished.
struct AppendRequest {
  struct Item {
    PartitionBatch* batch = nullptr;
    BatchHeader header;
    Appended result;
  };

  class LogShard& shard;
  AppendCall& call;
  const std::string& topic;
  Durability durability;
  std::vector<Item*> items;
  size_t size = 0;  // of all batches

  size_t left = 0;  // batches that are not durable yet
  std::exception_ptr error;
  std::optional<Gate::Pass> pass;
};

// Someone who waits for news of any of several partitions.
struct LogWatch {
  explicit LogWatch(Shard& shard) : home(shard), changed(shard) {}
  // From any shard; only the first time counts.
  static void wake(const std::shared_ptr<LogWatch>& watch);

  Shard& home;
  Signal changed;
  std::atomic<bool> woken = false;
  std::atomic<bool> given_up = false;
};

// What the partitions of a shard share. Outlives them.
struct PartitionServices {
  Shard& shard;
  Pool& pool;
  Files& files;
  Timers& timers;
  OpenFiles& open_files;
  SpareSegments& spares;
  TailCache& cache;
  Gate& background;                       // work that no caller waits for
  std::vector<AppendRequest*>& finished;  // requests whose callers are to be told
  size_t key_bytes_max;                   // that a round of compaction notes
};

class Partition : public std::enable_shared_from_this<Partition> {
 public:
  Partition(PartitionServices services, const TopicInfo& topic, PartitionId id, std::string folder,
            RecoveredPartition recovered);

  void set_config(const TopicConfig& config) { config_ = config; }
  const std::string& name() const { return name_; }

  bool dirty = false;  // is in the list of the group commit

  // Queues a checked batch, or recognises a duplicate. `request` is finished once the batch is durable (or written, if
  // relaxed) or has failed. Throws what concerns this batch only. Sets `queued` if the batch now waits for a commit.
  Appended append(PartitionBatch& batch, BatchHeader header, AppendRequest& request, bool& queued);
  int32_t last_sequence(int64_t producer_id) const { return producers_.last_sequence(producer_id); }

  // For the group commit.
  bool has_work() const { return !in_flight_ && (!queue_.empty() || roll_requested_); }
  std::unique_ptr<CommitPart> take_part();
  bool wants_early_notice() const { return !written_waiters_.empty(); }
  void written(const CommitPart& part);
  // Returns how many bytes of batches are done with: those of the part or, after a failure, all that were queued.
  size_t complete(CommitPart& part);

  Bounds bounds() const { return {start_, durable_end_}; }
  awaitable<Fetched> read(Offset from, size_t bytes_max);
  awaitable<Located> locate(Offset from, size_t bytes_max);
  awaitable<Bounds> wait_beyond(Offset offset, SteadyTime deadline);
  void watch(std::shared_ptr<LogWatch> watch, Offset beyond);
  awaitable<std::optional<Offset>> offset_at(int64_t timestamp_ms);
  awaitable<uint64_t> stored_bytes();

  // What the checkpoint says about it, if it has anything.
  std::optional<PartitionCheckpoint> checkpoint() const;
  // Writes the index files that are missing on disk. At close.
  awaitable<void> save_indexes();

  awaitable<Offset> delete_before(Offset offset, SteadyTime deadline);

  // Cleaning (retention.cc, compaction_run.cc): now and then, and retention by size also after each roll, so that not
  // much more is kept than is wanted, however fast it comes. One at a time.
  void set_retention_floor(Offset floor);
  // Rolls if the last segment is older than the configuration lets it be. `notify` wakes the group commit.
  awaitable<void> roll_if_old(const std::function<void()>& notify);
  awaitable<void> apply_retention();
  awaitable<void> compact(const std::atomic<bool>& stop);

  // Fails what is queued, waits for what is in flight, and closes the files. The caller deletes the folder.
  awaitable<size_t> remove();

 private:
  using SegmentPointer = std::shared_ptr<Segment>;

  // While one lives, its partition is being cleaned.
  class Cleaning {
   public:
    explicit Cleaning(Partition& partition) : partition_(partition) { partition_.cleaning_ = true; }
    Cleaning(const Cleaning&) = delete;
    ~Cleaning() {
      partition_.cleaning_ = false;
      partition_.changed_.notify_all();
    }

   private:
    Partition& partition_;
  };

  uint64_t next_capacity(size_t first_batch) const;
  SegmentPointer make_segment(Offset base) const;
  size_t fail(const std::exception_ptr& error);
  void check_removed() const;
  void check_deletable(Offset offset) const;

  // The segment that holds `offset`.
  SegmentPointer find_segment(Offset offset) const;
  awaitable<void> load_tail(SegmentPointer segment);
  awaitable<void> load_index(SegmentPointer segment);
  awaitable<std::optional<Located>> locate_in(SegmentPointer segment, Offset from, size_t bytes_max);
  awaitable<ReadBatches> read_segment(SegmentPointer segment, Offset from, size_t bytes_max);
  awaitable<std::optional<Offset>> find_time(SegmentPointer segment, int64_t timestamp_ms);
  void save_index_later(SegmentPointer segment);
  awaitable<void> save_index(SegmentPointer segment, Gate::Pass pass);
  awaitable<void> learn_age(SegmentPointer segment);
  void apply_retention_later();
  awaitable<void> apply_retention_after_roll(std::shared_ptr<Partition> self, Gate::Pass pass);
  awaitable<bool> remove_oldest(SegmentPointer oldest);
  void wake_watches();
  void finish_one(AppendRequest& request, const std::exception_ptr& failed);
  void finish_up_to(std::multimap<Offset, AppendRequest*>& waiters, Offset end);
  awaitable<void> compact_group(std::vector<SegmentPointer> group, const class KeyOffsets& newest, Offset noted,
                                const std::atomic<bool>& stop);

  PartitionServices services_;
  const std::string name_;  // topic-partition
  const TopicId topic_id_;
  const PartitionId id_;
  const std::string folder_;
  TopicConfig config_;

  std::deque<SegmentPointer> segments_;
  Offset start_;  // in the first segment, or its base
  Offset durable_end_;
  Offset written_end_;
  Offset next_;  // of the next batch to be queued
  Offset floor_;
  Offset cleaned_;  // compaction has seen the keys before this
  Producers producers_;

  std::deque<QueuedBatch> queue_;
  size_t queue_bytes_ = 0;
  bool in_flight_ = false;
  bool roll_requested_ = false;
  bool removed_ = false;
  bool swap_failed_ = false;
  bool deleting_ = false;  // delete_before() is at work
  bool cleaning_ = false;
  size_t saving_ = 0;  // indexes
  std::multimap<Offset, AppendRequest*> durable_waiters_;
  std::multimap<Offset, AppendRequest*> written_waiters_;
  std::vector<std::pair<Offset, std::shared_ptr<LogWatch>>> watches_;
  std::shared_ptr<CachedTail> cached_ = std::make_shared<CachedTail>();
  Signal changed_;  // the durable end, the start, the floor, or the segments
};

}  // namespace headrace
