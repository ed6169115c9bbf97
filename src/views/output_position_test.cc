#include "views/output_position.h"

#include <gtest/gtest.h>

#include "log/testing_log.h"
#include "views/testing_errors.h"

namespace headrace {
namespace {

// A source of two partitions, read as far as this.
Frontier at(int64_t first, int64_t second = 0) {
  return {.offsets = {{Offset{first}, Offset{second}}}};
}

class OutputPositionTest : public testing::Test {
 protected:
  OutputPositionTest() { log_.create("out", {.partitions = 3}); }

  void append(PartitionId partition, const std::vector<Appender::Header>& headers, int records = 1) {
    RecordBatchBuilder builder;
    std::vector<RecordHeader> views;
    for (const Appender::Header& header : headers) views.push_back({header.key, header.value});
    for (int i = 0; i < records; ++i)
      builder.append(1000, "key", "value",
                     i == 0 ? std::span<const RecordHeader>(views) : std::span<const RecordHeader>());
    log_.append_bytes("out", partition, builder.finish());
  }
  void append(PartitionId partition, const Frontier& from, const Frontier& to, int records = 1) {
    append(partition, OutputPosition::headers(from, to), records);
  }
  OutputPosition load() {
    return log_.run([&] { return OutputPosition::load(log_.log(), "out", 3); });
  }

  TestingLog log_;
};

using Lacking = std::vector<bool>;

TEST_F(OutputPositionTest, AnEmptyTopicAsksForNothing) {
  const OutputPosition position = load();
  EXPECT_EQ(position.barrier(at(0)), std::nullopt);
  EXPECT_FALSE(position.whole_epoch(at(0)));
  EXPECT_TRUE(position.must_append(at(1)));
  EXPECT_EQ(position.partitions_lacking(at(1)), Lacking()) << "all partitions";
}

TEST_F(OutputPositionTest, TheFlowReplaysUpToTheLastEpochAndThenExactlyThat) {
  for (PartitionId partition = 0; partition < 3; ++partition) {
    append(partition, at(0), at(10, 5));
    append(partition, at(10, 5), at(20, 5), 3);
  }
  const OutputPosition position = load();
  EXPECT_EQ(position.barrier(at(0)), at(10, 5));
  EXPECT_EQ(position.barrier(at(9, 5)), at(10, 5));
  EXPECT_EQ(position.barrier(at(20, 4)), at(10, 5)) << "ahead on one partition is not there yet";
  EXPECT_EQ(position.barrier(at(10, 5)), at(20, 5));
  EXPECT_EQ(position.barrier(at(20, 5)), std::nullopt);
  EXPECT_EQ(position.barrier(at(30, 5)), std::nullopt);

  EXPECT_FALSE(position.whole_epoch(at(9, 5)));
  EXPECT_TRUE(position.whole_epoch(at(10, 5)));
  EXPECT_FALSE(position.whole_epoch(at(20, 5)));

  EXPECT_FALSE(position.must_append(at(3)));
  EXPECT_FALSE(position.must_append(at(10, 5)));
  EXPECT_TRUE(position.must_append(at(20, 5)));
  EXPECT_EQ(position.partitions_lacking(at(20, 5)), Lacking({false, false, false}));
  EXPECT_EQ(position.partitions_lacking(at(30, 5)), Lacking());
}

TEST_F(OutputPositionTest, AnEpochThatWasCutShortIsCompleted) {
  append(0, at(0), at(10));
  append(1, at(0), at(10));
  append(0, at(10), at(20));  // and not on 1, and nothing ever on 2
  const OutputPosition position = load();
  EXPECT_EQ(position.barrier(at(0)), at(10));
  EXPECT_TRUE(position.must_append(at(20)));
  EXPECT_EQ(position.partitions_lacking(at(20)), Lacking({false, true, true}));
}

TEST_F(OutputPositionTest, TheNewestEpochCountsWhereverItIs) {
  append(2, at(10), at(20));
  append(1, at(20), at(30));
  append(0, at(0), at(10));
  const OutputPosition position = load();
  EXPECT_EQ(position.barrier(at(0)), at(20));
  EXPECT_EQ(position.partitions_lacking(at(30)), Lacking({true, false, true}));
}

TEST_F(OutputPositionTest, BatchesOfOthersAreLookedThrough) {
  append(0, at(0), at(10), 5);
  append(0, {}, 4);                                                 // bad rows of a request
  append(0, {{"headrace.from", at(90).encode()}, {"trace", "x"}});  // a client's own headers
  append(1, {{"headrace.to", at(90).encode()}});
  const OutputPosition position = load();
  EXPECT_EQ(position.barrier(at(0)), at(10));
  EXPECT_EQ(position.partitions_lacking(at(10)), Lacking({false, true, true}));
}

TEST_F(OutputPositionTest, ItIsTheSameAfterARestart) {
  append(0, at(0), at(10));
  append(0, at(10), at(20));
  log_.reopen();
  EXPECT_EQ(load().barrier(at(0)), at(10));
  EXPECT_EQ(load().partitions_lacking(at(20)), Lacking({false, true, true}));
}

TEST_F(OutputPositionTest, DamagedHeadersAreNotGuessedAt) {
  append(0, {{"headrace.from", "nonsense"}, {"headrace.to", "nonsense"}});
  EXPECT_EQ(error_of([&] { load(); }).code(), Code::kCorrupt);
}

}  // namespace
}  // namespace headrace
