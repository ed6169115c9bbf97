// What the embedded store promises about crashes: after one, it is in the state after some prefix of the commits, and
// that prefix includes all that was flushed.
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "fmt/format.h"
#include "gtest/gtest.h"
#include "runtime/faulty_files.h"
#include "store/store.h"

namespace headrace {
namespace {

constexpr TableId kMeta{0};
constexpr uint32_t kTables = 3;
constexpr const char* kFolder = "/data/store";

using Model = std::map<std::pair<uint32_t, std::string>, std::string>;

std::unique_ptr<Store> open(FaultyFiles& files) {
  return open_rocksdb_store(files, {.folder = kFolder, .memory_bytes = kStoreMemoryMin});
}

template <typename F>
std::optional<Error> error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

// What commit number `number` does, which depends on nothing else.
template <typename Put, typename Remove>
void changes_of(uint64_t seed, uint64_t number, Put put, Remove remove) {
  Random random(seed * 1'000'003 + number);
  for (uint64_t left = 1 + random.below(40); left > 0; --left) {
    const auto table = static_cast<uint32_t>(1 + random.below(kTables));
    const std::string key = fmt::format("{}", random.below(300));
    if (random.one_in(4)) {
      remove(table, key);
    } else {
      put(table, key, std::string(random.below(400), static_cast<char>('a' + random.below(26))));
    }
  }
}

// The table that is dropped just before commit number `number`, if any.
std::optional<uint32_t> dropped_before(uint64_t seed, uint64_t number) {
  Random random(seed * 77 + number);
  if (!random.one_in(30)) return std::nullopt;
  return static_cast<uint32_t>(1 + random.below(kTables));
}

Model without_dropped(Model model, uint64_t seed, uint64_t number) {
  const auto table = dropped_before(seed, number);
  std::erase_if(model, [&](const auto& row) { return table == row.first.first; });
  return model;
}

Model model_after(uint64_t seed, uint64_t commits) {
  Model model;
  for (uint64_t number = 1; number <= commits; ++number) {
    model = without_dropped(std::move(model), seed, number);
    changes_of(
        seed, number,
        [&](uint32_t table, const std::string& key, const std::string& value) { model[{table, key}] = value; },
        [&](uint32_t table, const std::string& key) { model.erase({table, key}); });
  }
  return model;
}

uint64_t commits_in(Store& store) {
  std::string value;
  return store.get(kMeta, "commits", value) ? std::stoull(value) : 0;
}

Model content_of(Store& store) {
  Model model;
  for (uint32_t table = 1; table <= kTables; ++table) {
    for (const auto cursor = store.scan(TableId{table}, {}, {}); cursor->valid(); cursor->next()) {
      model[{table, std::string(cursor->key())}] = cursor->value();
    }
  }
  return model;
}

struct Life {
  uint64_t committed = 0;  // the last commit that may be there
  uint64_t flushed = 0;    // the last one that must be
};

// Commits from `from` on until the power goes or enough is done.
void live(Store& store, uint64_t seed, uint64_t from, Random& random, Life& life) {
  const auto write = store.begin();
  for (uint64_t number = from; number < from + 150; ++number) {
    if (const auto table = dropped_before(seed, number)) store.drop(TableId{*table});
    changes_of(
        seed, number,
        [&](uint32_t table, const std::string& key, const std::string& value) {
          write->put(TableId{table}, key, value);
        },
        [&](uint32_t table, const std::string& key) { write->remove(TableId{table}, key); });
    write->put(kMeta, "commits", std::to_string(number));
    life.committed = number;
    store.commit(*write);
    if (random.one_in(25)) {
      store.flush();
      life.flushed = number;
    }
  }
}

// Each seed is one disk with several power cuts, so that recoveries are interrupted too.
TEST(RocksdbStore, APowerCutLeavesAPrefixOfTheCommitsWithAllThatWasFlushed) {
  uint64_t cuts = 0;
  uint64_t recovered = 0;
  uint64_t committed = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    FaultyFiles files(seed);
    Random random(seed);
    Life life;
    for (int round = 0; round < 5; ++round) {
      SCOPED_TRACE(fmt::format("round {}", round));
      files.power_cut_after(1 + random.below(random.one_in(2) ? 40 : 200));
      const auto cut = error_of([&] {
        const auto store = open(files);
        live(*store, seed, life.committed + 1, random, life);
      });
      // A store that ended in peace flushed everything on its way out, unless the power went then.
      files.power_cut();
      files.restore_power();
      ++cuts;
      if (cut.has_value()) EXPECT_EQ(cut->code(), Code::kIo) << cut->message();

      const auto store = open(files);
      const uint64_t commits = commits_in(*store);
      ASSERT_GE(commits, life.flushed);
      ASSERT_LE(commits, life.committed);
      const Model expected = model_after(seed, commits);
      const Model content = content_of(*store);
      // A drop is a commit of its own: it may be there without the numbered one after it.
      if (content != without_dropped(expected, seed, commits + 1)) ASSERT_EQ(content, expected);
      recovered += commits - life.flushed;
      committed += life.committed - life.flushed;
      // What was recovered may be flushed by the store at any time, and replay begins after it.
      store->flush();
      life = {.committed = commits, .flushed = commits};
    }
  }
  std::printf("%llu power cuts; of %llu unflushed commits %llu survived\n", static_cast<unsigned long long>(cuts),
              static_cast<unsigned long long>(committed), static_cast<unsigned long long>(recovered));
}

// Keys in no order, as many as there are numbers; values of different sizes.
void put_keys(Store& store, TableId table, uint64_t from, uint64_t end, Random& random) {
  constexpr uint64_t kMixes = 0x9e3779b97f4a7c15;
  const auto write = store.begin();
  for (uint64_t number = from; number < end; ++number) {
    write->put(table, fmt::format("{:016x}", number * kMixes), std::string(random.below(60), 'v'));
    if (number % 5000 == 0) store.commit(*write);
  }
  store.commit(*write);
}

// In memtables, in files that overlap and in levels, with old versions and removals about.
TEST(RocksdbStore, KnowsAboutHowManyKeysThereAre) {
  constexpr TableId kOne{1};
  constexpr TableId kOther{2};
  constexpr uint64_t kKeys = 200'000;
  constexpr double kErrorMax = 0.08;
  FaultyFiles files(1);
  Random random(1);
  auto store = open_rocksdb_store(files, {.folder = kFolder, .memory_bytes = size_t{16} << 20});
  const auto expect_keys = [&](TableId table, uint64_t keys) {
    EXPECT_NEAR(static_cast<double>(store->approximate_keys(table)), static_cast<double>(keys),
                kErrorMax * static_cast<double>(keys));
  };
  put_keys(*store, kOne, 0, kKeys, random);
  put_keys(*store, kOther, 0, kKeys / 10, random);
  expect_keys(kOne, kKeys);
  expect_keys(kOther, kKeys / 10);
  for (int round = 0; round < 10; ++round) put_keys(*store, kOne, kKeys / 2, kKeys / 2 + kKeys / 10, random);
  expect_keys(kOne, kKeys);

  const uint64_t before = store->approximate_keys(kOne);
  store.reset();
  store = open_rocksdb_store(files, {.folder = kFolder, .memory_bytes = size_t{16} << 20});
  EXPECT_EQ(store->approximate_keys(kOne), before);
  put_keys(*store, kOne, 0, kKeys + kKeys / 4, random);
  expect_keys(kOne, kKeys + kKeys / 4);
  expect_keys(kOther, kKeys / 10);
}

// What is known after a power cut is of the commits that are left, also when they are fewer than what was counted.
TEST(RocksdbStore, KnowsHowManyKeysAPowerCutLeft) {
  constexpr TableId kOne{1};
  FaultyFiles files(1);
  Random random(1);
  auto store = open(files);
  put_keys(*store, kOne, 0, 3'000, random);
  store->flush();
  put_keys(*store, kOne, 3'000, 4'000, random);
  files.power_cut();
  store.reset();
  files.restore_power();
  store = open(files);
  uint64_t keys = 0;
  for (const auto cursor = store->scan(kOne, {}, {}); cursor->valid(); cursor->next()) ++keys;
  EXPECT_EQ(keys, 3'000U);
  EXPECT_EQ(store->approximate_keys(kOne), keys);
}

TEST(RocksdbStore, KeepsItsStateWhenClosedInPeace) {
  FaultyFiles files(1);
  Random random(1);
  Life life;
  for (int round = 0; round < 3; ++round) {
    const auto store = open(files);
    EXPECT_EQ(commits_in(*store), life.committed);
    EXPECT_EQ(content_of(*store), model_after(1, life.committed));
    live(*store, 1, life.committed + 1, random, life);
  }
}

TEST(RocksdbStore, AFailedFlushShowsAtOnceAndAtTheNextCommit) {
  FaultyFiles files(1);
  auto store = open(files);
  const auto write = store->begin();
  write->put(kMeta, "a", "1");
  store->commit(*write);
  store->flush();
  write->put(kMeta, "a", "2");
  store->commit(*write);
  files.set_faults({.sync_fails_one_in = 1});
  auto error = error_of([&] { store->flush(); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), Code::kIo) << error->message();
  files.set_faults({});
  write->put(kMeta, "a", "3");
  error = error_of([&] { store->commit(*write); });
  ASSERT_TRUE(error.has_value()) << "a failed sync is not retried";
  EXPECT_EQ(error->code(), Code::kIo) << error->message();
  EXPECT_TRUE(error_of([&] { store->flush(); }).has_value());
  store.reset();
  store = open(files);
  std::string value;
  ASSERT_TRUE(store->get(kMeta, "a", value));
  EXPECT_TRUE(value == "1" || value == "2") << value;
}

TEST(RocksdbStore, AFailureInTheBackgroundShowsAtACommit) {
  FaultyFiles files(1);
  auto store = open(files);
  files.set_faults({.sync_fails_one_in = 1});
  const auto write = store->begin();
  std::optional<Error> error;
  for (int number = 0; number < 100'000 && !error.has_value(); ++number) {
    write->put(kMeta, std::to_string(number), std::string(10'000, 'x'));
    error = error_of([&] { store->commit(*write); });
  }
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), Code::kIo) << error->message();
}

TEST(RocksdbStore, AFullDiskIsCalledSo) {
  FaultyFiles files(1);
  auto store = open(files);
  const auto write = store->begin();
  files.set_faults({.space_bytes_max = 300'000});
  write->put(kMeta, "a", std::string(500'000, 'x'));
  store->commit(*write);
  const auto error = error_of([&] { store->flush(); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), Code::kOutOfSpace) << error->message();
}

TEST(RocksdbStore, DamageIsReportedWithWhatToDo) {
  int reported = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    FaultyFiles files(seed);
    Random random(seed);
    Life life;
    {
      const auto store = open(files);
      live(*store, seed, 1, random, life);
    }
    // Something other than the log, which is empty, and the options, which are only for people.
    std::vector<std::string> names;
    for (const std::string& name : files.list(kFolder)) {
      if (name.ends_with(".sst") || name.starts_with("MANIFEST") || name == "CURRENT") names.push_back(name);
    }
    files.flip_bit(fmt::format("{}/{}", kFolder, names[random.below(names.size())]));
    const auto error = error_of([&] {
      const auto store = open(files);
      EXPECT_EQ(content_of(*store), model_after(seed, commits_in(*store)));
    });
    if (!error.has_value()) continue;  // a bit that nothing depends on
    ++reported;
    EXPECT_EQ(error->code(), Code::kCorrupt) << error->message();
  }
  EXPECT_GT(reported, 20);
}

TEST(RocksdbStore, OneProcessHasTheFolder) {
  FaultyFiles files(1);
  const auto store = open(files);
  const auto error = error_of([&] { open(files); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), Code::kUnavailable) << error->message();
}

TEST(RocksdbStore, TooLittleMemoryIsRefused) {
  FaultyFiles files(1);
  const auto error = error_of([&] { open_rocksdb_store(files, {.folder = kFolder, .memory_bytes = 1000}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), Code::kInvalid);
}

}  // namespace
}  // namespace headrace
