// What consumers get: whole batches from their offsets on, within their limits, at once or when there is news.
#include "kafka/messages/fetch.h"

#include <future>

#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

using namespace std::chrono_literals;

using Partition = FetchResponse::Topic::Partition;

struct Asked {
  PartitionId partition = 0;
  int64_t offset = 0;
  int32_t bytes_max = 1 << 20;
};

class Fetch : public testing::Test {
 protected:
  Fetch() { broker.log().create("t", {.partitions = 3}); }

  static FetchRequest request(const std::vector<Asked>& partitions, std::string_view topic = "t") {
    FetchRequest request;
    auto& asked = request.topics.emplace_back();
    asked.name = topic;
    for (const Asked& each : partitions) {
      auto& partition = asked.partitions.emplace_back();
      partition.index = each.partition;
      partition.fetch_offset = each.offset;
      partition.partition_max_bytes = each.bytes_max;
    }
    return request;
  }
  FetchResponse fetch(const FetchRequest& asked) { return broker.ask<FetchResponse>(answer_fetch, asked); }
  Partition one(const Asked& asked, std::string_view topic = "t") {
    return fetch(request({asked}, topic)).topics.at(0).partitions.at(0);
  }
  static std::vector<std::string> values(const Partition& partition) {
    std::vector<std::string> values;
    std::string scratch;
    for (std::string_view rest = partition.records.value_or("").bytes(); !rest.empty();) {
      const BatchHeader header = verify_batch(rest);
      for_each_record(rest.substr(0, header.bytes()), scratch, [&](const Record& record) {
        values.emplace_back(*record.value);
        return true;
      });
      rest.remove_prefix(header.bytes());
    }
    return values;
  }
  using Values = std::vector<std::string>;

  TestingBroker broker;
};

TEST_F(Fetch, BatchesFromTheOffsetOn) {
  for (const char* value : {"a", "b", "c"}) broker.log().append("t", 0, value);
  const Partition found = one({.offset = 1});
  EXPECT_EQ(values(found), (Values{"b", "c"}));
  EXPECT_EQ(found.high_watermark, 3);
  EXPECT_EQ(found.last_stable_offset, 3);
  EXPECT_EQ(found.log_start_offset, 0);
  EXPECT_TRUE(values(one({.offset = 3})).empty());
}

TEST_F(Fetch, AnOffsetInMidBatchGetsItsBatch) {
  broker.log().append_bytes("t", 0, batch_of({"a", "b", "c"}));
  EXPECT_EQ(values(one({.offset = 2})), (Values{"a", "b", "c"}));
}

