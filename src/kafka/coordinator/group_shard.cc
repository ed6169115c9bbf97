#include "kafka/coordinator/group_shard.h"

#include <algorithm>

#include "base/rendezvous.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr size_t kQueueShare = 4;  // a fourth of the memory may be what waits to be written

bool equal_in_any_case(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(left, right, {}, lower, lower);
}

bool contains_in_any_case(const std::vector<std::string>& names, std::string_view wanted) {
  return std::ranges::any_of(names, [&](const std::string& each) { return equal_in_any_case(each, wanted); });
}

}  // namespace

GroupShard::GroupShard(Shard& shard, Timers& timers, Log& log, Metrics& metrics, const GroupOptions& options,
                       size_t shards, uint64_t seed)
    : shard_(shard),
      timers_(timers),
      options_(options),
      groups_max_((options.groups_max + shards - 1) / shards),
      memory_{.limit = options.memory_bytes_max / shards / kQueueShare * (kQueueShare - 1)},
      metrics_(GroupMetrics::of_shard(metrics, shard.index())),
      random_(seed),
      writer_(shard, timers.clock(), log, options.memory_bytes_max / shards / kQueueShare),
      services_{shard, timers, writer_, random_, options, memory_, log, metrics_},
      gate_(shard) {}

GroupShard::~GroupShard() = default;

void GroupShard::adopt(const std::string& group, PartitionId partition, LoadedGroup loaded) {
  auto& made = groups_[group];
  made = std::make_unique<Group>(services_, group, partition);
  for (auto& [place, offset] : loaded.offsets) made->offsets().adopt(place.first, place.second, std::move(offset));
  if (loaded.record) made->adopt(std::move(*loaded.record));
  if (!loaded.consumer_record && loaded.consumers.empty()) return;
  std::vector<ConsumerRecord> consumers;
  consumers.reserve(loaded.consumers.size());
  for (auto& [id, consumer] : loaded.consumers) consumers.push_back(std::move(consumer));
  made->adopt(loaded.consumer_record, std::move(consumers));
}

void GroupShard::serve(PartitionId partitions) {
  partitions_ = partitions;
  phase_ = Phase::kServing;
}

awaitable<void> GroupShard::stop() {
  phase_ = Phase::kStopped;
  for (auto& [id, group] : groups_) group->stop();
  co_await writer_.flush();
  co_await gate_.close();
  groups_.clear();
}

ErrorCode GroupShard::unavailable() const {
  switch (phase_) {
    case Phase::kLoading: return ErrorCode::kCoordinatorLoadInProgress;
    case Phase::kServing: return ErrorCode::kNone;
    case Phase::kStopped: return ErrorCode::kCoordinatorNotAvailable;
  }
  return ErrorCode::kUnknownServerError;
}

Group* GroupShard::find(const std::string& group) {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : found->second.get();
}

Group* GroupShard::find_or_make(const std::string& group) {
  if (Group* const found = find(group)) return found;
  if (groups_.size() >= groups_max_ || !memory_.has_room(0)) return nullptr;
  const auto partition = static_cast<PartitionId>(stable_hash(group) % static_cast<uint64_t>(partitions_));
  return groups_.emplace(group, std::make_unique<Group>(services_, group, partition)).first->second.get();
}

void GroupShard::drop_if_useless(const std::string& group) {
  const auto found = groups_.find(group);
  if (found != groups_.end() && found->second->is_useless()) groups_.erase(found);
}

awaitable<JoinResult> GroupShard::join(JoinRequest request) {
  const auto refused = [&](ErrorCode error) { return JoinResult{.error = error, .member_id = request.member_id}; };
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone) co_return refused(error);
  const Gate::Pass pass = gate_.enter();
  if (request.group.empty()) co_return refused(ErrorCode::kInvalidGroupId);
  if (request.session_timeout < options_.session_timeout_min || request.session_timeout > options_.session_timeout_max)
    co_return refused(ErrorCode::kInvalidSessionTimeout);
  Group* const group = request.member_id.empty() ? find_or_make(request.group) : find(request.group);
  if (group == nullptr)
    co_return refused(request.member_id.empty() ? ErrorCode::kGroupMaxSizeReached : ErrorCode::kUnknownMemberId);
  const std::string id = request.group;
  const auto answer = std::make_shared<Answer<JoinResult>>(shard_);
  group->join(std::move(request), answer);
  drop_if_useless(id);
  co_return co_await answer->take();
}

awaitable<SyncResult> GroupShard::sync(SyncRequest request) {
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone) co_return SyncResult{.error = error};
  const Gate::Pass pass = gate_.enter();
  if (request.group.empty()) co_return SyncResult{.error = ErrorCode::kInvalidGroupId};
  Group* const group = find(request.group);
  if (group == nullptr) co_return SyncResult{.error = ErrorCode::kUnknownMemberId};
  const auto answer = std::make_shared<Answer<SyncResult>>(shard_);
  group->sync(std::move(request), answer);
  co_return co_await answer->take();
}

