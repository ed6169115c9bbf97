// Groups of the consumer type among those of a shard: what a heartbeat must say before a group sees it.
#include "fmt/format.h"
#include "kafka/coordinator/group_shard.h"

namespace headrace {
namespace {

// What is wrong with the request by itself; empty if nothing is.
std::string mistake_in(const ConsumerHeartbeatRequest& request) {
  if (request.group.empty()) return "the group's id is empty";
  if (request.instance_id && request.instance_id->empty()) return "the instance id is empty";
  if (request.rack_id && request.rack_id->empty()) return "the rack id is empty";
  if (request.member_epoch < kLeaveForAWhileEpoch)
    return fmt::format("the member epoch is {}; it is -2 or more", request.member_epoch);
  const bool may_lack_its_id = request.member_epoch == kJoinEpoch && !request.brings_its_id;
  if (request.member_id.empty() && !may_lack_its_id) return "the member's id is empty";
  if (request.member_epoch == kLeaveForAWhileEpoch && !request.instance_id)
    return "only a member with an instance id leaves for a while";
  if (request.member_epoch != kJoinEpoch) return {};
  if (!request.rebalance_timeout) return "whoever joins says his rebalance timeout";
  if (!request.owned || !request.owned->empty()) return "whoever joins has no partitions, and says so";
  if (!request.topics && !request.pattern) return "whoever joins subscribes to topics, or to a pattern of them";
  return {};
}

}  // namespace

awaitable<ConsumerHeartbeatResult> GroupShard::consumer_heartbeat(ConsumerHeartbeatRequest request) {
  const auto refused = [](ErrorCode error, std::string message) {
    return ConsumerHeartbeatResult{.error = error, .message = std::move(message)};
  };
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone)
    co_return refused(error, "the coordinator is starting or stopping");
  const Gate::Pass pass = gate_.enter();
  if (std::string mistake = mistake_in(request); !mistake.empty())
    co_return refused(ErrorCode::kInvalidRequest, std::move(mistake));
  if (request.assignor && !request.assignor->empty() && find_assignor(*request.assignor) == nullptr)
    co_return refused(ErrorCode::kUnsupportedAssignor,
                      fmt::format("there is no assignor \"{}\"; there are uniform and range", *request.assignor));
  const bool joins = request.member_epoch == kJoinEpoch;
  Group* const group = joins ? find_or_make(request.group) : find(request.group);
  if (group == nullptr && joins)
    co_return refused(ErrorCode::kGroupMaxSizeReached, "there is no room for another group");
  if (group == nullptr)
    co_return refused(ErrorCode::kGroupIdNotFound, fmt::format("there is no group \"{}\"", request.group));
  const std::string id = request.group;
  const auto answer = std::make_shared<Answer<ConsumerHeartbeatResult>>(shard_);
  group->consumer_heartbeat(std::move(request), answer);
  drop_if_useless(id);
  co_return co_await answer->take();
}

DescribedConsumerGroup GroupShard::describe_consumers(const std::string& group) {
  if (const ErrorCode error = unavailable(); error != ErrorCode::kNone)
    return {.error = error, .message = "the coordinator is starting or stopping", .group = group};
  if (group.empty()) return {.error = ErrorCode::kInvalidGroupId, .message = "the group's id is empty"};
  if (Group* const found = find(group)) return found->describe_consumers();
  return {
      .error = ErrorCode::kGroupIdNotFound, .message = fmt::format("there is no group \"{}\"", group), .group = group};
}

}  // namespace headrace
