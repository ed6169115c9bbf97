// Consumer groups and their offsets: from the protocol's messages to the coordinator's calls and back.
#include <map>

#include "kafka/apis.h"
#include "kafka/each_once.h"
#include "kafka/messages/delete_groups.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/heartbeat.h"
#include "kafka/messages/join_group.h"
#include "kafka/messages/leave_group.h"
#include "kafka/messages/list_groups.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_delete.h"
#include "kafka/messages/offset_fetch.h"
#include "kafka/messages/sync_group.h"

namespace headrace::kafka {
namespace {

std::optional<std::string> text(const std::optional<std::string_view>& view) {
  if (!view) return std::nullopt;
  return std::string(*view);
}

int16_t code(ErrorCode error) {
  return static_cast<int16_t>(error);
}

// The topics of an answer, whose messages all have the same form.
template <typename Topics>
void add_errors(Topics& to, const std::vector<TopicErrors>& topics) {
  for (const TopicErrors& topic : topics) {
    auto& answered = to.emplace_back();
    answered.name = topic.topic;
    for (const PartitionError& each : topic.partitions) {
      auto& partition = answered.partitions.emplace_back();
      partition.index = each.partition;
      partition.error_code = code(each.error);
    }
  }
}

template <typename Topics>
void add_offsets(Topics& to, const std::vector<TopicOffsets>& topics) {
  for (const TopicOffsets& topic : topics) {
    auto& answered = to.emplace_back();
    answered.name = topic.topic;
    for (const PartitionOffset& each : topic.partitions) {
      auto& partition = answered.partitions.emplace_back();
      partition.index = each.partition;
      partition.committed_offset = each.offset;
      partition.committed_leader_epoch = each.leader_epoch;
      partition.metadata = each.metadata;
    }
  }
}

// Each partition once: what was committed with its offset can be large.
template <typename Topics>
std::vector<TopicPartitions> asked_topics(const Topics& topics) {
  std::vector<TopicPartitions> asked;
  std::map<std::string_view, size_t> places;
  for (const auto& topic : topics) {
    const size_t place = places.emplace(topic.name, asked.size()).first->second;
    if (place == asked.size()) asked.push_back({std::string(topic.name), {}});
    auto& partitions = asked[place].partitions;
    partitions.insert(partitions.end(), topic.partition_indexes.begin(), topic.partition_indexes.end());
  }
  for (TopicPartitions& each : asked) keep_each_once(each.partitions);
  return asked;
}

}  // namespace

awaitable<void> answer_find_coordinator(Call& call) {
  constexpr int8_t kGroup = 0;
  constexpr int8_t kTransaction = 1;
  constexpr int16_t kFirstWithSeveral = 4;
  const auto request = call.read<FindCoordinatorRequest>();
  // Transactions are refused by InitProducerId, whose error every client shows as it is.
  const bool known = request.key_type == kGroup || request.key_type == kTransaction;
  const ErrorCode error = known ? ErrorCode::kNone : ErrorCode::kInvalidRequest;
  FindCoordinatorResponse response;
  if (call.version() < kFirstWithSeveral) {
    response.error_code = code(error);
    response.node_id = kNodeId;
    response.host = call.peer.server_host;
    response.port = call.peer.server_port;
  }
  for (const std::string_view key : request.coordinator_keys) {
    auto& coordinator = response.coordinators.emplace_back();
    coordinator.key = key;
    coordinator.error_code = code(error);
    coordinator.node_id = kNodeId;
    coordinator.host = call.peer.server_host;
    coordinator.port = call.peer.server_port;
  }
  call.write(response);
  co_return;
}

awaitable<void> answer_join_group(Call& call) {
  constexpr int16_t kFirstWithRequiredId = 4;
  constexpr int16_t kFirstWithSkipping = 9;
  const auto request = call.read<JoinGroupRequest>();
  JoinRequest join{.group = std::string(request.group_id),
                   .member_id = std::string(request.member_id),
                   .instance_id = text(request.group_instance_id),
                   .client_id = std::string(call.client_id()),
                   .client_host = call.peer.client_host,
                   .session_timeout = milliseconds(request.session_timeout_ms),
                   .rebalance_timeout =
                       milliseconds(call.version() == 0 ? request.session_timeout_ms : request.rebalance_timeout_ms),
                   .protocol_type = std::string(request.protocol_type),
                   .protocols = {},
                   .reason = std::string(request.reason.value_or("")),
                   .member_id_required = call.version() >= kFirstWithRequiredId,
                   .can_skip_assignment = call.version() >= kFirstWithSkipping};
  for (const auto& protocol : request.protocols)
    join.protocols.push_back({std::string(protocol.name), std::string(protocol.metadata)});
  JoinResult joined = co_await call.broker.groups.join(std::move(join));

  JoinGroupResponse response;
  response.error_code = code(joined.error);
  response.generation_id = joined.generation;
  response.protocol_type = std::move(joined.protocol_type);
  response.protocol_name = std::move(joined.protocol);
  response.leader = std::move(joined.leader);
  response.skip_assignment = joined.skip_assignment;
  response.member_id = std::move(joined.member_id);
  for (JoinedMember& each : joined.members) {
    auto& member = response.members.emplace_back();
    member.member_id = std::move(each.id);
    member.group_instance_id = std::move(each.instance_id);
    member.metadata = std::move(each.metadata);
  }
  call.write(response);
}

awaitable<void> answer_sync_group(Call& call) {
  const auto request = call.read<SyncGroupRequest>();
  SyncRequest sync{.group = std::string(request.group_id),
                   .generation = request.generation_id,
                   .member_id = std::string(request.member_id),
                   .instance_id = text(request.group_instance_id),
                   .protocol_type = text(request.protocol_type),
                   .protocol = text(request.protocol_name),
                   .assignments = {}};
  for (const auto& each : request.assignments)
    sync.assignments.push_back({std::string(each.member_id), std::string(each.assignment)});
  SyncResult synced = co_await call.broker.groups.sync(std::move(sync));

  SyncGroupResponse response;
  response.error_code = code(synced.error);
  response.protocol_type = std::move(synced.protocol_type);
  response.protocol_name = std::move(synced.protocol);
  response.assignment = std::move(synced.assignment);
  call.write(response);
}

awaitable<void> answer_heartbeat(Call& call) {
  const auto request = call.read<headrace::kafka::HeartbeatRequest>();
  HeartbeatResponse response;
  response.error_code = code(co_await call.broker.groups.heartbeat({.group = std::string(request.group_id),
                                                                    .generation = request.generation_id,
                                                                    .member_id = std::string(request.member_id),
                                                                    .instance_id = text(request.group_instance_id)}));
  call.write(response);
}

awaitable<void> answer_leave_group(Call& call) {
  constexpr int16_t kFirstWithSeveral = 3;
  const auto request = call.read<LeaveGroupRequest>();
  LeaveRequest leave{.group = std::string(request.group_id), .members = {}};
  if (call.version() < kFirstWithSeveral) {
    leave.members.push_back({.member_id = std::string(request.member_id)});
  }
  for (const auto& member : request.members)
    leave.members.push_back(
        {.member_id = std::string(member.member_id), .instance_id = text(member.group_instance_id)});
  const LeaveResult left = co_await call.broker.groups.leave(std::move(leave));

  LeaveGroupResponse response;
  response.error_code = code(left.error);
  // With one member, its error is that of the answer.
  if (call.version() < kFirstWithSeveral && left.error == ErrorCode::kNone && !left.members.empty())
    response.error_code = code(left.members[0].error);
  for (const auto& each : left.members) {
    auto& member = response.members.emplace_back();
    member.member_id = each.member_id;
    member.group_instance_id = each.instance_id;
    member.error_code = code(each.error);
  }
  call.write(response);
}

awaitable<void> answer_offset_commit(Call& call) {
  constexpr int16_t kFirstWithEpochs = 9;
  const auto request = call.read<OffsetCommitRequest>();
  CommitRequest commit{.group = std::string(request.group_id),
                       .generation = request.generation_id_or_member_epoch,
                       .member_id = std::string(request.member_id),
                       .instance_id = text(request.group_instance_id),
                       .retention_ms = request.retention_time_ms,
                       .knows_epochs = call.version() >= kFirstWithEpochs,
                       .topics = {}};
  OffsetCommitResponse response;
  for (const auto& topic : request.topics) {
    const std::string name(topic.name);
    const auto config = co_await call.broker.log.find(name);
    CommitTopic known{.topic = name, .partitions = {}};
    TopicErrors unknown{.topic = name, .partitions = {}};
    for (const auto& each : topic.partitions) {
      if (!config || each.index < 0 || each.index >= config->partitions) {
        unknown.partitions.push_back({each.index, ErrorCode::kUnknownTopicOrPartition});
      } else {
        known.partitions.push_back({.partition = each.index,
                                    .offset = each.committed_offset,
                                    .leader_epoch = each.committed_leader_epoch,
                                    .metadata = std::string(each.committed_metadata.value_or(""))});
      }
    }
    if (!known.partitions.empty()) commit.topics.push_back(std::move(known));
    if (!unknown.partitions.empty()) add_errors(response.topics, {unknown});
  }
  add_errors(response.topics, co_await call.broker.groups.commit(std::move(commit)));
  call.write(response);
}

awaitable<void> answer_offset_fetch(Call& call) {
  constexpr int16_t kFirstWithGroups = 8;
  constexpr int16_t kFirstWithError = 2;
  auto request = call.read<OffsetFetchRequest>();
  keep_each_once(request.groups, [](const auto& each) { return each.group_id; });
  OffsetFetchResponse response;
  if (call.version() < kFirstWithGroups) {
    FetchOffsetsRequest fetch{.group = std::string(request.group_id), .member_id = {}, .topics = {}};
    if (request.topics) fetch.topics = asked_topics(*request.topics);
    FetchOffsetsResult fetched = co_await call.broker.groups.fetch_offsets(fetch);
    if (fetched.error != ErrorCode::kNone && call.version() < kFirstWithError && fetch.topics) {
      // Only the partitions can carry it.
      for (const TopicPartitions& topic : *fetch.topics) {
        auto& answered = response.topics.emplace_back();
        answered.name = topic.topic;
        for (const PartitionId index : topic.partitions) {
          auto& partition = answered.partitions.emplace_back();
          partition.index = index;
          partition.committed_offset = -1;
          partition.error_code = code(fetched.error);
        }
      }
    }
    response.error_code = code(fetched.error);
    add_offsets(response.topics, fetched.topics);
  }
  for (const auto& group : request.groups) {
    FetchOffsetsRequest fetch{.group = std::string(group.group_id),
                              .member_id = text(group.member_id),
                              .member_epoch = group.member_epoch,
                              .topics = {}};
    if (group.topics) fetch.topics = asked_topics(*group.topics);
    const FetchOffsetsResult fetched = co_await call.broker.groups.fetch_offsets(fetch);
    auto& answered = response.groups.emplace_back();
    answered.group_id = fetch.group;
    answered.error_code = code(fetched.error);
    add_offsets(answered.topics, fetched.topics);
  }
  call.write(response);
}

awaitable<void> answer_offset_delete(Call& call) {
  const auto request = call.read<OffsetDeleteRequest>();
  DeleteOffsetsRequest remove{.group = std::string(request.group_id), .topics = {}};
  for (const auto& topic : request.topics) {
    TopicPartitions& asked = remove.topics.emplace_back();
    asked.topic = topic.name;
    for (const auto& partition : topic.partitions) asked.partitions.push_back(partition.index);
  }
  const DeleteOffsetsResult removed = co_await call.broker.groups.delete_offsets(std::move(remove));
  OffsetDeleteResponse response;
  response.error_code = code(removed.error);
  add_errors(response.topics, removed.topics);
  call.write(response);
}

awaitable<void> answer_describe_groups(Call& call) {
  auto request = call.read<DescribeGroupsRequest>();
  keep_each_once(request.groups);
  DescribeGroupsResponse response;
  std::vector<std::string> groups(request.groups.begin(), request.groups.end());
  for (DescribedGroup& each : co_await call.broker.groups.describe(std::move(groups))) {
    auto& group = response.groups.emplace_back();
    group.error_code = code(each.error);
    group.group_id = std::move(each.group);
    group.group_state = name(each.state);
    group.protocol_type = std::move(each.protocol_type);
    group.protocol_data = std::move(each.protocol);
    for (DescribedMember& one : each.members) {
      auto& member = group.members.emplace_back();
      member.member_id = std::move(one.id);
      member.group_instance_id = std::move(one.instance_id);
      member.client_id = std::move(one.client_id);
      member.client_host = std::move(one.client_host);
      member.member_metadata = std::move(one.metadata);
      member.member_assignment = std::move(one.assignment);
    }
  }
  call.write(response);
}

awaitable<void> answer_list_groups(Call& call) {
  const auto request = call.read<headrace::kafka::ListGroupsRequest>();
  headrace::ListGroupsRequest list;
  list.states.assign(request.states_filter.begin(), request.states_filter.end());
  list.types.assign(request.types_filter.begin(), request.types_filter.end());
  ListGroupsResult listed = co_await call.broker.groups.list(std::move(list));
  ListGroupsResponse response;
  response.error_code = code(listed.error);
  for (ListedGroup& each : listed.groups) {
    auto& group = response.groups.emplace_back();
    group.group_id = std::move(each.group);
    group.protocol_type = std::move(each.protocol_type);
    group.group_state = name(each.state);
    group.group_type = name(each.type);
  }
  call.write(response);
}

awaitable<void> answer_delete_groups(Call& call) {
  const auto request = call.read<DeleteGroupsRequest>();
  std::vector<std::string> groups(request.group_names.begin(), request.group_names.end());
  DeleteGroupsResponse response;
  for (DeletedGroup& each : co_await call.broker.groups.remove(std::move(groups))) {
    auto& result = response.results.emplace_back();
    result.group_id = std::move(each.group);
    result.error_code = code(each.error);
  }
  call.write(response);
}

}  // namespace headrace::kafka
