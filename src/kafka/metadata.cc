// Which broker leads which partition: this one, all of them. A topic that a client names for the first time is made if
// it lets the server do that.
#include <algorithm>
#include <set>

#include "fmt/format.h"
#include "kafka/apis.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/metadata.h"
#include "kafka/topic_uuid.h"
#include "log/topic_file.h"
#include "log/topic_table.h"

namespace headrace::kafka {
namespace {

ErrorCode create_error(const Error& error) {
  if (error.code() == Code::kInvalid) return ErrorCode::kInvalidTopicException;
  return static_cast<ErrorCode>(info(error.code()).kafka_code);
}

// The topic's configuration, if need be after making it.
awaitable<std::optional<TopicConfig>> find_or_create(Call& call, const std::string& topic, bool create) {
  Log& log = call.broker.log;
  auto config = co_await log.find(topic);
  if (config || !create || !call.broker.options.create_topics) co_return config;
  check_topic_name(topic);
  if (is_internal(topic)) co_return std::nullopt;
  if ((co_await log.topics()).size() >= call.broker.options.limits.topics_max) {
    throw Error(Code::kRefused, "there are too many topics");
  }
  try {
    co_await log.create(topic, {.partitions = call.broker.options.partitions_default});
  } catch (const Error& error) {
    if (error.code() != Code::kConflict) throw;  // another client was quicker
  }
  co_return co_await log.find(topic);
}

awaitable<MetadataResponse::Topic> describe(Call& call, std::string name, bool create) {
  MetadataResponse::Topic topic;
  topic.is_internal = is_internal(name);
  try {
    const auto config = co_await find_or_create(call, name, create);
    if (const auto id = call.broker.log.id_of(name)) topic.topic_id = uuid_of(*id);
    if (!config) topic.error_code = static_cast<int16_t>(ErrorCode::kUnknownTopicOrPartition);
    for (PartitionId index = 0; config && index < config->partitions; ++index) {
      auto& partition = topic.partitions.emplace_back();
      partition.index = index;
      partition.leader_id = kNodeId;
      partition.leader_epoch = kLeaderEpoch;
      partition.replica_nodes = {kNodeId};
      partition.isr_nodes = {kNodeId};
    }
  } catch (const Error& error) {
    topic.error_code = static_cast<int16_t>(create_error(error));
  }
  topic.name = std::move(name);
  co_return topic;
}

}  // namespace

awaitable<void> answer_metadata(Call& call) {
  constexpr int16_t kFirstWithIds = 12;  // in requests; answers have them from 10 on
  const auto request = call.read<MetadataRequest>();
  MetadataResponse response;
  auto& broker = response.brokers.emplace_back();
  broker.node_id = kNodeId;
  broker.host = call.peer.server_host;
  broker.port = call.peer.server_port;
  response.cluster_id = kClusterId;
  response.controller_id = kNodeId;
  const bool all = call.version() == 0 ? !request.topics || request.topics->empty() : !request.topics;
  if (all) {
    for (std::string& name : co_await call.broker.log.topics()) {
      response.topics.push_back(co_await describe(call, std::move(name), false));
    }
  } else {
    // Before version 4 a client could not say; Kafka makes the topic then.
    const bool create = call.version() < 4 || request.allow_auto_topic_creation;
    std::set<std::string> described;  // each once, however often it was named
    for (const auto& topic : *request.topics) {
      if (topic.name) {
        std::string name(*topic.name);
        if (described.insert(name).second) response.topics.push_back(co_await describe(call, std::move(name), create));
        continue;
      }
      const std::shared_ptr<const TopicTable> table = call.broker.log.topic_table();
      const TopicInfo* const known = table->find(topic_id_of(topic.topic_id));
      if (known != nullptr && call.version() >= kFirstWithIds) {
        if (described.insert(known->name).second)
          response.topics.push_back(co_await describe(call, known->name, false));
      } else {
        auto& unknown = response.topics.emplace_back();
        unknown.topic_id = topic.topic_id;
        unknown.error_code = static_cast<int16_t>(ErrorCode::kUnknownTopicId);
      }
    }
  }
  call.write(response);
}

awaitable<void> answer_describe_cluster(Call& call) {
  const auto request = call.read<DescribeClusterRequest>();
  DescribeClusterResponse response;
  response.endpoint_type = request.endpoint_type;
  response.cluster_id = kClusterId;
  response.controller_id = kNodeId;
  auto& broker = response.brokers.emplace_back();
  broker.broker_id = kNodeId;
  broker.host = call.peer.server_host;
  broker.port = call.peer.server_port;
  call.write(response);
  co_return;
}

}  // namespace headrace::kafka
