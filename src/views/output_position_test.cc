#include "views/output_position.h"

#include <gtest/gtest.h>

#include "log/testing_log.h"
#include "views/testing_errors.h"

namespace headrace {
namespace {

constexpr TableId kFlow{64}, kReplacement{128};

// A source of two partitions, read as far as this.
Frontier at(int64_t first, int64_t second = 0) {
  return {.offsets = {{Offset{first}, Offset{second}}}};
}

class OutputPositionTest : public testing::Test {
 protected:
  OutputPositionTest() { log_.create("out", {.partitions = 3}); }

  void append(PartitionId partition, std::span<const RecordHeader> headers, int records = 1) {
    RecordBatchBuilder builder;
    for (int i = 0; i < records; ++i)
      builder.append(1000, "key", "value", i == 0 ? headers : std::span<const RecordHeader>());
    log_.append_bytes("out", partition, builder.finish());
  }
  void append(PartitionId partition, const Frontier& from, const Frontier& to, int records = 1, int before = 0,
              TableId flow = kFlow) {
    append(partition, EpochHeaders({flow, from, to}).of_batch(before), records);
  }
  OutputPosition load() {
    return log_.run([&] { return OutputPosition::load(log_.log(), "out", 3, kFlow); });
  }

  TestingLog log_;
};

using Present = std::vector<int64_t>;

TEST_F(OutputPositionTest, AnEmptyTopicAsksForNothing) {
  const OutputPosition position = load();
  EXPECT_EQ(position.barrier(at(0)), std::nullopt);
  EXPECT_FALSE(position.whole_epoch(at(0)));
  EXPECT_TRUE(position.must_append(at(1)));
  EXPECT_EQ(position.present(at(1)), Present());
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
  EXPECT_EQ(position.present(at(20, 5)), Present({3, 3, 3}));
  EXPECT_EQ(position.present(at(30, 5)), Present());
}

TEST_F(OutputPositionTest, AnEpochThatWasCutShortIsCompleted) {
  append(0, at(0), at(10));
  append(1, at(0), at(10));
  append(0, at(10), at(20));  // and not on 1, and nothing ever on 2
  const OutputPosition position = load();
  EXPECT_EQ(position.barrier(at(0)), at(10));
  EXPECT_TRUE(position.must_append(at(20)));
  EXPECT_EQ(position.present(at(20)), Present({1, 0, 0}));
}

TEST_F(OutputPositionTest, AnEpochMayBeSeveralBatchesOfAPartition) {
  append(0, at(0), at(10), 4);
  append(0, at(10), at(20), 4);
  append(0, at(10), at(20), 3, 4);
  append(0, {}, 2);  // bad rows of a request
  append(0, at(10), at(20), 2, 7);
  append(1, at(10), at(20), 5);
  EXPECT_EQ(load().present(at(20)), Present({9, 5, 0}));
}

TEST_F(OutputPositionTest, TheNewestEpochCountsWhereverItIs) {
  append(2, at(10), at(20));
  append(1, at(20), at(30));
  append(0, at(0), at(10));
  const OutputPosition position = load();
  EXPECT_EQ(position.barrier(at(0)), at(20));
  EXPECT_EQ(position.present(at(30)), Present({0, 1, 0}));
}

TEST_F(OutputPositionTest, BatchesOfOthersAreLookedThrough) {
  append(0, at(0), at(10), 5);
  append(0, {}, 4);  // bad rows of a request
  const std::string encoded = at(90).encode();
  append(0, std::vector<RecordHeader>{{"headrace.from", encoded}, {"trace", "x"}});  // a client's own headers
  append(1, std::vector<RecordHeader>{{"headrace.to", encoded}});
  append(0, at(10), at(90), 3, 0, kReplacement);
  append(2, at(0), at(80), 3, 0, kReplacement);
  const OutputPosition position = load();
  EXPECT_EQ(position.barrier(at(0)), at(10));
  EXPECT_EQ(position.present(at(10)), Present({5, 0, 0}));
}

TEST_F(OutputPositionTest, ItIsTheSameAfterARestart) {
  append(0, at(0), at(10));
  append(0, at(10), at(20));
  log_.reopen();
  EXPECT_EQ(load().barrier(at(0)), at(10));
  EXPECT_EQ(load().present(at(20)), Present({1, 0, 0}));
}

TEST_F(OutputPositionTest, DamagedHeadersAreNotGuessedAt) {
  append(0, std::vector<RecordHeader>{{"headrace.from", "nonsense"}, {"headrace.to", "nonsense"}});
  EXPECT_EQ(error_of([&] { load(); }).code(), Code::kCorrupt);
  const std::string encoded = at(10).encode();
  for (const char* flow : {"64", "x"})
    append(
        0,
        std::vector<RecordHeader>{
            {"headrace.flow", flow}, {"headrace.from", encoded}, {"headrace.to", encoded}, {"headrace.before", "-1"}});
  EXPECT_EQ(error_of([&] { load(); }).code(), Code::kCorrupt);
}

}  // namespace
}  // namespace headrace
