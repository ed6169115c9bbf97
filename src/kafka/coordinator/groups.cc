#include "kafka/coordinator/groups.h"

#include <algorithm>
#include <map>

#include "base/random.h"
#include "base/trace.h"
#include "fmt/format.h"
#include "kafka/coordinator/group_shard.h"
#include "log/replay.h"

namespace headrace {
namespace {

constexpr uint64_t kSegmentBytes = 16 * 1024 * 1024;

using LoadedGroups = std::map<std::string, LoadedGroup>;

void take_over(LoadedGroups& groups, const Record& record) {
  if (!record.key) throw Error(Code::kCorrupt, "it has no key");
  GroupRecordKey key = decode_group_record_key(*record.key);
  LoadedGroup& group = groups[key.group];
  switch (key.kind) {
    case GroupRecordKind::kGroup:
      group.record = record.value ? std::optional(decode_group_record(*record.value)) : std::nullopt;
      break;
    case GroupRecordKind::kOffset:
      if (record.value)
        group.offsets.insert_or_assign({std::move(key.topic), key.partition}, decode_committed_offset(*record.value));
      else
        group.offsets.erase({std::move(key.topic), key.partition});
      break;
    case GroupRecordKind::kConsumerGroup:
      group.consumer_record = record.value ? std::optional(decode_consumer_group_record(*record.value)) : std::nullopt;
      break;
    case GroupRecordKind::kConsumerMember:
      if (record.value)
        group.consumers.insert_or_assign(key.member, decode_consumer_record(key.member, *record.value));
      else
        group.consumers.erase(key.member);
      break;
  }
  if (group.empty()) groups.erase(key.group);
}

awaitable<LoadedGroups> read_partition(Log& log, PartitionId partition) {
  LoadedGroups groups;
  co_await replay(log, std::string(kGroupsTopic), partition, [&](const Record& record) {
    try {
      take_over(groups, record);
    } catch (const Error& error) {
      throw Error(Code::kCorrupt,
                  fmt::format("offset {} of partition {} of {} is not a record of consumer groups: {}; it was "
                              "written by a later version, or by another client: delete the record or use that version",
                              record.offset.value, partition, kGroupsTopic, error.message()));
    }
  });
  co_return groups;
}

}  // namespace

Groups::Groups(Runtime& runtime, Timers& timers, Log& log, Metrics& metrics, GroupOptions options, uint64_t seed)
    : runtime_(runtime),
      timers_(timers),
      log_(log),
      options_(options),
      gate_(runtime.shard(0)),
      stopping_(runtime.shard(0)) {
  Random random(seed);
  for (size_t i = 0; i < runtime.shard_count(); ++i)
    shards_.push_back(std::make_unique<GroupShard>(runtime.shard(i), timers, log, metrics, options_,
                                                   runtime.shard_count(), random()));
}

Groups::~Groups() = default;

GroupShard& Groups::shard_of(const std::string& group) {
  return *shards_[runtime_.owner_of(group).index()];
}

template <typename F>
awaitable<void> Groups::on_each(F f) {
  for (const auto& shard : shards_) co_await on(shard->shard(), [&] { return f(*shard); });
}

awaitable<void> Groups::start() {
  co_await load();
  co_await on(runtime_.shard(0), [&] { runtime_.shard(0).spawn(keep_expiring(this, gate_.enter())); });
}

awaitable<void> Groups::load() {
  auto config = co_await log_.find(kGroupsTopic);
  if (!config) {
    config = TopicConfig{.partitions = options_.topic_partitions, .segment_bytes = kSegmentBytes, .compact = true};
    co_await log_.create(kGroupsTopic, *config);
  }
  size_t count = 0;
  for (PartitionId partition = 0; partition < config->partitions; ++partition) {
    LoadedGroups groups = co_await read_partition(log_, partition);
    count += groups.size();
    co_await on_each([&](GroupShard& shard) -> awaitable<void> {
      for (auto& [id, group] : groups)
        if (&shard_of(id) == &shard) shard.adopt(id, partition, std::move(group));
      co_return;
    });
  }
  co_await on_each([&](GroupShard& shard) -> awaitable<void> {
    shard.serve(config->partitions);
    co_return;
  });
  if (count > 0) trace::info("{} consumer groups", count);
}

awaitable<void> Groups::stop() {
  co_await on(runtime_.shard(0), [&]() -> awaitable<void> {
    stopping_.notify_all();
    co_await gate_.close();
  });
  co_await on_each([](GroupShard& shard) { return shard.stop(); });
}

awaitable<void> Groups::keep_expiring(Groups* self, Gate::Pass pass) {
  while (!self->gate_.closed()) {
    const SteadyTime next = self->timers_.clock().steady() + self->options_.expiry_interval;
    if (co_await self->stopping_.wait_until(self->timers_, next)) break;
    try {
      co_await self->expire();
    } catch (const Error& error) {
      trace::error("consumer groups: expired offsets stay for now: {}", error.message());
    }
  }
}

awaitable<void> Groups::expire() {
  // An offset that is committed from now on may be of a topic that is made after we have asked.
  const int64_t topics_ms = timers_.clock().wall_ms();
  const std::vector<std::string> names = co_await log_.topics();
  const std::set<std::string> topics(names.begin(), names.end());
  co_await on_each([&](GroupShard& shard) { return shard.expire(topics, topics_ms); });
}

awaitable<void> Groups::topic_removed(std::string topic) {
  co_await on_each([&](GroupShard& shard) { return shard.topic_removed(topic); });
}

awaitable<JoinResult> Groups::join(JoinRequest request) {
  GroupShard& shard = shard_of(request.group);
  co_return co_await on(shard.shard(), [&] { return shard.join(std::move(request)); });
}

awaitable<SyncResult> Groups::sync(SyncRequest request) {
  GroupShard& shard = shard_of(request.group);
  co_return co_await on(shard.shard(), [&] { return shard.sync(std::move(request)); });
}

awaitable<ErrorCode> Groups::heartbeat(HeartbeatRequest request) {
  GroupShard& shard = shard_of(request.group);
  co_return co_await on(shard.shard(), [&] { return shard.heartbeat(request); });
}

awaitable<LeaveResult> Groups::leave(LeaveRequest request) {
  GroupShard& shard = shard_of(request.group);
  co_return co_await on(shard.shard(), [&] { return shard.leave(request); });
}

awaitable<ConsumerHeartbeatResult> Groups::consumer_heartbeat(ConsumerHeartbeatRequest request) {
  GroupShard& shard = shard_of(request.group);
  co_return co_await on(shard.shard(), [&] { return shard.consumer_heartbeat(std::move(request)); });
}

awaitable<std::vector<TopicErrors>> Groups::commit(CommitRequest request) {
  GroupShard& shard = shard_of(request.group);
  co_return co_await on(shard.shard(), [&] { return shard.commit(std::move(request)); });
}

awaitable<FetchOffsetsResult> Groups::fetch_offsets(FetchOffsetsRequest request) {
  GroupShard& shard = shard_of(request.group);
  co_return co_await on(shard.shard(), [&] { return shard.fetch_offsets(request); });
}

awaitable<DeleteOffsetsResult> Groups::delete_offsets(DeleteOffsetsRequest request) {
  GroupShard& shard = shard_of(request.group);
  co_return co_await on(shard.shard(), [&] { return shard.delete_offsets(std::move(request)); });
}

awaitable<std::vector<DescribedGroup>> Groups::describe(std::vector<std::string> groups) {
  std::vector<DescribedGroup> described;
  for (const std::string& group : groups) {
    GroupShard& shard = shard_of(group);
    described.push_back(co_await on(shard.shard(), [&] { return shard.describe(group); }));
  }
  co_return described;
}

awaitable<std::vector<DescribedConsumerGroup>> Groups::describe_consumers(std::vector<std::string> groups) {
  std::vector<DescribedConsumerGroup> described;
  for (const std::string& group : groups) {
    GroupShard& shard = shard_of(group);
    described.push_back(co_await on(shard.shard(), [&] { return shard.describe_consumers(group); }));
  }
  co_return described;
}

awaitable<ListGroupsResult> Groups::list(ListGroupsRequest request) {
  ListGroupsResult all;
  for (const auto& shard : shards_) {
    ListGroupsResult some = co_await on(shard->shard(), [&] { return shard->list(request); });
    if (some.error != ErrorCode::kNone) co_return some;
    std::ranges::move(some.groups, std::back_inserter(all.groups));
  }
  std::ranges::sort(all.groups, {}, &ListedGroup::group);
  co_return all;
}

awaitable<std::vector<DeletedGroup>> Groups::remove(std::vector<std::string> groups) {
  std::vector<DeletedGroup> deleted;
  for (std::string& group : groups) {
    GroupShard& shard = shard_of(group);
    const ErrorCode error = co_await on(shard.shard(), [&] { return shard.remove(group); });
    deleted.push_back({std::move(group), error});
  }
  co_return deleted;
}

}  // namespace headrace
