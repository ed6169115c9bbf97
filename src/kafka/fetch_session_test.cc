#include "kafka/fetch_session.h"

#include <gtest/gtest.h>

#include "schema/types.h"

namespace headrace::kafka {
namespace {

using Found = FetchResponse::Topic::Partition;

FetchRequest request(int32_t session, int32_t epoch, std::vector<std::pair<PartitionId, int64_t>> partitions,
                     std::vector<PartitionId> forgotten = {}) {
  FetchRequest request;
  request.session_id = session;
  request.session_epoch = epoch;
  if (!partitions.empty()) {
    auto& topic = request.topics.emplace_back();
    topic.name = "scans";
    for (const auto& [index, offset] : partitions) {
      auto& partition = topic.partitions.emplace_back();
      partition.index = index;
      partition.fetch_offset = offset;
      partition.partition_max_bytes = 1000;
    }
  }
  if (!forgotten.empty()) {
    auto& topic = request.forgotten_topics.emplace_back();
    topic.name = "scans";
    topic.partitions = std::move(forgotten);
  }
  return request;
}

Found found(PartitionId index, int64_t high_watermark, const char* records = "", int16_t error = 0) {
  Found found;
  found.index = index;
  found.high_watermark = high_watermark;
  found.records = records;
  found.error_code = error;
  return found;
}

std::vector<PartitionId> partitions_of(const FetchPlan& plan) {
  std::vector<PartitionId> partitions;
  for (const FetchPosition& position : plan.positions) partitions.push_back(position.partition);
  return partitions;
}

using Partitions = std::vector<PartitionId>;

TEST(FetchSession, WithoutOneEveryRequestNamesItsPartitions) {
  size_t room = 10;
  FetchSession session(room);
  const FetchPlan plan = session.plan(request(0, -1, {{0, 5}, {1, 7}}));
  EXPECT_EQ(plan.error, ErrorCode::kNone);
  EXPECT_EQ(plan.session, 0);
  EXPECT_FALSE(plan.only_news);
  ASSERT_EQ(partitions_of(plan), Partitions({0, 1}));
  EXPECT_EQ(plan.positions[1].from, Offset{7});
  EXPECT_EQ(room, 10U);
}

TEST(FetchSession, RequestsNameOnlyWhatChanges) {
  size_t room = 10;
  FetchSession session(room);
  const int32_t id = session.plan(request(0, 0, {{0, 5}, {1, 7}, {2, 9}})).session;
  ASSERT_GT(id, 0);
  EXPECT_EQ(room, 7U);
  const FetchPlan same = session.plan(request(id, 1, {}));
  EXPECT_TRUE(same.only_news);
  EXPECT_EQ(partitions_of(same), Partitions({0, 1, 2}));
  const FetchPlan changed = session.plan(request(id, 2, {{1, 8}, {3, 0}}, {0, 9}));
  EXPECT_EQ(partitions_of(changed), Partitions({1, 2, 3}));
  EXPECT_EQ(changed.positions[0].from, Offset{8});
  EXPECT_EQ(session.plan(request(id, -1, {{4, 0}})).session, 0) << "that ends it";
  EXPECT_EQ(room, 10U);
  EXPECT_EQ(session.plan(request(id, 3, {})).error, ErrorCode::kFetchSessionIdNotFound);
}

TEST(FetchSession, AnswersHaveOnlyNews) {
  size_t room = 10;
  FetchSession session(room);
  const int32_t id = session.plan(request(0, 0, {{0, 5}, {1, 7}})).session;
  EXPECT_TRUE(session.tell(id, "scans", found(0, 100)));
  EXPECT_TRUE(session.tell(id, "scans", found(1, 7)));
  session.plan(request(id, 1, {}));
  EXPECT_FALSE(session.tell(id, "scans", found(0, 100)));
  EXPECT_TRUE(session.tell(id, "scans", found(1, 8))) << "its end moved";
  EXPECT_TRUE(session.tell(id, "scans", found(0, 100, "records")));
  EXPECT_TRUE(session.tell(id, "scans", found(0, -1, "", 3)));
  EXPECT_TRUE(session.tell(id, "scans", found(0, -1, "", 3))) << "an error is told each time";
}

TEST(FetchSession, WhoGotRecordsComesLast) {
  size_t room = 10;
  FetchSession session(room);
  const int32_t id = session.plan(request(0, 0, {{0, 0}, {1, 0}, {2, 0}})).session;
  session.tell(id, "scans", found(0, 10, "records"));
  session.tell(id, "scans", found(1, 10));
  EXPECT_EQ(partitions_of(session.plan(request(id, 1, {}))), Partitions({1, 2, 0}));
  session.tell(id, "scans", found(2, 10, "records"));
  EXPECT_EQ(partitions_of(session.plan(request(id, 2, {}))), Partitions({0, 1, 2}));
}

TEST(FetchSession, RefusesWhatIsNotNext) {
  size_t room = 10;
  FetchSession session(room);
  EXPECT_EQ(session.plan(request(5, 1, {})).error, ErrorCode::kFetchSessionIdNotFound);
  const int32_t id = session.plan(request(0, 0, {{0, 0}})).session;
  EXPECT_EQ(session.plan(request(id, 2, {})).error, ErrorCode::kInvalidFetchSessionEpoch);
  EXPECT_EQ(session.plan(request(id + 1, 1, {})).error, ErrorCode::kFetchSessionIdNotFound);
  EXPECT_EQ(session.plan(request(id, 1, {})).error, ErrorCode::kNone);
}

TEST(FetchSession, WhatCannotBeATopicIsNotRemembered) {
  size_t room = 10;
  FetchSession session(room);
  const std::string endless(kNameBytesMax + 1, 'x');
  FetchRequest odd = request(0, 0, {{0, 5}, {1, 7}});
  odd.topics.push_back(odd.topics[0]);
  odd.topics[1].name = endless;
  const FetchPlan plan = session.plan(odd);
  EXPECT_EQ(plan.session, 0) << "served, without a session";
  EXPECT_EQ(partitions_of(plan), Partitions({0, 1, 0, 1}));
  const int32_t id = session.plan(request(0, 0, {{0, 5}})).session;
  EXPECT_EQ(room, 9U);
  odd = request(id, 1, {{1, 7}});
  odd.topics[0].name = endless;
  EXPECT_EQ(session.plan(odd).error, ErrorCode::kFetchSessionIdNotFound);
  EXPECT_EQ(room, 10U);
}

TEST(FetchSession, RoomIsBoundedAndGivenBack) {
  size_t room = 2;
  {
    FetchSession session(room);
    const FetchPlan plan = session.plan(request(0, 0, {{0, 0}, {1, 0}, {2, 0}}));
    EXPECT_EQ(plan.session, 0) << "served, without a session";
    EXPECT_EQ(partitions_of(plan), Partitions({0, 1, 2}));
    EXPECT_EQ(room, 2U);
    const int32_t id = session.plan(request(0, 0, {{0, 0}, {1, 0}})).session;
    EXPECT_GT(id, 0);
    EXPECT_EQ(session.plan(request(id, 1, {{2, 0}})).error, ErrorCode::kFetchSessionIdNotFound);
    EXPECT_GT(session.plan(request(0, 0, {{0, 0}})).session, 0);
    EXPECT_EQ(room, 1U);
  }
  EXPECT_EQ(room, 2U);
}

}  // namespace
}  // namespace headrace::kafka