ErrorCode GroupShard::heartbeat(const HeartbeatRequest& request) {
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone) return error;
  if (request.group.empty()) return ErrorCode::kInvalidGroupId;
  Group* const group = find(request.group);
  return group == nullptr ? ErrorCode::kUnknownMemberId : group->heartbeat(request);
}

LeaveResult GroupShard::leave(const LeaveRequest& request) {
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone) return {.error = error};
  if (request.group.empty()) return {.error = ErrorCode::kInvalidGroupId};
  Group* const group = find(request.group);
  LeaveResult result;
  for (const LeavingMember& member : request.members)
    result.members.push_back({.member_id = member.member_id,
                              .instance_id = member.instance_id,
                              .error = group == nullptr ? ErrorCode::kUnknownMemberId : group->leave(member)});
  drop_if_useless(request.group);
  return result;
}

awaitable<std::vector<TopicErrors>> GroupShard::commit(CommitRequest request) {
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone) co_return all_with(request, error);
  const Gate::Pass pass = gate_.enter();
  Group* group = find(request.group);
  if (group == nullptr) {
    if (request.generation >= 0)
      co_return all_with(request, request.knows_epochs ? ErrorCode::kGroupIdNotFound : ErrorCode::kIllegalGeneration);
    group = find_or_make(request.group);
    if (group == nullptr) co_return all_with(request, ErrorCode::kGroupMaxSizeReached);
  }
  const std::string id = request.group;
  const auto answer = std::make_shared<Answer<std::vector<TopicErrors>>>(shard_);
  group->commit(std::move(request), answer);
  auto result = co_await answer->take();
  drop_if_useless(id);
  co_return result;
}

FetchOffsetsResult GroupShard::fetch_offsets(const FetchOffsetsRequest& request) {
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone) return {.error = error};
  if (Group* const group = find(request.group); group != nullptr && group->state() != GroupState::kDead) {
    if (const ErrorCode error = group->check_fetch(request); error != ErrorCode::kNone) return {.error = error};
    return {.topics = group->offsets().fetch(request.topics)};
  }
  FetchOffsetsResult result;
  if (!request.topics) return result;
  for (const TopicPartitions& topic : *request.topics) {
    TopicOffsets& none = result.topics.emplace_back(TopicOffsets{topic.topic, {}});
    for (const PartitionId partition : topic.partitions) none.partitions.push_back({.partition = partition});
  }
  return result;
}

awaitable<DeleteOffsetsResult> GroupShard::delete_offsets(DeleteOffsetsRequest request) {
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone) co_return DeleteOffsetsResult{.error = error};
  const Gate::Pass pass = gate_.enter();
  Group* const group = find(request.group);
  if (group == nullptr) co_return DeleteOffsetsResult{.error = ErrorCode::kGroupIdNotFound};
  const std::string id = request.group;
  const auto answer = std::make_shared<Answer<DeleteOffsetsResult>>(shard_);
  group->delete_offsets(std::move(request), answer);
  auto result = co_await answer->take();
  drop_if_useless(id);
  co_return result;
}

DescribedGroup GroupShard::describe(const std::string& group) {
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone) return {.error = error, .group = group};
  Group* const found = find(group);
  return found == nullptr ? DescribedGroup{.group = group} : found->describe();
}

ListGroupsResult GroupShard::list(const ListGroupsRequest& request) {
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone) return {.error = error};
  ListGroupsResult result;
  for (const auto& [id, group] : groups_) {
    if (!request.types.empty() && !contains_in_any_case(request.types, name(group->type()))) continue;
    if (!request.states.empty() && !contains_in_any_case(request.states, name(group->state()))) continue;
    result.groups.push_back({.group = id,
                             .protocol_type = std::string(group->protocol_type()),
                             .state = group->state(),
                             .type = group->type()});
  }
  return result;
}

awaitable<ErrorCode> GroupShard::remove(std::string id) {
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone) co_return error;
  const Gate::Pass pass = gate_.enter();
  Group* const group = find(id);
  if (group == nullptr) co_return ErrorCode::kGroupIdNotFound;
  const auto answer = std::make_shared<Answer<ErrorCode>>(shard_);
  group->remove([this, id, answer](ErrorCode error) {
    if (error == ErrorCode::kNone) groups_.erase(id);
    answer->give(error);
  });
  co_return co_await answer->take();
}

awaitable<void> GroupShard::topic_removed(std::string topic) {
  if (unavailable() != ErrorCode::kNone) co_return;
  const Gate::Pass pass = gate_.enter();
  for (const auto& [id, group] : groups_) group->topic_removed(topic, [](ErrorCode) {});
  co_await writer_.flush();
}

awaitable<void> GroupShard::expire(std::set<std::string> topics, int64_t topics_ms) {
  if (unavailable() != ErrorCode::kNone) co_return;
  const Gate::Pass pass = gate_.enter();
  const int64_t now_ms = timers_.clock().wall_ms();
  std::erase_if(groups_, [](const auto& each) { return each.second->is_useless(); });
  for (const auto& [id, group] : groups_) group->expire(now_ms, topics, topics_ms, [this, id] { groups_.erase(id); });
  co_await writer_.flush();
}

}  // namespace headrace
