#include "store/key_sample.h"

#include <cmath>
#include <set>

#include "base/random.h"
#include "fmt/format.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

// What a store keeps of a sample: the hashes, which it is told by the differences alone.
struct Kept {
  KeySample sample;
  std::set<uint64_t> stored;

  void commit(const std::vector<KeySample::Change>& changes) {
    KeySample::Difference difference = sample.difference(changes);
    sample.apply(difference);
    for (const uint64_t hash : difference.added) ASSERT_TRUE(stored.insert(hash).second) << "is added once";
    for (const uint64_t hash : difference.removed) ASSERT_EQ(stored.erase(hash), 1U) << "is removed once";
  }
};

KeySample::Change change(uint64_t key, bool is_there) {
  return {KeySample::hash_of(fmt::format("key {}", key)), is_there};
}

std::vector<KeySample::Change> changes(uint64_t from, uint64_t end, bool is_there) {
  std::vector<KeySample::Change> result;
  for (uint64_t key = from; key < end; ++key) result.push_back(change(key, is_there));
  return result;
}

double error_of(const KeySample& sample, size_t keys) {
  return std::fabs(static_cast<double>(sample.estimate()) / static_cast<double>(keys) - 1);
}

TEST(KeySample, IsExactForFewKeys) {
  Kept kept;
  kept.commit(changes(0, KeySample::kHashesMax, true));
  kept.commit(changes(1'000, 2'000, true));
  EXPECT_EQ(kept.sample.estimate(), KeySample::kHashesMax);
  EXPECT_EQ(kept.sample.halvings(), 0);
  kept.commit(changes(0, KeySample::kHashesMax - 1, false));
  EXPECT_EQ(kept.sample.estimate(), 1U);
  kept.commit(changes(0, KeySample::kHashesMax, false));
  EXPECT_EQ(kept.sample.estimate(), 0U);
}

TEST(KeySample, TheLastChangeOfAKeyCounts) {
  Kept kept;
  kept.commit({change(1, true), change(1, false), change(2, false), change(2, true), change(3, false)});
  EXPECT_EQ(kept.sample.estimate(), 1U);
}

TEST(KeySample, IsCloseForManyKeysHoweverOftenTheyComeAndGo) {
  Random random(7);
  Kept kept;
  std::set<uint64_t> keys;
  for (int commit = 0; commit < 400; ++commit) {
    std::vector<KeySample::Change> made;
    for (int i = 0; i < 2'000; ++i) {
      const uint64_t key = random.below(300'000);
      const bool is_there = !random.one_in(4);
      made.push_back(change(key, is_there));
      if (is_there) {
        keys.insert(key);
      } else {
        keys.erase(key);
      }
    }
    kept.commit(made);
    ASSERT_LT(error_of(kept.sample, keys.size()), 0.08) << keys.size();
  }
  EXPECT_GT(keys.size(), 100'000U);
}

TEST(KeySample, IsFoundAgainFromWhatWasStored) {
  Kept kept;
  for (uint64_t key = 0; key < 100'000; key += 1'000) kept.commit(changes(key, key + 1'000, true));
  EXPECT_GT(kept.sample.halvings(), 0);
  EXPECT_LE(kept.stored.size(), KeySample::kHashesMax);
  EXPECT_LE(*kept.stored.rbegin(), kept.sample.limit());
  Kept again{{kept.sample.halvings(), {kept.stored.begin(), kept.stored.end()}}, kept.stored};
  EXPECT_EQ(again.sample.estimate(), kept.sample.estimate());
  for (uint64_t key = 0; key < 100'000; key += 1'000) again.commit(changes(key, key + 1'000, true));
  EXPECT_EQ(again.sample.estimate(), kept.sample.estimate()) << "nothing new was put";
}

}  // namespace
}  // namespace headrace
