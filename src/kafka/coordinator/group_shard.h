// The groups of one shard. All calls are made on it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "kafka/coordinator/group.h"

namespace headrace {

// What a partition of `_groups` says about a group, in the end.
struct LoadedGroup {
  std::optional<GroupRecord> record;
  std::map<std::pair<std::string, PartitionId>, CommittedOffset> offsets;
  std::optional<ConsumerGroupRecord> consumer_record;
  std::map<std::string, ConsumerRecord> consumers;

  bool empty() const { return !record && offsets.empty() && !consumer_record && consumers.empty(); }
};

class GroupShard {
 public:
  GroupShard(Shard& shard, Timers& timers, Log& log, Metrics& metrics, const GroupOptions& options, size_t shards,
             uint64_t seed);
  ~GroupShard();

  Shard& shard() { return shard_; }

  // What start() has read, before serve().
  void adopt(const std::string& group, PartitionId partition, LoadedGroup loaded);
  void serve(PartitionId partitions);
  // Answers all who wait, and waits until what is being written is done with and they have gone.
  awaitable<void> stop();

  awaitable<JoinResult> join(JoinRequest request);
  awaitable<SyncResult> sync(SyncRequest request);
  ErrorCode heartbeat(const HeartbeatRequest& request);
  LeaveResult leave(const LeaveRequest& request);
  awaitable<ConsumerHeartbeatResult> consumer_heartbeat(ConsumerHeartbeatRequest request);
  awaitable<std::vector<TopicErrors>> commit(CommitRequest request);
  FetchOffsetsResult fetch_offsets(const FetchOffsetsRequest& request);
  awaitable<DeleteOffsetsResult> delete_offsets(DeleteOffsetsRequest request);
  DescribedGroup describe(const std::string& group);
  DescribedConsumerGroup describe_consumers(const std::string& group);
  ListGroupsResult list(const ListGroupsRequest& request);
  awaitable<ErrorCode> remove(std::string group);
  awaitable<void> topic_removed(std::string topic);
  // Returns when what has expired is off the log.
  awaitable<void> expire(std::set<std::string> topics, int64_t topics_ms);

 private:
  enum class Phase : uint8_t { kLoading, kServing, kStopped };

  // Why nothing is served, or kNone.
  ErrorCode unavailable() const;
  Group* find(const std::string& group);
  // Made if it is missing; nullptr when there are too many.
  Group* find_or_make(const std::string& group);
  void drop_if_useless(const std::string& group);

  Shard& shard_;
  Timers& timers_;
  const GroupOptions& options_;
  const size_t groups_max_;
  GroupMemory memory_;
  GroupMetrics metrics_;
  Random random_;
  GroupWriter writer_;
  GroupServices services_;
  PartitionId partitions_ = 0;
  Phase phase_ = Phase::kLoading;
  Gate gate_;  // calls that wait
  std::map<std::string, std::unique_ptr<Group>> groups_;
};

}  // namespace headrace
