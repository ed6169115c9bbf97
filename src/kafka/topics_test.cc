// Making, removing and widening topics, from the request to the log.
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

class Topics : public testing::Test {
 protected:
  using Configs = std::vector<std::pair<std::string, std::string>>;

  ErrorCode create(const std::string& name, int32_t partitions, int16_t replicas = 1, const Configs& configs = {},
                   bool only_check = false) {
    CreateTopicsRequest request;
    request.validate_only = only_check;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = replicas;
    for (const auto& [key, value] : configs) {
      auto& config = topic.configs.emplace_back();
      config.name = key;
      config.value = value;
    }
    const auto response = broker.ask<CreateTopicsResponse>(answer_create_topics, request);
    EXPECT_EQ(response.topics.at(0).name, name);
    return ErrorCode{response.topics.at(0).error_code};
  }
  ErrorCode remove(const std::string& name) {
    DeleteTopicsRequest request;
    request.topics.emplace_back().name = name;
    return ErrorCode{broker.ask<DeleteTopicsResponse>(answer_delete_topics, request).responses.at(0).error_code};
  }
  ErrorCode widen(const std::string& name, int32_t count, bool only_check = false) {
    CreatePartitionsRequest request;
    request.validate_only = only_check;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.count = count;
    return ErrorCode{broker.ask<CreatePartitionsResponse>(answer_create_partitions, request).results.at(0).error_code};
  }
  std::optional<TopicConfig> find(const std::string& name) {
    return broker.log().run([&] { return broker.log().log().find(name); });
  }

  TestingBroker broker;
};

TEST_F(Topics, AreMadeWithTheirSettingsWidenedAndRemoved) {
  EXPECT_EQ(create("t", 2, 1, {{"retention.ms", "1000"}, {"cleanup.policy", "compact"}}), ErrorCode::kNone);
  EXPECT_EQ(find("t")->partitions, 2);
  EXPECT_EQ(find("t")->retention_ms, 1000);
  EXPECT_TRUE(find("t")->compact);
  EXPECT_EQ(widen("t", 5), ErrorCode::kNone);
  EXPECT_EQ(find("t")->partitions, 5);
  EXPECT_EQ(remove("t"), ErrorCode::kNone);
  EXPECT_FALSE(find("t"));
}

TEST_F(Topics, WhatIsLeftToTheServerIsItsDefault) {
  broker.options().partitions_default = 3;
  EXPECT_EQ(create("t", -1, -1), ErrorCode::kNone);
  EXPECT_EQ(find("t")->partitions, 3);
}

TEST_F(Topics, OnlyCheckingMakesNothing) {
  EXPECT_EQ(create("t", 1, 1, {}, true), ErrorCode::kNone);
  EXPECT_FALSE(find("t"));
  EXPECT_EQ(create("t", 1, 3, {}, true), ErrorCode::kInvalidReplicationFactor);
  create("t", 1);
  EXPECT_EQ(widen("t", 2, true), ErrorCode::kNone);
  EXPECT_EQ(find("t")->partitions, 1);
}

TEST_F(Topics, WhatCannotBeIsRefusedWithKafkasErrors) {
  EXPECT_EQ(create("a b", 1), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(create("_own", 1), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(create("t", 0), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(create("t", kPartitionsMax + 1), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(create("t", 1, 2), ErrorCode::kInvalidReplicationFactor);
  EXPECT_EQ(create("t", 1, 1, {{"retention.ms", "soon"}}), ErrorCode::kInvalidConfig);
  EXPECT_EQ(create("t", 1), ErrorCode::kNone);
  EXPECT_EQ(create("t", 1), ErrorCode::kTopicAlreadyExists);
  EXPECT_EQ(widen("t", 1), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(widen("nothing", 2), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(remove("nothing"), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(remove("_groups"), ErrorCode::kTopicAuthorizationFailed);
  broker.options().limits.topics_max = 1;
  EXPECT_EQ(create("more", 1), ErrorCode::kPolicyViolation);
}

TEST_F(Topics, AnAssignmentNamesTheOneBroker) {
  CreateTopicsRequest request;
  for (const int32_t id : {kNodeId, kNodeId + 1}) {
    auto& topic = request.topics.emplace_back();
    topic.name = id == kNodeId ? "good" : "bad";
    topic.num_partitions = topic.replication_factor = -1;
    topic.assignments.push_back({0, {id}});
    topic.assignments.push_back({1, {id}});
  }
  const auto response = broker.ask<CreateTopicsResponse>(answer_create_topics, request);
  EXPECT_EQ(response.topics.at(0).num_partitions, 2);
  EXPECT_EQ(ErrorCode{response.topics.at(1).error_code}, ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(find("good")->partitions, 2);
}

TEST_F(Topics, ATopicTwiceInARequestIsMadeNever) {
  CreateTopicsRequest request;
  for (const char* name : {"a", "b", "a"}) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = topic.replication_factor = 1;
  }
  const auto response = broker.ask<CreateTopicsResponse>(answer_create_topics, request);
  ASSERT_EQ(response.topics.size(), 2U);
  EXPECT_EQ(ErrorCode{response.topics[0].error_code}, ErrorCode::kInvalidRequest);
  EXPECT_EQ(ErrorCode{response.topics[1].error_code}, ErrorCode::kNone);
  EXPECT_FALSE(find("a"));
  EXPECT_TRUE(find("b"));
}

TEST_F(Topics, WhatBelongsToSqlIsChangedThroughSql) {
  broker.sql("CREATE STREAM s (a text) WITH (partitions = 2) FORMAT JSON;");
  EXPECT_EQ(remove("s"), ErrorCode::kPolicyViolation);
  EXPECT_EQ(widen("s", 3), ErrorCode::kPolicyViolation);
  EXPECT_EQ(find("s")->partitions, 2);
}

TEST_F(Topics, WhenOneGoesItsCommittedOffsetsGoToo) {
  create("t", 1);
  const auto committed = [&] {
    const auto result = broker.log().run([&] {
      return broker.groups().fetch_offsets({.group = "g", .topics = std::vector<TopicPartitions>{{"t", {0}}}});
    });
    return result.topics.at(0).partitions.at(0).offset;
  };
  broker.log().run([&] {
    return broker.groups().commit({.group = "g",
                                   .generation = kNoGeneration,
                                   .member_id = {},
                                   .instance_id = {},
                                   .retention_ms = -1,
                                   .topics = {{"t", {{0, 5, 0, ""}}}}});
  });
  EXPECT_EQ(committed(), 5);
  remove("t");
  EXPECT_EQ(committed(), -1);
}

}  // namespace
}  // namespace headrace::kafka
