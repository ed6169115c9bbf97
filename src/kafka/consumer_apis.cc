// Groups of the consumer type: from the protocol's messages to the coordinator's calls and back.
#include "kafka/apis.h"
#include "kafka/each_once.h"
#include "kafka/messages/consumer_group_describe.h"
#include "kafka/messages/consumer_group_heartbeat.h"
#include "kafka/topic_uuid.h"
#include "log/topic_table.h"

namespace headrace::kafka {
namespace {

std::optional<std::string> text(const std::optional<std::string_view>& view) {
  if (!view) return std::nullopt;
  return std::string(*view);
}

ConsumerHeartbeatRequest asked(Call& call, const ConsumerGroupHeartbeatRequest& request) {
  constexpr int16_t kFirstWithOwnId = 1;
  ConsumerHeartbeatRequest heartbeat{.group = std::string(request.group_id),
                                     .member_id = std::string(request.member_id),
                                     .member_epoch = request.member_epoch,
                                     .instance_id = text(request.instance_id),
                                     .rack_id = text(request.rack_id),
                                     .client_id = std::string(call.client_id()),
                                     .client_host = call.peer.client_host,
                                     .pattern = text(request.subscribed_topic_regex),
                                     .assignor = text(request.server_assignor),
                                     .brings_its_id = call.version() >= kFirstWithOwnId};
  if (request.rebalance_timeout_ms >= 0) heartbeat.rebalance_timeout = milliseconds(request.rebalance_timeout_ms);
  if (request.subscribed_topic_names) {
    auto& topics = heartbeat.topics.emplace();
    for (const std::string_view name : *request.subscribed_topic_names) topics.emplace_back(name);
  }
  if (request.topic_partitions) {
    PartitionSet& owned = heartbeat.owned.emplace();
    for (const auto& topic : *request.topic_partitions) {
      auto& partitions = owned[topic_id_of(topic.topic_id)];
      partitions.insert(partitions.end(), topic.partitions.begin(), topic.partitions.end());
    }
    normalize(owned);
  }
  return heartbeat;
}

// Topics that are gone are left out.
ConsumerGroupDescribeResponse::Group::Member::Assignment described(const PartitionSet& set, const TopicTable& table) {
  ConsumerGroupDescribeResponse::Group::Member::Assignment assignment;
  for (const auto& [id, partitions] : set) {
    const TopicInfo* const topic = table.find(id);
    if (topic == nullptr) continue;
    auto& each = assignment.topic_partitions.emplace_back();
    each.topic_id = uuid_of(id);
    each.topic_name = topic->name;
    each.partitions = partitions;
  }
  return assignment;
}

}  // namespace

awaitable<void> answer_consumer_group_heartbeat(Call& call) {
  const auto request = call.read<ConsumerGroupHeartbeatRequest>();
  ConsumerHeartbeatResult result = co_await call.broker.groups.consumer_heartbeat(asked(call, request));
  ConsumerGroupHeartbeatResponse response;
  response.error_code = static_cast<int16_t>(result.error);
  if (result.error != ErrorCode::kNone) {
    response.error_message = std::move(result.message);
  } else {
    response.member_id = std::move(result.member_id);
    response.member_epoch = result.member_epoch;
    response.heartbeat_interval_ms = static_cast<int32_t>(result.interval.count());
  }
  if (result.assignment) {
    auto& assignment = response.assignment.emplace();
    for (auto& [id, partitions] : *result.assignment) {
      auto& topic = assignment.topic_partitions.emplace_back();
      topic.topic_id = uuid_of(id);
      topic.partitions = std::move(partitions);
    }
  }
  call.write(response);
}

awaitable<void> answer_consumer_group_describe(Call& call) {
  constexpr int8_t kConsumerMember = 1;
  auto request = call.read<ConsumerGroupDescribeRequest>();
  keep_each_once(request.group_ids);
  std::vector<std::string> groups(request.group_ids.begin(), request.group_ids.end());
  ConsumerGroupDescribeResponse response;
  auto described_groups = co_await call.broker.groups.describe_consumers(std::move(groups));
  const std::shared_ptr<const TopicTable> table = call.broker.log.topic_table();
  for (DescribedConsumerGroup& each : described_groups) {
    auto& group = response.groups.emplace_back();
    group.error_code = static_cast<int16_t>(each.error);
    group.group_id = std::move(each.group);
    if (each.error != ErrorCode::kNone) {
      group.error_message = std::move(each.message);
      continue;
    }
    group.group_state = name(each.state);
    group.group_epoch = each.epoch;
    group.assignment_epoch = each.epoch;
    group.assignor_name = std::move(each.assignor);
    for (DescribedConsumer& one : each.members) {
      auto& member = group.members.emplace_back();
      member.member_id = std::move(one.id);
      member.instance_id = std::move(one.instance_id);
      member.rack_id = std::move(one.rack_id);
      member.member_epoch = one.epoch;
      member.client_id = std::move(one.client_id);
      member.client_host = std::move(one.client_host);
      member.subscribed_topic_names = std::move(one.topics);
      if (!one.pattern.empty()) member.subscribed_topic_regex = std::move(one.pattern);
      member.assignment = described(one.assigned, *table);
      member.target_assignment = described(one.target, *table);
      member.member_type = kConsumerMember;
    }
  }
  call.write(response);
}

}  // namespace headrace::kafka
