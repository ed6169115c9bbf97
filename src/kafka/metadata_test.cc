// What clients are told about the cluster and its topics.
#include "kafka/messages/metadata.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

class MetadataCalls : public testing::Test {
 protected:
  MetadataResponse ask(const std::vector<std::string>& topics, bool create = false, int16_t version = 12) {
    MetadataRequest request;
    request.allow_auto_topic_creation = create;
    request.topics.emplace();
    for (const std::string& name : topics) request.topics->emplace_back().name = name;
    return broker.ask<MetadataResponse>(answer_metadata, request, version);
  }
  ErrorCode error_of(const std::string& topic, bool create = false, int16_t version = 12) {
    return ErrorCode{ask({topic}, create, version).topics.at(0).error_code};
  }
  bool exists(const std::string& topic) {
    return broker.log().run([&] { return broker.log().log().find(topic); }).has_value();
  }

  TestingBroker broker;
};

TEST_F(MetadataCalls, OneBrokerLeadsEveryPartitionWhereTheClientConnected) {
  broker.log().create("t", {.partitions = 3});
  const MetadataResponse response = ask({"t"});
  ASSERT_EQ(response.brokers.size(), 1U);
  EXPECT_EQ(response.brokers[0].node_id, kNodeId);
  EXPECT_EQ(response.brokers[0].host, "127.0.0.1");
  EXPECT_EQ(response.brokers[0].port, 9092);
  EXPECT_EQ(response.controller_id, kNodeId);
  ASSERT_EQ(response.topics.at(0).partitions.size(), 3U);
  for (const auto& partition : response.topics[0].partitions) {
    EXPECT_EQ(partition.leader_id, kNodeId);
    EXPECT_EQ(partition.isr_nodes, std::vector<int32_t>{kNodeId});
  }
}

TEST_F(MetadataCalls, ATopicThatIsNamedManyTimesIsDescribedOnce) {
  broker.log().create("t", {.partitions = 3});
  const MetadataResponse response = ask({"t", "nothing", "t", "nothing", "t"});
  ASSERT_EQ(response.topics.size(), 2U);
  EXPECT_EQ(response.topics[0].partitions.size(), 3U);
  EXPECT_EQ(response.topics[1].name, "nothing");
  MetadataRequest by_id;
  by_id.topics.emplace();
  for (int i = 0; i < 3; ++i) by_id.topics->emplace_back().topic_id = response.topics[0].topic_id;
  EXPECT_EQ(broker.ask<MetadataResponse>(answer_metadata, by_id).topics.size(), 1U);
}

TEST_F(MetadataCalls, AllTopicsAreThoseThatThereAre) {
  broker.log().create("t", {});
  MetadataRequest request;
  request.topics.reset();
  const auto response = broker.ask<MetadataResponse>(answer_metadata, request);
  std::map<std::string, bool> internal;
  for (const auto& topic : response.topics) internal[topic.name.value()] = topic.is_internal;
  EXPECT_FALSE(internal.at("t"));
  EXPECT_TRUE(internal.at("_groups"));
  // In version 0, none means all.
  EXPECT_EQ(ask({}, false, 0).topics.size(), response.topics.size());
  EXPECT_TRUE(ask({}).topics.empty());
}

TEST_F(MetadataCalls, ATopicIsMadeAtItsFirstUseIfTheClientAndTheServerAllowIt) {
  EXPECT_EQ(error_of("a"), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_FALSE(exists("a"));
  broker.options().partitions_default = 2;
  EXPECT_EQ(error_of("a", true), ErrorCode::kNone);
  EXPECT_EQ(ask({"a"}).topics.at(0).partitions.size(), 2U);
  EXPECT_EQ(error_of("old", false, 1), ErrorCode::kNone) << "before version 4 a client could not say";
  broker.options().create_topics = false;
  EXPECT_EQ(error_of("b", true), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_FALSE(exists("b"));
}

TEST_F(MetadataCalls, WhatCannotBeATopicIsNotMade) {
  EXPECT_EQ(error_of("a b", true), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(error_of("_own", true), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_FALSE(exists("_own"));
  broker.options().limits.topics_max = 0;
  EXPECT_NE(error_of("more", true), ErrorCode::kNone);
  EXPECT_FALSE(exists("more"));
}

TEST_F(MetadataCalls, TheClusterIsOneBroker) {
  const auto response = broker.ask<DescribeClusterResponse>(answer_describe_cluster, DescribeClusterRequest{});
  EXPECT_EQ(response.cluster_id, kClusterId);
  EXPECT_EQ(response.controller_id, kNodeId);
  ASSERT_EQ(response.brokers.size(), 1U);
  EXPECT_EQ(response.brokers[0].port, 9092);
}

}  // namespace
}  // namespace headrace::kafka
