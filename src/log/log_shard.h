// The partitions of the log that belong to one shard, and their group commit.
//
// While one commit's writes and syncs run on the pool, the appends that arrive queue up in their partitions; the next
// commit takes all of them. So one client alone waits for one write and one fdatasync, and a thousand clients share
// them. A commit has one part per partition that has something; parts are independent, and their syncs run on a few
// lanes side by side.
//
// Clients that wait for one commit mostly come back with the next append soon after it. So a commit waits for as many
// appends as the one before it had, but no longer than `gather_time`: without that, clients fall into ever more groups
// with a commit for each, and the commits take the processor's time.
//
// Back-pressure: bytes that are queued or in flight are counted. Beyond `unflushed_bytes_max` further appends wait, in
// order; beyond `waiting_bytes_max` that wait they get Error(kBusy).
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/embedded_log.h"
#include "log/partition.h"
#include "log/topic_file.h"
#include "log/topic_table.h"

namespace headrace {

// A topic as one shard sees it: its configuration, and those of its partitions that belong to the shard.
struct ShardTopic {
  TopicInfo info;
  std::vector<class LogShard*> owners;                 // of each partition
  std::vector<std::shared_ptr<Partition>> partitions;  // null for those of other shards
};

class LogShard {
 public:
  LogShard(Pool& disk, Shard& shard, Timers& timers, Files& files, const EmbeddedLogOptions& options);

  Shard& shard() { return shard_; }
  void start();
  // Flushes what is queued and ends what runs in the background. Further calls get Error(kUnavailable).
  awaitable<void> close();

  // Before start(), or on the shard. Partitions that have nothing on disk yet need no recovery.
  void set_topic(const TopicInfo& topic, std::vector<LogShard*> owners);
  void set_partition(const TopicInfo& topic, PartitionId partition, RecoveredPartition recovered);
  awaitable<void> remove_topic(std::string topic);

  const ShardTopic* find(const std::string& topic) const;
  std::vector<std::string> topics() const;
  std::shared_ptr<const TopicTable> topic_table() const;

  // Appends the items to their partitions, all of which belong here. Once they are durable, or have failed, the call is
  // told on its own shard. `request` must stay until then.
  void append(AppendRequest& request);
  // The partition, for reading. Error(kNotFound), Error(kUnavailable).
  std::shared_ptr<Partition> partition(const std::string& topic, PartitionId id) const;

  // Wakes the watch when one of the positions, all of which belong here, has something behind it.
  void watch(const std::shared_ptr<LogWatch>& watch, const std::vector<LogPosition>& positions);

  void add_to_checkpoint(Checkpoint& checkpoint) const;
  // Bytes appended since this was last asked.
  uint64_t take_appended_bytes() { return std::exchange(appended_bytes_, 0); }
  // Without a checkpoint before it, because the disk is full, nothing is compacted, and no segment kept to be recycled.
  awaitable<void> clean(bool checkpointed);
  // From any shard: cleaning, which may take minutes, ends soon, and does not begin again.
  void stop_cleaning() { stop_cleaning_ = true; }

 private:
  bool has_room(const AppendRequest& request) const;
  void enqueue(AppendRequest& request);
  void tell_finished();
  static void tell(AppendRequest& request);
  void release(size_t bytes);
  void mark_dirty(std::shared_ptr<Partition> partition);
  awaitable<void> commit_loop();
  awaitable<void> gather();
  awaitable<void> commit(std::vector<std::unique_ptr<CommitPart>>& parts);
  awaitable<void> on_lanes(std::vector<std::unique_ptr<CommitPart>>& parts, bool write, bool sync);
  awaitable<void> run_lane(std::vector<CommitPart*> parts, bool write, bool sync, size_t& running);

  Shard& shard_;
  Pool& pool_;
  Files& files_;
  Timers& timers_;
  const EmbeddedLogOptions& options_;
  Gate gate_;        // calls
  Gate background_;  // what no caller waits for
  OpenFiles open_files_;
  SpareSegments spares_;
  TailCache cache_;
  std::unordered_map<std::string, ShardTopic> topics_;
  mutable std::shared_ptr<const TopicTable> topic_table_;  // null once it is out of date

  std::vector<std::shared_ptr<Partition>> dirty_;
  size_t unflushed_bytes_ = 0;
  size_t waiting_bytes_ = 0;
  std::deque<AppendRequest*> waiting_;
  std::vector<AppendRequest*> finished_;
  size_t gathered_ = 0;  // requests for the next commit
  size_t expected_ = 0;  // requests of the last one
  uint64_t appended_bytes_ = 0;
  Signal work_;
  Signal lanes_;
  bool closing_ = false;
  bool committing_ = false;
  bool cleaning_ = false;
  std::atomic<bool> stop_cleaning_ = false;
  Signal idle_;  // the commit loop has ended, or cleaning has
};

}  // namespace headrace
