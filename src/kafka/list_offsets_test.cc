// Offsets by time, and the ends of epochs.
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/offset_for_leader_epoch.h"
#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

using Found = ListOffsetsResponse::Topic::Partition;

class OffsetsByTime : public testing::Test {
 protected:
  OffsetsByTime() {
    broker.log().create("t", {});
    for (const int64_t timestamp : {1000, 3000, 2000}) broker.log().append_at("t", 0, timestamp, "v");
  }
  Found find(int64_t timestamp, PartitionId partition = 0, const std::string& topic = "t") {
    ListOffsetsRequest request;
    auto& asked = request.topics.emplace_back();
    asked.name = topic;
    auto& one = asked.partitions.emplace_back();
    one.index = partition;
    one.timestamp = timestamp;
    return broker.ask<ListOffsetsResponse>(answer_list_offsets, request).topics.at(0).partitions.at(0);
  }

  TestingBroker broker;
};

TEST_F(OffsetsByTime, TheEarliestAndTheLatest) {
  EXPECT_EQ(find(-2).offset, 0);
  EXPECT_EQ(find(-1).offset, 3);
  EXPECT_EQ(find(-1).timestamp, -1);
  broker.delete_before("t", 0, Offset{2});
  EXPECT_EQ(find(-2).offset, 2);
}

TEST_F(OffsetsByTime, TheFirstRecordThatIsNotOlder) {
  EXPECT_EQ(find(0).offset, 0);
  EXPECT_EQ(find(0).timestamp, 1000);
  EXPECT_EQ(find(1000).offset, 0);
  EXPECT_EQ(find(1001).offset, 1);
  EXPECT_EQ(find(2500).timestamp, 3000);
  EXPECT_EQ(find(3001).offset, -1) << "none is that young";
  EXPECT_EQ(ErrorCode{find(3001).error_code}, ErrorCode::kNone);
}

TEST_F(OffsetsByTime, WhatIsNotServedOrNotThereIsAnError) {
  EXPECT_EQ(ErrorCode{find(-3).error_code}, ErrorCode::kUnsupportedForMessageFormat);
  EXPECT_EQ(ErrorCode{find(-9).error_code}, ErrorCode::kInvalidRequest);
  EXPECT_EQ(ErrorCode{find(-1, 1).error_code}, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(ErrorCode{find(-1, 0, "nothing").error_code}, ErrorCode::kUnknownTopicOrPartition);
}

TEST_F(OffsetsByTime, ThereIsOneEpochAndItsEndIsTheLogs) {
  OffsetForLeaderEpochRequest request;
  auto& asked = request.topics.emplace_back();
  asked.name = "t";
  for (const int32_t epoch : {kLeaderEpoch, kLeaderEpoch + 1}) {
    auto& one = asked.partitions.emplace_back();
    one.index = 0;
    one.leader_epoch = epoch;
  }
  const auto found =
      broker.ask<OffsetForLeaderEpochResponse>(answer_offset_for_leader_epoch, request).topics.at(0).partitions;
  EXPECT_EQ(found.at(0).end_offset, 3);
  EXPECT_EQ(found.at(0).leader_epoch, kLeaderEpoch);
  EXPECT_EQ(found.at(1).end_offset, -1);
}

}  // namespace
}  // namespace headrace::kafka
