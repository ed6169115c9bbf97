// Deleting records: what is below the offset cannot be read any more, and what must stay stays.
#include "kafka/messages/delete_records.h"

#include <future>
#include <thread>

#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

using namespace std::chrono_literals;

class DeleteRecords : public testing::Test {
 protected:
  DeleteRecords() {
    broker.log().create("t", {});
    broker.log().create("compacted", {.compact = true});
    for (const char* value : {"a", "b", "c"}) {
      broker.log().append("t", 0, value);
      broker.log().append("compacted", 0, value);
    }
  }
  // What the views may have to read again after a crash begins there.
  void set_floor(int64_t offset) {
    broker.log().run([&] { return broker.log().log().set_retention_floor("t", 0, Offset{offset}); });
  }
  DeleteRecordsResponse::Topic::Partition remove(int64_t offset, const std::string& topic = "t",
                                                 PartitionId partition = 0) {
    DeleteRecordsRequest request;
    auto& asked = request.topics.emplace_back();
    asked.name = topic;
    auto& one = asked.partitions.emplace_back();
    one.index = partition;
    one.offset = offset;
    return broker.ask<DeleteRecordsResponse>(answer_delete_records, request).topics.at(0).partitions.at(0);
  }
  // Returns when the call waits.
  std::future<DeleteRecordsResponse::Topic::Partition> begin_to_remove(int64_t offset) {
    const size_t timers = broker.log().time().waiting();
    auto removed = std::async(std::launch::async, [this, offset] { return remove(offset); });
    while (broker.log().time().waiting() <= timers) std::this_thread::yield();
    return removed;
  }
  ErrorCode error_of(int64_t offset, const std::string& topic = "t", PartitionId partition = 0) {
    const auto answer = remove(offset, topic, partition);
    EXPECT_EQ(answer.low_watermark, -1);
    return ErrorCode{answer.error_code};
  }

  TestingBroker broker;
};

TEST_F(DeleteRecords, WhatIsBelowTheOffsetIsGoneAndTheNewStartIsTold) {
  set_floor(3);
  EXPECT_EQ(remove(1).low_watermark, 1);
  EXPECT_EQ(broker.log().bounds("t", 0).start, Offset{1});
  EXPECT_EQ(broker.log().values("t", 0), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(remove(-1).low_watermark, 3) << "-1 is everything";
  EXPECT_EQ(broker.log().bounds("t", 0).start, Offset{3});
}

TEST_F(DeleteRecords, WhatAViewMayNeedIsWaitedForButNotForEver) {
  set_floor(1);
  EXPECT_EQ(remove(1).low_watermark, 1);
  // The clock stands still: only the news itself can end the wait.
  auto granted = begin_to_remove(2);
  set_floor(2);
  EXPECT_EQ(granted.get().low_watermark, 2);

  auto refused = std::async(std::launch::async, [&] { return remove(3); });
  while (refused.wait_for(0s) != std::future_status::ready) broker.log().time().advance(1s);
  EXPECT_EQ(ErrorCode{refused.get().error_code}, ErrorCode::kPolicyViolation);
}

// Who writes on meanwhile does not keep the call from ending.
TEST_F(DeleteRecords, EverythingIsWhatThereIsWhenTheRequestComes) {
  set_floor(1);
  auto everything = begin_to_remove(-1);
  broker.log().append("t", 0, "d");
  set_floor(3);
  EXPECT_EQ(everything.get().low_watermark, 3);
  EXPECT_EQ(broker.log().values("t", 0), (std::vector<std::string>{"d"}));
}

TEST_F(DeleteRecords, SurvivesARestart) {
  set_floor(2);
  remove(2);
  broker.restart();
  EXPECT_EQ(broker.log().bounds("t", 0).start, Offset{2});
}

TEST_F(DeleteRecords, WhatCannotBeDeletedIsRefused) {
  EXPECT_EQ(error_of(4), ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(error_of(-2), ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(error_of(1, "compacted"), ErrorCode::kPolicyViolation);
  EXPECT_EQ(error_of(1, "_groups"), ErrorCode::kTopicAuthorizationFailed);
  EXPECT_EQ(error_of(1, "nothing"), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(error_of(1, "t", 7), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(broker.log().values("t", 0).size(), 3U);
}

}  // namespace
}  // namespace headrace::kafka
