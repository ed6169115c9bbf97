// Making, removing, widening and describing topics. What a stream or table of SQL stands on is changed through SQL
// only, so that the two never disagree.
#include <algorithm>
#include <set>

#include "fmt/format.h"
#include "kafka/apis.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/topic_settings.h"
#include "log/topic_file.h"

namespace headrace::kafka {
namespace {

struct Refusal {
  ErrorCode code = ErrorCode::kNone;
  std::string message;
};

Refusal refusal_of(const Error& error) {
  switch (error.code()) {
    case Code::kNotFound: return {ErrorCode::kUnknownTopicOrPartition, error.message()};
    case Code::kConflict: return {ErrorCode::kTopicAlreadyExists, error.message()};
    case Code::kInvalid: return {ErrorCode::kInvalidConfig, error.message()};
    case Code::kRefused: return {ErrorCode::kPolicyViolation, error.message()};
    default: return {static_cast<ErrorCode>(info(error.code()).kafka_code), error.message()};
  }
}

// Of a topic whose structure clients may not change.
std::optional<Refusal> guard(const CatalogState& catalog, const std::string& topic, std::string_view instead) {
  if (is_internal(topic)) return Refusal{ErrorCode::kTopicAuthorizationFailed, "the topic is Headrace's own"};
  const StreamInfoPtr stream = stream_of(catalog, topic);
  if (!stream) return std::nullopt;
  return Refusal{ErrorCode::kPolicyViolation,
                 fmt::format("the topic belongs to \"{}\" of SQL; {}", stream->definition.name, instead)};
}

awaitable<Refusal> create(Call& call, const CreateTopicsRequest::Topic& asked, bool only_check, TopicConfig& config) {
  const std::string name(asked.name);
  try {
    check_topic_name(name);
  } catch (const Error& error) {
    co_return Refusal{ErrorCode::kInvalidTopicException, error.message()};
  }
  if (is_internal(name))
    co_return Refusal{ErrorCode::kInvalidTopicException, "names with '_' in front are Headrace's own"};
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
    for (const auto& each : asked.configs) change_setting(config, each.name, each.value);
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

template <typename Answer>
void set(Answer& answer, Refusal refusal) {
  answer.error_code = static_cast<int16_t>(refusal.code);
  if (refusal.code != ErrorCode::kNone) answer.error_message = std::move(refusal.message);
}

void add_config(DescribeConfigsResponse::Result& result, const Setting& setting, bool with_synonyms) {
  constexpr int8_t kTopicSource = 1;
  constexpr int8_t kDefaultSource = 5;
  auto& config = result.configs.emplace_back();
  config.name = setting.name;
  config.value = setting.value;
  config.read_only = setting.fixed;
  config.config_source = setting.is_default ? kDefaultSource : kTopicSource;
  config.config_type = static_cast<int8_t>(setting.type);
  if (!with_synonyms) return;
  auto& synonym = config.synonyms.emplace_back();
  synonym.name = setting.name;
  synonym.value = setting.value;
  synonym.source = config.config_source;
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
      answer.num_partitions = config.partitions;
      answer.replication_factor = 1;
      auto& configs = answer.configs.emplace();
      for (const Setting& setting : settings_of(config)) {
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
    if (!topic.name) {
      answer.error_code = static_cast<int16_t>(ErrorCode::kUnknownTopicId);
      continue;
    }
    answer.name = std::string(*topic.name);
    set(answer, co_await remove(call, *answer.name));
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

awaitable<void> answer_describe_configs(Call& call) {
  constexpr int8_t kTopic = 2;
  constexpr int8_t kBroker = 4;
  const auto request = call.read<DescribeConfigsRequest>();
  DescribeConfigsResponse response;
  for (const auto& resource : request.resources) {
    auto& result = response.results.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    std::vector<Setting> settings;
    if (resource.resource_type == kTopic) {
      const auto config = co_await call.broker.log.find(result.resource_name);
      if (!config) {
        set(result, {ErrorCode::kUnknownTopicOrPartition, "there is no such topic"});
        continue;
      }
      settings = settings_of(*config);
    } else if (resource.resource_type == kBroker) {
      settings = settings_of(TopicConfig{});
    } else {
      set(result, {ErrorCode::kInvalidRequest, "only topics and brokers have settings"});
      continue;
    }
    for (const Setting& setting : settings) {
      const auto& keys = resource.configuration_keys;
      if (keys && std::ranges::find(*keys, setting.name) == keys->end()) continue;
      add_config(result, setting, request.include_synonyms);
    }
  }
  call.write(response);
}

}  // namespace headrace::kafka
