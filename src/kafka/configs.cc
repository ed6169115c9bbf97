// The settings of topics. Those of the broker are its command line; they are shown and cannot be changed here.
#include <algorithm>
#include <string>

#include "fmt/format.h"
#include "kafka/apis.h"
#include "kafka/each_once.h"
#include "kafka/messages/alter_configs.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/incremental_alter_configs.h"
#include "kafka/refusal.h"
#include "kafka/topic_settings.h"
#include "log/topic_file.h"

namespace headrace::kafka {
namespace {

// Kinds of what has settings (org.apache.kafka.common.config.ConfigResource.Type).
constexpr int8_t kTopic = 2;
constexpr int8_t kBroker = 4;

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

// Lets `change` make of the topic's configuration what it should be.
template <typename Resource, typename Change>
awaitable<Refusal> alter(Call& call, const Resource& resource, bool only_check, Change change) {
  if (resource.resource_type != kTopic)
    co_return Refusal{ErrorCode::kInvalidRequest, "only the settings of topics can be changed"};
  const std::string topic(resource.resource_name);
  const CatalogStatePtr catalog = call.broker.catalog.state();
  if (auto refusal = guard(*catalog, topic, "its settings are those of CREATE STREAM")) co_return *refusal;
  auto config = co_await call.broker.log.find(topic);
  if (!config) co_return Refusal{ErrorCode::kUnknownTopicOrPartition, "there is no such topic"};
  try {
    change(*config);
    check_topic_config(*config);
    if (!only_check) co_await call.broker.log.alter(topic, *config);
  } catch (const Error& error) {
    co_return refusal_of(error);
  }
  co_return Refusal{};
}

// One change of KIP-339. Lists have one entry here, so that appending and subtracting are for the policy alone.
void change_incrementally(TopicConfig& config, const IncrementalAlterConfigsRequest::Resource::Config& change,
                          size_t batch_bytes_max) {
  enum Operation : int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };
  switch (change.config_operation) {
    case kSet:
      if (!change.value) throw Error(Code::kInvalid, fmt::format("{}: there is no value to set", change.name));
      change_setting(config, change.name, change.value, batch_bytes_max);
      return;
    case kDelete: change_setting(config, change.name, std::nullopt, batch_bytes_max); return;
    case kAppend:
    case kSubtract:
      throw Error(Code::kInvalid,
                  fmt::format("{}: settings are set or deleted; there are no lists of several entries", change.name));
    default: throw Error(Code::kInvalid, fmt::format("{} is not an operation", change.config_operation));
  }
}

template <typename Request, typename Response, typename Change>
awaitable<void> alter_all(Call& call, Change change) {
  const auto request = call.read<Request>();
  const size_t batch_bytes_max = call.broker.options.limits.batch_bytes_max;
  Response response;
  for (const auto& resource : request.resources) {
    auto& answer = response.responses.emplace_back();
    answer.resource_type = resource.resource_type;
    answer.resource_name = resource.resource_name;
    set(answer, co_await alter(call, resource, request.validate_only,
                               [&](TopicConfig& config) { change(config, resource.configs, batch_bytes_max); }));
  }
  call.write(response);
}

}  // namespace

awaitable<void> answer_describe_configs(Call& call) {
  auto request = call.read<DescribeConfigsRequest>();
  keep_each_once(request.resources, [](const auto& each) { return std::pair(each.resource_type, each.resource_name); });
  DescribeConfigsResponse response;
  const size_t batch_bytes_max = call.broker.options.limits.batch_bytes_max;
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
      settings = settings_of(*config, batch_bytes_max);
    } else if (resource.resource_type == kBroker) {
      // Empty for the default of all brokers.
      if (!resource.resource_name.empty() && resource.resource_name != std::to_string(kNodeId)) {
        set(result, {ErrorCode::kInvalidRequest, fmt::format("there is one broker, number {}", kNodeId)});
        continue;
      }
      settings = settings_of(TopicConfig{}, batch_bytes_max);
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

// All settings that are not named go back to their defaults.
awaitable<void> answer_alter_configs(Call& call) {
  return alter_all<AlterConfigsRequest, AlterConfigsResponse>(
      call, [](TopicConfig& config, const auto& changes, size_t batch_bytes_max) {
        config = TopicConfig{.partitions = config.partitions};
        for (const auto& change : changes) change_setting(config, change.name, change.value, batch_bytes_max);
      });
}

awaitable<void> answer_incremental_alter_configs(Call& call) {
  return alter_all<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>(
      call, [](TopicConfig& config, const auto& changes, size_t batch_bytes_max) {
        for (const auto& change : changes) change_incrementally(config, change, batch_bytes_max);
      });
}

}  // namespace headrace::kafka
