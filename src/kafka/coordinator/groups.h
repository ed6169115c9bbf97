// The consumer group coordinator: who is in which group, who leads, which generation has which assignment, and which
// offsets have been committed. The classic protocol of Kafka (JoinGroup, SyncGroup, Heartbeat, LeaveGroup; KIP-62,
// KIP-134, KIP-345, KIP-394, KIP-814) and the consumer protocol (ConsumerGroupHeartbeat; KIP-848), without their wire
// format.
//
// A group belongs to the shard that rendezvous hashing of its name gives; all calls may be made from any shard. What
// must outlive a crash (committed offsets, each group as it was when it last became stable or empty) is written to the
// compacted topic `_groups` before anybody is told about it, and read back by start(). So after `kill -9` members go on
// in the generation that they are in, and an acknowledged offset never goes back. A rebalance that was under way is
// forgotten: its members are told ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID and join again.
//
//   Groups groups(runtime, timers, log, metrics, options, random seed);
//   co_await groups.start();
//   ... serve ...
//   co_await groups.stop();   // before the log is closed
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "kafka/coordinator/consumer_calls.h"
#include "kafka/coordinator/group_calls.h"
#include "kafka/coordinator/group_options.h"
#include "log/log.h"
#include "runtime/signal.h"
#include "runtime/timers.h"

namespace headrace {

class GroupShard;

inline constexpr const char* kGroupsTopic = "_groups";

class Groups {
 public:
  // `seed` makes member ids: take it from the system's entropy.
  Groups(Runtime& runtime, Timers& timers, Log& log, Metrics& metrics, GroupOptions options, uint64_t seed);
  ~Groups();
  Groups(const Groups&) = delete;
  Groups& operator=(const Groups&) = delete;

  // Makes the topic if it is missing and reads it. Until it returns, calls answer COORDINATOR_LOAD_IN_PROGRESS. Throws
  // Error(kCorrupt) for a record that cannot be read.
  awaitable<void> start();
  // Answers those who wait for a rebalance with COORDINATOR_NOT_AVAILABLE, as all calls from now on, and waits until
  // what was being written is durable.
  awaitable<void> stop();

  // Failures are answers, not exceptions. join() and sync() return when the rebalance gets there, which may take the
  // longest rebalance timeout of the group's members.
  awaitable<JoinResult> join(JoinRequest request);
  awaitable<SyncResult> sync(SyncRequest request);
  awaitable<ErrorCode> heartbeat(HeartbeatRequest request);
  awaitable<LeaveResult> leave(LeaveRequest request);
  awaitable<ConsumerHeartbeatResult> consumer_heartbeat(ConsumerHeartbeatRequest request);

  // Returns when the offsets are durable. The topics are not looked up: the caller knows which exist. Topics and
  // partitions are answered in the order of the request, by this and the next two.
  awaitable<std::vector<TopicErrors>> commit(CommitRequest request);
  awaitable<FetchOffsetsResult> fetch_offsets(FetchOffsetsRequest request);
  awaitable<DeleteOffsetsResult> delete_offsets(DeleteOffsetsRequest request);

  awaitable<std::vector<DescribedGroup>> describe(std::vector<std::string> groups);
  // GROUP_ID_NOT_FOUND for those that are not of the consumer type.
  awaitable<std::vector<DescribedConsumerGroup>> describe_consumers(std::vector<std::string> groups);
  awaitable<ListGroupsResult> list(ListGroupsRequest request);
  // Durable on return.
  awaitable<std::vector<DeletedGroup>> remove(std::vector<std::string> groups);

  // Forgets all offsets of the topic; call it when one is deleted. A topic that has vanished without it loses its
  // offsets when expired ones are looked for next.
  awaitable<void> topic_removed(std::string topic);
  // Removes what has expired now: what the timer does.
  awaitable<void> expire();

 private:
  GroupShard& shard_of(const std::string& group);
  awaitable<void> load();
  // Calls f(GroupShard&), which returns an awaitable<void>, on every shard, one after the other.
  template <typename F>
  awaitable<void> on_each(F f);
  static awaitable<void> keep_expiring(Groups* self, Gate::Pass pass);

  Runtime& runtime_;
  Timers& timers_;
  Log& log_;
  const GroupOptions options_;
  std::vector<std::unique_ptr<GroupShard>> shards_;  // by index of the runtime's
  Gate gate_;                                        // on shard 0
  Signal stopping_;                                  // on shard 0
};

}  // namespace headrace
