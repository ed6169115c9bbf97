// Making, removing and widening topics. What a stream or table of SQL stands on is changed through SQL
// only, so that the two never disagree.
#include <algorithm>
#include <set>

#include "fmt/format.h"
#include "kafka/apis.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/refusal.h"
#include "kafka/topic_settings.h"
#include "kafka/topic_uuid.h"
#include "log/topic_file.h"
#include "log/topic_table.h"

namespace headrace::kafka {
namespace {

awaitable<Refusal> create(Call& call, const CreateTopicsRequest::Topic& asked, bool only_check, TopicConfig& config) {
  const std::string name(asked.name);
  try {
    check_topic_name(name);
  } catch (const Error& error) {
    co_return Refusal{ErrorCode::kInvalidTopicException, error.message()};
  }
  if (is_internal(name))
    co_return Refusal{ErrorCode::kInvalidTopicException, "names with '_' in front are Headrace's own"};
  const size_t batch_bytes_max = call.broker.options.limits.batch_bytes_max;
  config.partitions = asked.num_partitions;
  if (!asked.assignments.empty()) {
    if (asked.num_partitions != -1 || asked.replication_factor != -1)
      co_return Refusal{ErrorCode::kInvalidRequest, "say either how many partitions or where they are"};
    config.partitions = static_cast<PartitionId>(asked.assignments.size());
    for (const auto& assignment : asked.assignments) {
      if (assignment.broker_ids != std::vector<int32_t>{kNodeId})
        co_return Refusal{ErrorCode::kInvalidReplicaAssignment, fmt::format("there is one broker, {}", kNodeId)};
    }
  } else if (asked.replication_factor != -1 && asked.replication_factor != 1) {
    co_return Refusal{ErrorCode::kInvalidReplicationFactor, "there is one broker: the replication factor is 1"};
  }
  if (config.partitions == -1) config.partitions = call.broker.options.partitions_default;
  if (config.partitions < 1 || config.partitions > kPartitionsMax)
    co_return Refusal{ErrorCode::kInvalidPartitions, fmt::format("a topic has 1 to {} partitions", kPartitionsMax)};
  try {
    for (const auto& each : asked.configs) change_setting(config, each.name, each.value, batch_bytes_max);
    check_topic_config(config);
    if ((co_await call.broker.log.topics()).size() >= call.broker.options.limits.topics_max)
      co_return Refusal{ErrorCode::kPolicyViolation, "there are too many topics"};
    if (co_await call.broker.log.find(name)) co_return Refusal{ErrorCode::kTopicAlreadyExists, "it exists already"};
    if (!only_check) co_await call.broker.log.create(name, config);
  } catch (const Error& error) {
    co_return refusal_of(error);
  }
  co_return Refusal{};
}

awaitable<Refusal> remove(Call& call, const std::string& topic) {
  const CatalogStatePtr catalog = call.broker.catalog.state();
  if (auto refusal = guard(*catalog, topic, "DROP that")) co_return *refusal;
  try {
    co_await call.broker.log.remove(topic);
    co_await call.broker.groups.topic_removed(topic);
  } catch (const Error& error) {
    co_return refusal_of(error);
  }
  co_return Refusal{};
}

awaitable<Refusal> widen(Call& call, const CreatePartitionsRequest::Topic& asked, bool only_check) {
  const std::string topic(asked.name);
  const CatalogStatePtr catalog = call.broker.catalog.state();
  if (auto refusal = guard(*catalog, topic, "its partitions are fixed")) co_return *refusal;
  const auto config = co_await call.broker.log.find(topic);
  if (!config) co_return Refusal{ErrorCode::kUnknownTopicOrPartition, "there is no such topic"};
  if (asked.count <= config->partitions || asked.count > kPartitionsMax) {
    co_return Refusal{ErrorCode::kInvalidPartitions, fmt::format("the topic has {} partitions, and may have up to {}",
                                                                 config->partitions, kPartitionsMax)};
  }
  TopicConfig wider = *config;
  wider.partitions = asked.count;
  try {
    if (!only_check) co_await call.broker.log.alter(topic, wider);
  } catch (const Error& error) {
    co_return refusal_of(error);
  }
  co_return Refusal{};
}

}  // namespace

awaitable<void> answer_create_topics(Call& call) {
  const auto request = call.read<CreateTopicsRequest>();
  CreateTopicsResponse response;
  std::multiset<std::string_view> names;
  for (const auto& asked : request.topics) names.insert(asked.name);
  for (const auto& asked : request.topics) {
    if (names.count(asked.name) == 0) continue;  // answered with its first
    auto& answer = response.topics.emplace_back();
    answer.name = asked.name;
    if (names.count(asked.name) > 1) {
      names.erase(asked.name);
      set(answer, {ErrorCode::kInvalidRequest, "the request names the topic twice"});
      continue;
    }
    TopicConfig config;
    Refusal refusal = co_await create(call, asked, request.validate_only, config);
    if (refusal.code == ErrorCode::kNone) {
      if (const auto id = call.broker.log.id_of(answer.name)) answer.topic_id = uuid_of(*id);
      answer.num_partitions = config.partitions;
      answer.replication_factor = 1;
      auto& configs = answer.configs.emplace();
      for (const Setting& setting : settings_of(config, call.broker.options.limits.batch_bytes_max)) {
        auto& each = configs.emplace_back();
        each.name = setting.name;
        each.value = setting.value;
        each.read_only = setting.fixed;
        each.config_source = setting.is_default ? 5 : 1;
      }
    }
    set(answer, std::move(refusal));
  }
  call.write(response);
}

awaitable<void> answer_delete_topics(Call& call) {
  const auto request = call.read<DeleteTopicsRequest>();
  DeleteTopicsResponse response;
  for (const auto& topic : request.topics) {
    auto& answer = response.responses.emplace_back();
    answer.topic_id = topic.topic_id;
    if (topic.name) {
      answer.name = std::string(*topic.name);
    } else {
      const std::shared_ptr<const TopicTable> table = call.broker.log.topic_table();
      if (const TopicInfo* const known = table->find(topic_id_of(topic.topic_id))) answer.name = known->name;
    }
    if (answer.name)
      set(answer, co_await remove(call, *answer.name));
    else
      set(answer, {ErrorCode::kUnknownTopicId, "there is no topic with this id"});
  }
  for (const std::string_view topic : request.topic_names) {
    auto& answer = response.responses.emplace_back();
    answer.name = std::string(topic);
    set(answer, co_await remove(call, *answer.name));
  }
  call.write(response);
}

awaitable<void> answer_create_partitions(Call& call) {
  const auto request = call.read<CreatePartitionsRequest>();
  CreatePartitionsResponse response;
  for (const auto& asked : request.topics) {
    auto& answer = response.results.emplace_back();
    answer.name = asked.name;
    set(answer, co_await widen(call, asked, request.validate_only));
  }
  call.write(response);
}

}  // namespace headrace::kafka
