// Partition sets against sets of the standard library, on random contents: HEADRACE_SEED repeats a run.
#include "kafka/coordinator/partition_set.h"

#include <algorithm>
#include <set>

#include "base/random.h"
#include "base/testing_setting.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

using Model = std::set<std::pair<TopicId, PartitionId>>;

// Small enough that two of them share topics and partitions, are equal or lie in one another often.
Model random_model(Random& random) {
  Model model;
  const uint64_t size = random.below(8);
  for (uint64_t i = 0; i < size; ++i)
    model.emplace(TopicId{random.below(2), random.below(2)}, static_cast<PartitionId>(random.below(4)));
  return model;
}

PartitionSet set_of(const Model& model) {
  PartitionSet set;
  for (const auto& [topic, partition] : model) set[topic].push_back(partition);
  return set;
}

template <typename Combine>
PartitionSet combined(const Model& left, const Model& right, Combine combine) {
  Model result;
  combine(left, right, std::inserter(result, result.end()));
  return set_of(result);
}

class PartitionSetTest : public testing::Test {
 protected:
  static constexpr int kRuns = 20'000;

  Random random_{test_seed(2357)};
};

TEST_F(PartitionSetTest, IsWhatASetOfPairsWouldBe) {
  int subsets = 0;
  int meetings = 0;
  for (int run = 0; run < kRuns && !HasFailure(); ++run) {
    const Model left = random_model(random_);
    const Model right = random_model(random_);
    const PartitionSet a = set_of(left);
    const PartitionSet b = set_of(right);
    EXPECT_EQ(count(a), left.size());
    EXPECT_EQ(intersection(a, b), combined(left, right, std::ranges::set_intersection));
    EXPECT_EQ(difference(a, b), combined(left, right, std::ranges::set_difference));
    EXPECT_EQ(is_subset(a, b), std::ranges::includes(right, left));
    EXPECT_EQ(intersects(a, b), !combined(left, right, std::ranges::set_intersection).empty());
    PartitionSet both = a;
    add(both, b);
    EXPECT_EQ(both, combined(left, right, std::ranges::set_union));
    subsets += is_subset(a, b) ? 1 : 0;
    meetings += intersects(a, b) ? 1 : 0;
  }
  EXPECT_GT(subsets, kRuns / 20) << "the contents do not ask enough";
  EXPECT_GT(meetings, kRuns / 20);
  EXPECT_LT(meetings, kRuns - kRuns / 20);
}

TEST_F(PartitionSetTest, IsNormalHoweverItCame) {
  for (int run = 0; run < kRuns && !HasFailure(); ++run) {
    const Model model = random_model(random_);
    PartitionSet set = set_of(model);
    for (auto& [topic, partitions] : set) {
      partitions.push_back(partitions[random_.below(partitions.size())]);
      std::ranges::shuffle(partitions, random_);
    }
    set[TopicId{random_.below(3), random_.below(2)}];  // perhaps without partitions
    normalize(set);
    EXPECT_EQ(set, set_of(model));
  }
}

// The coordinator's memory is bounded by it: it grows with every topic and every partition.
TEST(PartitionSet, TakesMoreMemoryTheMoreIsInIt) {
  EXPECT_EQ(bytes_of({}), 0U);
  const size_t of_one = bytes_of({{{1, 1}, {0}}});
  const size_t of_two = bytes_of({{{1, 1}, {0, 1}}});
  const size_t of_two_topics = bytes_of({{{1, 1}, {0}}, {{2, 2}, {1}}});
  EXPECT_GE(of_one, sizeof(PartitionSet::value_type) + sizeof(PartitionId));
  EXPECT_GE(of_two, of_one + sizeof(PartitionId));
  EXPECT_EQ(of_two_topics, 2 * of_one);
}

}  // namespace
}  // namespace headrace
