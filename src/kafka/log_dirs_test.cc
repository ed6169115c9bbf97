// What clients are told about the bytes that partitions hold.
#include <map>

#include "kafka/messages/describe_log_dirs.h"
#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

using Sizes = std::map<std::pair<std::string, PartitionId>, int64_t>;

class DescribeLogDirs : public testing::Test {
 protected:
  DescribeLogDirs() {
    broker.log().create("a", {.partitions = 2});
    broker.log().create("b", {});
    broker.log().append("a", 1, std::string(1000, 'x'));
    broker.log().append("b", 0, "x");
  }
  Sizes ask(const DescribeLogDirsRequest& request, int16_t version = DescribeLogDirsRequest::kMaxVersion) {
    const auto response = broker.ask<DescribeLogDirsResponse>(answer_describe_log_dirs, request, version);
    EXPECT_EQ(response.results.size(), 1U);
    EXPECT_EQ(response.error_code, 0);
    EXPECT_EQ(response.results.at(0).error_code, 0);
    Sizes sizes;
    for (const auto& topic : response.results[0].topics) {
      for (const auto& partition : topic.partitions) {
        EXPECT_EQ(partition.offset_lag, 0);
        EXPECT_FALSE(partition.is_future_key);
        EXPECT_TRUE(sizes.emplace(std::pair(topic.name, partition.index), partition.partition_size).second);
      }
    }
    return sizes;
  }

  TestingBroker broker;
};

TEST_F(DescribeLogDirs, AllPartitionsHaveTheBytesOfTheirBatches) {
  for (int16_t version = DescribeLogDirsRequest::kMinVersion; version <= DescribeLogDirsRequest::kMaxVersion;
       ++version) {
    DescribeLogDirsRequest everything;
    everything.topics.reset();
    const Sizes sizes = ask(everything, version);
    EXPECT_EQ(sizes.at({"a", 0}), 0);
    EXPECT_GT(sizes.at({"a", 1}), 1000);
    EXPECT_LT(sizes.at({"a", 1}), 1100);
    EXPECT_GT(sizes.at({"b", 0}), 0);
    EXPECT_LT(sizes.at({"b", 0}), 100);
    EXPECT_TRUE(sizes.contains({"_groups", 0}));
  }
}

TEST_F(DescribeLogDirs, OnlyWhatWasAskedForAndIsThereEachOnce) {
  DescribeLogDirsRequest some;
  some.topics.emplace();
  EXPECT_TRUE(ask(some).empty());
  some.topics->push_back({.name = "a", .partitions = {1, 1, 2, -1, 1}});
  some.topics->push_back({.name = "nothing", .partitions = {0}});
  const Sizes sizes = ask(some);
  ASSERT_EQ(sizes.size(), 1U);
  EXPECT_GT(sizes.at({"a", 1}), 1000);
}

}  // namespace
}  // namespace headrace::kafka
