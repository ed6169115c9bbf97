// The settings of topics, shown and changed.
#include <map>

#include "kafka/messages/alter_configs.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/incremental_alter_configs.h"
#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

constexpr int8_t kTopic = 2;
constexpr int8_t kBroker = 4;
constexpr int8_t kSet = 0;
constexpr int8_t kDelete = 1;
constexpr int8_t kAppend = 2;

class Configs : public testing::Test {
 protected:
  using Values = std::vector<std::pair<std::string, std::optional<std::string>>>;

  Configs() { broker.log().create("t", {.retention_ms = 1000}); }

  DescribeConfigsResponse::Result describe(const std::string& name, int8_t type = kTopic,
                                           const std::vector<std::string_view>& keys = {}) {
    DescribeConfigsRequest request;
    request.include_synonyms = true;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = name;
    if (!keys.empty()) resource.configuration_keys = keys;
    return broker.ask<DescribeConfigsResponse>(answer_describe_configs, request).results.at(0);
  }
  std::vector<std::string> names_of(const std::vector<std::pair<int8_t, std::string>>& asked) {
    DescribeConfigsRequest request;
    for (const auto& [type, name] : asked) {
      auto& resource = request.resources.emplace_back();
      resource.resource_type = type;
      resource.resource_name = name;
    }
    std::vector<std::string> names;
    for (auto& each : broker.ask<DescribeConfigsResponse>(answer_describe_configs, request).results)
      names.push_back(each.resource_name);
    return names;
  }
  ErrorCode alter(const std::string& topic, const Values& values, bool only_check = false) {
    AlterConfigsRequest request;
    request.validate_only = only_check;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = kTopic;
    resource.resource_name = topic;
    for (const auto& [name, value] : values) {
      auto& config = resource.configs.emplace_back();
      config.name = name;
      config.value = value;
    }
    return ErrorCode{broker.ask<AlterConfigsResponse>(answer_alter_configs, request).responses.at(0).error_code};
  }
  ErrorCode change(const std::string& name, int8_t operation, const std::optional<std::string>& value,
                   const std::string& topic = "t", int8_t type = kTopic) {
    IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = topic;
    auto& config = resource.configs.emplace_back();
    config.name = name;
    config.config_operation = operation;
    config.value = value;
    const auto response = broker.ask<IncrementalAlterConfigsResponse>(answer_incremental_alter_configs, request);
    return ErrorCode{response.responses.at(0).error_code};
  }
  TopicConfig config() {
    return broker.log().run([&] { return broker.log().log().find("t"); }).value();
  }

  TestingBroker broker;
};

TEST_F(Configs, WhatIsNamedManyTimesIsDescribedOnce) {
  EXPECT_EQ(names_of({{kTopic, "t"}, {kBroker, "1"}, {kTopic, "t"}, {kTopic, "1"}, {kBroker, "1"}}),
            (std::vector<std::string>{"t", "1", "1"}));
  EXPECT_EQ(ErrorCode{describe("2", kBroker).error_code}, ErrorCode::kInvalidRequest) << "there is only number 1";
  EXPECT_TRUE(describe("2", kBroker).configs.empty());
}

TEST_F(Configs, AreShownWithWhereTheyComeFrom) {
  std::map<std::string, DescribeConfigsResponse::Result::Config> shown;
  for (const auto& each : describe("t").configs) shown[each.name] = each;
  EXPECT_EQ(shown.at("retention.ms").value, "1000");
  EXPECT_EQ(shown.at("retention.ms").config_source, 1) << "the topic's";
  EXPECT_EQ(shown.at("retention.bytes").config_source, 5) << "a default";
  EXPECT_FALSE(shown.at("retention.bytes").read_only);
  EXPECT_TRUE(shown.at("max.message.bytes").read_only);
  EXPECT_EQ(shown.at("retention.ms").synonyms.at(0).value, "1000");
  const auto some = describe("t", kTopic, {"cleanup.policy"}).configs;
  ASSERT_EQ(some.size(), 1U);
  EXPECT_EQ(some[0].value, "delete");
  EXPECT_FALSE(describe("1", kBroker).configs.empty());
  EXPECT_EQ(ErrorCode{describe("nothing").error_code}, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(ErrorCode{describe("t", 9).error_code}, ErrorCode::kInvalidRequest);
}

TEST_F(Configs, WhatAlterDoesNotNameGoesBackToItsDefault) {
  EXPECT_EQ(alter("t", {{"retention.bytes", "5000"}}, true), ErrorCode::kNone);
  EXPECT_EQ(config().retention_bytes, -1);
  EXPECT_EQ(alter("t", {{"retention.bytes", "5000"}}), ErrorCode::kNone);
  EXPECT_EQ(config().retention_bytes, 5000);
  EXPECT_EQ(config().retention_ms, -1);
}

TEST_F(Configs, AnIncrementalChangeChangesWhatItNames) {
  EXPECT_EQ(change("cleanup.policy", kSet, "compact"), ErrorCode::kNone);
  EXPECT_TRUE(config().compact);
  EXPECT_EQ(config().retention_ms, 1000);
  EXPECT_EQ(change("retention.ms", kDelete, std::nullopt), ErrorCode::kNone);
  EXPECT_EQ(config().retention_ms, -1);
  EXPECT_TRUE(config().compact);
}

TEST_F(Configs, WhatCannotBeIsRefusedAndChangesNothing) {
  const TopicConfig before = config();
  EXPECT_EQ(change("cleanup.policy", kAppend, "compact"), ErrorCode::kInvalidConfig);
  EXPECT_EQ(change("retention.ms", kSet, std::nullopt), ErrorCode::kInvalidConfig);
  EXPECT_EQ(change("retention.ms", kSet, "soon"), ErrorCode::kInvalidConfig);
  EXPECT_EQ(change("no.such.setting", kSet, "1"), ErrorCode::kInvalidConfig);
  EXPECT_EQ(change("min.insync.replicas", kSet, "2"), ErrorCode::kInvalidConfig);
  EXPECT_EQ(change("min.insync.replicas", kSet, "1"), ErrorCode::kNone) << "as it is";
  EXPECT_EQ(change("retention.ms", 7, "1"), ErrorCode::kInvalidConfig);
  EXPECT_EQ(change("retention.ms", kSet, "1", "nothing"), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(change("retention.ms", kSet, "1", "_groups"), ErrorCode::kTopicAuthorizationFailed);
  EXPECT_EQ(change("retention.ms", kSet, "1", "1", kBroker), ErrorCode::kInvalidRequest);
  EXPECT_EQ(alter("t", {{"retention.ms", "1"}, {"no.such.setting", "1"}}), ErrorCode::kInvalidConfig);
  broker.sql("CREATE STREAM s (a text) FORMAT JSON;");
  EXPECT_EQ(change("retention.ms", kSet, "1", "s"), ErrorCode::kPolicyViolation);
  EXPECT_EQ(config(), before);
}

}  // namespace
}  // namespace headrace::kafka