TEST_F(Fetch, ErrorsConcernTheirPartitionOnly) {
  broker.log().append("t", 1, "b");
  const auto found = fetch(request({{.offset = 5}, {.partition = 1}, {.partition = 9}})).topics.at(0).partitions;
  EXPECT_EQ(ErrorCode{found.at(0).error_code}, ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(values(found.at(1)), Values{"b"});
  EXPECT_EQ(ErrorCode{found.at(2).error_code}, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(ErrorCode{one({}, "nothing").error_code}, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(ErrorCode{one({}, std::string(30'000, 'x')).error_code}, ErrorCode::kUnknownTopicOrPartition);
}

TEST_F(Fetch, WhatWasDeletedIsOutOfRange) {
  for (const char* value : {"a", "b"}) broker.log().append("t", 0, value);
  broker.delete_before("t", 0, Offset{1});
  EXPECT_EQ(ErrorCode{one({.offset = 0}).error_code}, ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(one({.offset = 1}).log_start_offset, 1);
}

TEST_F(Fetch, TheLimitsHoldButForABatch) {
  const std::string large(10'000, 'x');
  for (int i = 0; i < 10; ++i) {
    broker.log().append("t", 0, large);
    broker.log().append("t", 1, large);
  }
  EXPECT_EQ(values(one({.bytes_max = 1})).size(), 1U);
  const size_t some = values(one({.bytes_max = 25'000})).size();
  EXPECT_GE(some, 2U);
  EXPECT_LE(some, 3U);
  FetchRequest asked = request({{.partition = 0}, {.partition = 1}});
  asked.max_bytes = 15'000;
  const auto found = fetch(asked).topics.at(0).partitions;
  EXPECT_LE(values(found.at(0)).size(), 2U);
  EXPECT_LE(values(found.at(0)).size() + values(found.at(1)).size(), 3U);
}

TEST_F(Fetch, WithoutNewsItWaitsAsLongAsTheClientLikes) {
  FetchRequest asked = request({{}});
  asked.max_wait_ms = 500;
  asked.min_bytes = 1;
  std::future<FetchResponse> waiting =
      std::async(std::launch::async, [&] { return broker.ask<FetchResponse>(answer_fetch, asked); });
  while (waiting.wait_for(0s) != std::future_status::ready) broker.log().time().advance(50ms);
  EXPECT_TRUE(values(waiting.get().topics.at(0).partitions.at(0)).empty());
  EXPECT_GE(broker.log().time().steady(), SteadyTime(500ms));
}

TEST_F(Fetch, NewsEndsTheWaiting) {
  FetchRequest asked = request({{.partition = 0}, {.partition = 2}});
  asked.max_wait_ms = 50'000;
  asked.min_bytes = 1;
  std::future<FetchResponse> waiting =
      std::async(std::launch::async, [&] { return broker.ask<FetchResponse>(answer_fetch, asked); });
  broker.log().append("t", 2, "news");
  EXPECT_EQ(values(waiting.get().topics.at(0).partitions.at(1)), Values{"news"});
  EXPECT_LT(broker.log().time().steady(), SteadyTime(50s));
}

TEST_F(Fetch, LessThanTheClientWantsIsWaitedWith) {
  broker.log().append("t", 0, "a");
  FetchRequest asked = request({{.partition = 0}});
  asked.max_wait_ms = 500;
  asked.min_bytes = 100'000;
  const SteadyTime asked_at = broker.log().time().steady();
  std::future<FetchResponse> waiting =
      std::async(std::launch::async, [&] { return broker.ask<FetchResponse>(answer_fetch, asked); });
  while (waiting.wait_for(0s) != std::future_status::ready) broker.log().time().advance(50ms);
  EXPECT_EQ(values(waiting.get().topics.at(0).partitions.at(0)), Values{"a"});
  EXPECT_GE(broker.log().time().steady(), asked_at + 500ms);
}

TEST_F(Fetch, WhatASmallPartitionGetsEndsTheWaiting) {
  broker.log().append("t", 0, "a");
  broker.log().append("t", 1, "b");
  FetchRequest asked = request({{.partition = 0}, {.partition = 1}});
  asked.max_wait_ms = 50'000;
  asked.min_bytes = 10'000;
  std::future<FetchResponse> waiting =
      std::async(std::launch::async, [&] { return broker.ask<FetchResponse>(answer_fetch, asked); });
  const std::string large(10'000, 'x');
  broker.log().append("t", 0, large);
  EXPECT_EQ(values(waiting.get().topics.at(0).partitions.at(0)), (Values{"a", large}));
  EXPECT_LT(broker.log().time().steady(), SteadyTime(50s));
}

TEST_F(Fetch, WhatTheLimitsLeaveOutIsNotWaitedFor) {
  const std::string large(10'000, 'x');
  for (int i = 0; i < 10; ++i) broker.log().append("t", 0, large);
  FetchRequest asked = request({{.partition = 0, .bytes_max = 25'000}, {.partition = 1}});
  asked.max_wait_ms = 50'000;
  asked.min_bytes = 1'000'000;
  EXPECT_GE(values(fetch(asked).topics.at(0).partitions.at(0)).size(), 2U);
  broker.log().append("t", 1, large);
  asked = request({{.partition = 1}, {.partition = 0}});
  asked.max_wait_ms = 50'000;
  asked.min_bytes = 1'000'000;
  asked.max_bytes = 5'000;
  EXPECT_EQ(values(fetch(asked).topics.at(0).partitions.at(0)).size(), 1U);
  EXPECT_LT(broker.log().time().steady(), SteadyTime(50s));
}

TEST_F(Fetch, ASessionTellsOnlyNews) {
  broker.log().append("t", 0, "a");
  FetchRequest first = request({{.partition = 0}, {.partition = 1}});
  first.session_epoch = 0;
  const FetchResponse full = fetch(first);
  ASSERT_NE(full.session_id, 0);
  EXPECT_EQ(full.topics.at(0).partitions.size(), 2U);
  broker.log().append("t", 1, "b");
  FetchRequest second = request({{.partition = 0, .offset = 1}});
  second.session_id = full.session_id;
  second.session_epoch = 1;
  const FetchResponse news = fetch(second);
  ASSERT_EQ(news.topics.at(0).partitions.size(), 1U);
  EXPECT_EQ(values(news.topics[0].partitions[0]), Values{"b"});
  second.session_epoch = 9;
  EXPECT_EQ(ErrorCode{fetch(second).error_code}, ErrorCode::kInvalidFetchSessionEpoch);
}

}  // namespace
}  // namespace headrace::kafka
