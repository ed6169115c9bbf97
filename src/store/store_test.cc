// The promises of Store, kept by both engines.
#include "store/store.h"

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "runtime/faulty_files.h"
#include "store/memory_store.h"

namespace headrace {
namespace {

constexpr TableId kA{1};
constexpr TableId kB{2};
using Rows = std::vector<std::pair<std::string, std::string>>;

class StoreTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    store_ = GetParam() ? open_rocksdb_store(files_, {.folder = "/store", .memory_bytes = 8 << 20})
                        : make_memory_store(64 << 20);
  }

  void put(TableId table, std::string_view key, std::string_view value) {
    const auto write = store_->begin();
    write->put(table, key, value);
    store_->commit(*write);
  }
  std::optional<std::string> get(TableId table, std::string_view key, const Snapshot* at = nullptr) {
    std::string value = "before";
    if (!store_->get(table, key, value, at)) return std::nullopt;
    return value;
  }
  Rows scan(TableId table, std::string_view from = {}, std::string_view end = {}, const Snapshot* at = nullptr) {
    Rows rows;
    for (const auto cursor = store_->scan(table, from, end, at); cursor->valid(); cursor->next()) {
      rows.emplace_back(cursor->key(), cursor->value());
    }
    return rows;
  }

  FaultyFiles files_{1};
  std::unique_ptr<Store> store_;
};

