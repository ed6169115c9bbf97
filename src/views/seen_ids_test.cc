#include "views/seen_ids.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/random.h"
#include "store/memory_store.h"

namespace headrace {
namespace {

constexpr TableId kTable{7};

// Marks `values` in batches of random size and compares with a set.
void expect_exact(Type type, const std::vector<Value>& values, Random& random) {
  const std::unique_ptr<Store> store = make_memory_store(size_t{64} * 1024 * 1024);
  SeenIds seen(*store, kTable);
  std::set<std::pair<PartitionId, std::string>> reference;
  for (size_t at = 0; at < values.size();) {
    const auto partition = static_cast<PartitionId>(random.below(3));
    ColumnData ids(type);
    Arena arena;
    const size_t end = std::min(values.size(), at + 1 + random.below(50));
    std::vector<uint8_t> expected;
    for (; at < end; ++at) {
      if (is_null(values[at])) {
        ids.append_null();
        expected.push_back(0);
      } else {
        ids.append(values[at], arena);
        expected.push_back(!reference.emplace(partition, to_text(values[at], type)).second);
      }
    }
    ids.buffers.push_back(arena.buffer());
    if (ids.has_nulls()) ids.nulls.resize(ids.size(), 0);
    const auto write = store->begin();
    ASSERT_EQ(seen.mark(partition, ids, *write), expected);
    store->commit(*write);
  }
}

TEST(SeenIdsTest, IntegersAreRememberedExactly) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Random random(seed);
  std::vector<Value> dense, sparse, edges;
  for (int i = 0; i < 20'000; ++i) dense.emplace_back(static_cast<int64_t>(random.below(5'000)) - 2'500);
  for (int i = 0; i < 5'000; ++i) sparse.emplace_back(static_cast<int64_t>(random()));
  for (int i = 0; i < 500; ++i) {
    const int64_t all[] = {INT64_MIN, INT64_MAX, -1, 0, 1023, 1024, -1024, -1025};
    edges.push_back(random.one_in(9) ? Value() : Value(all[random.below(8)]));
  }
  expect_exact({.kind = Kind::kBigint}, dense, random);
  expect_exact({.kind = Kind::kBigint}, sparse, random);
  expect_exact({.kind = Kind::kBigint}, edges, random);
}

TEST(SeenIdsTest, TextsAreRememberedExactly) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Random random(seed);
  std::vector<Value> values;
  for (int i = 0; i < 5'000; ++i)
    values.push_back(random.one_in(20) ? Value() : Value(std::to_string(random.below(2'000))));
  expect_exact({.kind = Kind::kText}, values, random);
}

}  // namespace
}  // namespace headrace
