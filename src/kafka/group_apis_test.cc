// What clients are told about groups: no more than there is, however they ask.
#include "kafka/messages/consumer_group_describe.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_fetch.h"
#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

class GroupApis : public testing::Test {
 protected:
  GroupApis() {
    broker.log().create("t", {.partitions = 2});
    OffsetCommitRequest request;
    request.group_id = "g";
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    for (PartitionId i = 0; i < 2; ++i) {
      auto& partition = topic.partitions.emplace_back();
      partition.index = i;
      partition.committed_offset = 10 + i;
    }
    broker.ask<OffsetCommitResponse>(answer_offset_commit, request);
  }

  TestingBroker broker;
};

TEST_F(GroupApis, AGroupThatIsNamedManyTimesIsDescribedOnce) {
  DescribeGroupsRequest classic;
  classic.groups = {"g", "g", "other", "g"};
  EXPECT_EQ(broker.ask<DescribeGroupsResponse>(answer_describe_groups, classic).groups.size(), 2U);
  ConsumerGroupDescribeRequest consumers;
  consumers.group_ids = {"g", "g", "other", "g"};
  EXPECT_EQ(broker.ask<ConsumerGroupDescribeResponse>(answer_consumer_group_describe, consumers).groups.size(), 2U);
  OffsetFetchRequest offsets;
  for (const char* group : {"g", "g", "other", "g"}) offsets.groups.emplace_back().group_id = group;
  const auto fetched = broker.ask<OffsetFetchResponse>(answer_offset_fetch, offsets);
  ASSERT_EQ(fetched.groups.size(), 2U);
  ASSERT_EQ(fetched.groups[0].topics.size(), 1U);
  EXPECT_EQ(fetched.groups[0].topics[0].partitions.size(), 2U);
}

TEST_F(GroupApis, AnOffsetThatIsAskedForManyTimesIsToldOnce) {
  OffsetFetchRequest request;
  auto& group = request.groups.emplace_back();
  group.group_id = "g";
  auto& topics = group.topics.emplace();
  for (int i = 0; i < 2; ++i) {
    auto& topic = topics.emplace_back();
    topic.name = "t";
    topic.partition_indexes = {1, i, 1, 0};
  }
  const auto fetched = broker.ask<OffsetFetchResponse>(answer_offset_fetch, request).groups.at(0).topics;
  ASSERT_EQ(fetched.size(), 1U);
  ASSERT_EQ(fetched[0].partitions.size(), 2U);
  EXPECT_EQ(fetched[0].partitions[0].committed_offset, 11);
  EXPECT_EQ(fetched[0].partitions[1].committed_offset, 10);
}

}  // namespace
}  // namespace headrace::kafka