TEST_P(StoreTest, PutsGetsAndRemoves) {
  EXPECT_EQ(get(kA, "k"), std::nullopt);
  put(kA, "k", "v");
  put(kA, "", "the empty key");
  put(kA, "e", "");
  const std::string binary("\0\xff\0key", 6);
  put(kA, binary, binary);
  const std::string large(300'000, 'x');
  put(kA, large.substr(0, 1000), large);
  EXPECT_EQ(get(kA, "k"), "v");
  EXPECT_EQ(get(kA, ""), "the empty key");
  EXPECT_EQ(get(kA, "e"), "");
  EXPECT_EQ(get(kA, binary), binary);
  EXPECT_EQ(get(kA, large.substr(0, 1000)), large);
  EXPECT_EQ(get(kB, "k"), std::nullopt) << "tables are apart";
  const auto write = store_->begin();
  write->remove(kA, "k");
  write->remove(kA, "never there");
  store_->commit(*write);
  EXPECT_EQ(get(kA, "k"), std::nullopt);
  EXPECT_EQ(get(kA, "e"), "");
}

TEST_P(StoreTest, ACommitIsAppliedInOrderAndLeavesTheWriteEmpty) {
  const auto write = store_->begin();
  const size_t empty = write->bytes();
  write->put(kA, "k", "first");
  write->put(kA, "k", "second");
  write->put(kA, "gone", "x");
  write->remove(kA, "gone");
  write->remove(kB, "back");
  write->put(kB, "back", "y");
  EXPECT_GT(write->bytes(), empty + 15);
  EXPECT_EQ(get(kA, "k"), std::nullopt) << "nothing shows before the commit";
  store_->commit(*write);
  EXPECT_EQ(write->bytes(), empty);
  EXPECT_EQ(get(kA, "k"), "second");
  EXPECT_EQ(get(kA, "gone"), std::nullopt);
  EXPECT_EQ(get(kB, "back"), "y");
  put(kA, "k", "third");
  store_->commit(*write);
  EXPECT_EQ(get(kA, "k"), "third");
}

TEST_P(StoreTest, ScansInOrderOfUnsignedBytes) {
  for (const char* key : {"b", "a", "\xff", "ab", "\x7f", "\x80", "ac"}) put(kA, key, std::string("v") + key);
  put(TableId{0}, "z", "other");
  put(kB, "", "other");
  Rows expected;
  for (const char* key : {"a", "ab", "ac", "b", "\x7f", "\x80", "\xff"})
    expected.emplace_back(key, std::string("v") + key);
  EXPECT_EQ(scan(kA), expected);
  EXPECT_EQ(scan(kA, "ab", "b"), (Rows{{"ab", "vab"}, {"ac", "vac"}}));
  EXPECT_EQ(scan(kA, "aba", "ac"), Rows{});
  EXPECT_EQ(scan(kA, "b", "a"), Rows{});
  EXPECT_EQ(scan(kA, "\x80").size(), 2U);
  EXPECT_EQ(scan(TableId{77}), Rows{});
  put(TableId{UINT32_MAX - 1}, "last", "v");
  EXPECT_EQ(scan(TableId{UINT32_MAX - 1}), (Rows{{"last", "v"}}));
}

TEST_P(StoreTest, SnapshotsAndCursorsStandStill) {
  put(kA, "a", "1");
  put(kA, "b", "1");
  const auto snapshot = store_->snapshot();
  const auto cursor = store_->scan(kA, {}, {});
  put(kA, "a", "2");
  put(kA, "c", "2");
  const auto write = store_->begin();
  write->remove(kA, "b");
  store_->commit(*write);
  store_->flush();
  EXPECT_EQ(scan(kA), (Rows{{"a", "2"}, {"c", "2"}}));
  EXPECT_EQ(scan(kA, {}, {}, snapshot.get()), (Rows{{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(get(kA, "a", snapshot.get()), "1");
  EXPECT_EQ(get(kA, "b", snapshot.get()), "1");
  EXPECT_EQ(get(kA, "c", snapshot.get()), std::nullopt);
  Rows seen;
  for (; cursor->valid(); cursor->next()) seen.emplace_back(cursor->key(), cursor->value());
  EXPECT_EQ(seen, (Rows{{"a", "1"}, {"b", "1"}}));
}

TEST_P(StoreTest, MultiGetAnswersEachKey) {
  const auto write = store_->begin();
  std::vector<std::string> keys;
  for (int i = 0; i < 2000; ++i) keys.push_back(std::to_string(100'000 + i));
  for (size_t i = 0; i < keys.size(); i += 3) write->put(kA, keys[i], "value of " + keys[i]);
  store_->commit(*write);
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<std::string> values(7, "left over");
  std::vector<bool> found(3, true);
  for (int round = 0; round < 2; ++round) {
    store_->multi_get(kA, views, values, found);
    ASSERT_EQ(values.size(), keys.size());
    ASSERT_EQ(found.size(), keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(found[i], i % 3 == 0);
      EXPECT_EQ(values[i], i % 3 == 0 ? "value of " + keys[i] : "");
    }
    store_->flush();
  }
  store_->multi_get(kA, {}, values, found);
  EXPECT_TRUE(values.empty() && found.empty());
}

TEST_P(StoreTest, GetIfCachedNeverContradictsGet) {
  for (int i = 0; i < 500; ++i) put(kA, std::to_string(i), "v" + std::to_string(i));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 1000; ++i) {
      std::string value;
      const std::string key = std::to_string(i);
      std::optional<bool> cached = store_->get_if_cached(kA, key, value);
      if (!cached.has_value()) {
        get(kA, key);  // brings it in
        cached = store_->get_if_cached(kA, key, value);
      }
      EXPECT_EQ(cached, i < 500) << i;
      if (cached == true) EXPECT_EQ(value, "v" + key);
    }
    store_->flush();
  }
}

TEST_P(StoreTest, DropRemovesOneTable) {
  for (int i = 0; i < 1000; ++i) {
    put(kA, std::to_string(i), std::string(100, 'a'));
    put(kB, std::to_string(i), std::string(100, 'b'));
  }
  put(kA, "", "the empty key");
  EXPECT_GT(store_->approximate_bytes(kA), 10'000U);  // of what is in memory RocksDB knows little
  store_->flush();
  const auto snapshot = store_->snapshot();
  store_->drop(kA);
  store_->drop(TableId{99});
  EXPECT_EQ(scan(kA), Rows{});
  EXPECT_EQ(get(kA, "1"), std::nullopt);
  EXPECT_EQ(scan(kB).size(), 1000U);
  EXPECT_EQ(scan(kA, {}, {}, snapshot.get()).size(), 1001U);
  put(kA, "again", "x");
  EXPECT_EQ(scan(kA), (Rows{{"again", "x"}}));
  store_->flush();
  EXPECT_EQ(scan(kA), (Rows{{"again", "x"}}));
}

TEST_P(StoreTest, CountsFewKeysExactly) {
  EXPECT_EQ(store_->approximate_keys(kA), 0U);
  put(kA, "", "the empty key");
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) put(kA, std::to_string(i), std::string(100, 'a'));
    EXPECT_EQ(store_->approximate_keys(kA), 1001U);
    store_->flush();
  }
  const auto write = store_->begin();
  write->remove(kA, "500");
  write->remove(kA, "never there");
  write->put(kA, "x", "comes and goes");
  write->remove(kA, "x");
  write->put(kB, "y", "");
  EXPECT_EQ(store_->approximate_keys(kA), 1001U) << "not committed";
  store_->commit(*write);
  EXPECT_EQ(store_->approximate_keys(kA), 1000U);
  EXPECT_EQ(store_->approximate_keys(kB), 1U);
  store_->drop(kA);
  EXPECT_EQ(store_->approximate_keys(kA), 0U);
  put(kA, "again", "x");
  EXPECT_EQ(store_->approximate_keys(kA), 1U);
  EXPECT_EQ(store_->approximate_keys(kB), 1U);
}

TEST_P(StoreTest, AgreesWithAMap) {
  const uint64_t seed = 4711;
  SCOPED_TRACE(seed);
  Random random(seed);
  std::map<std::string, std::string> model;
  for (int round = 0; round < 200; ++round) {
    const auto write = store_->begin();
    for (uint64_t left = random.below(60); left > 0; --left) {
      const std::string key = std::to_string(random.below(500));
      if (random.one_in(3)) {
        write->remove(kA, key);
        model.erase(key);
      } else {
        std::string value(random.below(200), static_cast<char>('a' + random.below(26)));
        write->put(kA, key, value);
        model[key] = std::move(value);
      }
    }
    store_->commit(*write);
    if (random.one_in(30)) store_->flush();
    if (random.one_in(10)) ASSERT_EQ(scan(kA), Rows(model.begin(), model.end()));
    const std::string key = std::to_string(random.below(500));
    const auto expected = model.find(key);
    ASSERT_EQ(get(kA, key), expected == model.end() ? std::nullopt : std::optional(expected->second));
  }
}

TEST_P(StoreTest, ThreadsReadWhileOneCommits) {
  std::atomic<bool> done = false;
  // Both rows change together: whoever sees a snapshot sees them equal.
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto snapshot = store_->snapshot();
        const auto left = get(kA, "left", snapshot.get());
        EXPECT_EQ(left, get(kB, "right", snapshot.get()));
        const Rows rows = scan(kA, {}, {}, snapshot.get());
        if (left.has_value()) EXPECT_EQ(rows.back().second, *left);
      }
    });
  }
  for (int i = 0; i < 500; ++i) {
    const auto write = store_->begin();
    write->put(kA, "left", std::to_string(i));
    write->put(kB, "right", std::to_string(i));
    store_->commit(*write);
    if (i % 100 == 0) store_->flush();
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

// Drops between commits in any order of keys: the order of a table must survive them.
TEST_P(StoreTest, DropsBetweenCommits) {
  const uint64_t seed = 815;
  SCOPED_TRACE(seed);
  Random random(seed);
  std::map<std::pair<uint32_t, std::string>, std::string> model;
  for (int round = 0; round < 300; ++round) {
    const auto table = static_cast<uint32_t>(1 + random.below(3));
    if (random.one_in(6)) {
      store_->drop(TableId{table});
      std::erase_if(model, [&](const auto& row) { return row.first.first == table; });
      continue;
    }
    const auto write = store_->begin();
    for (uint64_t left = random.below(30); left > 0; --left) {
      const std::string key = random.one_in(20) ? std::string() : std::to_string(random.below(1000));
      write->put(TableId{table}, key, std::to_string(round));
      model[{table, key}] = std::to_string(round);
    }
    store_->commit(*write);
    if (!random.one_in(10)) continue;
    for (uint32_t each = 1; each <= 3; ++each) {
      Rows expected;
      for (const auto& [key, value] : model) {
        if (key.first == each) expected.emplace_back(key.second, value);
      }
      ASSERT_EQ(scan(TableId{each}), expected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Both, StoreTest, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "Rocksdb" : "Memory"; });

TEST(MemoryStore, RefusesWhatExceedsItsLimitAndStaysAsItWas) {
  const auto store = make_memory_store(100'000);
  const auto write = store->begin();
  const auto refused = [&] {
    try {
      store->commit(*write);
    } catch (const Error& error) {
      return error.code() == Code::kTooLarge;
    }
    return false;
  };
  write->put(kA, "k", std::string(60'000, 'x'));
  store->commit(*write);
  write->put(kA, "l", std::string(60'000, 'x'));
  EXPECT_TRUE(refused());
  std::string value;
  EXPECT_FALSE(store->get(kA, "l", value));
  write->remove(kA, "k");  // the write was not lost: with the removal it fits
  store->commit(*write);
  EXPECT_TRUE(store->get(kA, "l", value));
  EXPECT_FALSE(store->get(kA, "k", value));

  auto snapshot = store->snapshot();
  write->put(kA, "m", "small");
  EXPECT_TRUE(refused()) << "the snapshot holds the old version, and both do not fit";
  snapshot.reset();
  store->commit(*write);
  EXPECT_TRUE(store->get(kA, "m", value));
}

}  // namespace
}  // namespace headrace
