// Retention and compaction, through the log.
#include <future>
#include <map>
#include <thread>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "log/segment_file.h"
#include "log/testing_held_files.h"
#include "log/testing_log.h"
#include "log/topic_file.h"

namespace headrace {
namespace {

using namespace std::chrono_literals;

class CleaningTest : public testing::Test {
 protected:
  void fill(int count, size_t size = 1000) {
    for (int i = 0; i < count; ++i) {
      log_.append_at("scans", 0, log_.time().wall_ms(), std::string(size, 'x') + std::to_string(i));
    }
  }
  void clean() {
    log_.run([&] { return log_.log().clean(); });
  }
  void floor(Offset offset) {
    log_.run([&] { return log_.log().set_retention_floor("scans", 0, offset); });
  }
  Offset start() { return log_.bounds("scans", 0).start; }
  uint64_t stored_bytes(const std::string& topic) {
    return log_.run([&] { return log_.log().stored_bytes(topic, 0); });
  }

  // The log as a table: what a reader of all of it ends up with.
  std::map<std::string, std::string> table() {
    std::map<std::string, std::string> table;
    std::string scratch;
    log_.for_each_batch("table", 0, [&](const BatchHeader&, std::string_view batch) {
      for_each_record(batch, scratch, [&](const Record& record) {
        if (record.value) {
          table[std::string(*record.key)] = *record.value;
        } else {
          table.erase(std::string(*record.key));
        }
        return true;
      });
    });
    return table;
  }
  size_t records(const std::string& topic) {
    size_t records = 0;
    log_.for_each_batch(
        topic, 0, [&](const BatchHeader& header, std::string_view) { records += static_cast<size_t>(header.records); });
    return records;
  }
  void put(const std::vector<std::pair<std::string, std::optional<std::string>>>& rows,
           Compression compression = Compression::kNone) {
    RecordBatchBuilder builder(compression);
    for (const auto& [key, value] : rows) builder.append(log_.time().wall_ms(), key, value);
    log_.append_bytes("table", 0, builder.finish());
  }
  // Rolls the segment, so that all before it can be compacted.
  void roll() {
    log_.time().advance(2h);
    put({{"rolled", "x"}});
    log_.time().advance(2h);
    clean();
  }

  TestingLog log_;
};

TEST_F(CleaningTest, RetentionBySizeKeepsWholeSegments) {
  log_.create("scans", {.retention_bytes = 50'000, .segment_bytes = 16 * 1024});
  fill(200);
  clean();
  EXPECT_EQ(start(), Offset{0}) << "without a floor nothing goes";
  floor(kOffsetMax);
  const uint64_t before = stored_bytes("scans");
  clean();
  EXPECT_GT(start(), Offset{100});
  EXPECT_LT(start(), Offset{160}) << "at least retention_bytes stay";
  EXPECT_LT(stored_bytes("scans"), before);
  EXPECT_EQ(log_.error_of([&] { log_.read("scans", 0, {0}, 1); }), Code::kNotFound);
  const Offset kept = start();
  log_.reopen();
  EXPECT_EQ(start(), kept);
  EXPECT_EQ(log_.values("scans", 0).size(), static_cast<size_t>(200 - kept.value));
  fill(1);
  EXPECT_EQ(log_.bounds("scans", 0).end, Offset{201});
}

TEST_F(CleaningTest, RetentionBySizeFollowsEachRoll) {
  log_.create("scans", {.retention_bytes = 50'000, .segment_bytes = 16 * 1024});
  floor(kOffsetMax);
  fill(200);
  log_.reopen();  // waits for what is under way
  EXPECT_GT(start(), Offset{100}) << "though nothing was cleaned";
  EXPECT_LT(start(), Offset{160});
  EXPECT_EQ(log_.values("scans", 0).size(), static_cast<size_t>(200 - start().value));
}

TEST_F(CleaningTest, RetentionStopsAtTheFloor) {
  log_.create("scans", {.retention_bytes = 0, .segment_bytes = 16 * 1024});
  fill(100);
  floor({40});
  clean();
  EXPECT_LE(start(), Offset{40});
  EXPECT_GT(start(), Offset{20});
  floor(kOffsetMax);
  clean();
  EXPECT_LT(start(), Offset{100}) << "the last segment stays";
  EXPECT_GT(start(), Offset{80});
}

TEST_F(CleaningTest, DeletedRecordsAreGoneAtOnceAndTheirSpaceWithTheNextCleaning) {
  log_.create("scans", {.segment_bytes = 16 * 1024});
  fill(100);
  const auto erase = [&](int64_t before) {
    return log_.run([&] { return log_.log().delete_before("scans", 0, {before}); });
  };
  EXPECT_EQ(log_.error_of([&] { erase(40); }), Code::kRefused) << "someone may have to replay them";
  floor({50});
  EXPECT_EQ(erase(40), Offset{40});
  EXPECT_EQ(start(), Offset{40});
  EXPECT_EQ(log_.error_of([&] { log_.read("scans", 0, {39}, 1); }), Code::kNotFound);
  EXPECT_EQ(erase(7), Offset{40}) << "what is gone stays gone";
  EXPECT_EQ(log_.error_of([&] { erase(51); }), Code::kRefused);
  EXPECT_EQ(log_.error_of([&] { erase(101); }), Code::kInvalid);
  EXPECT_EQ(log_.run([&] { return log_.log().offset_at("scans", 0, 0); }), Offset{40});

  const uint64_t before = stored_bytes("scans");
  clean();
  EXPECT_LT(stored_bytes("scans"), before);
  EXPECT_EQ(start(), Offset{40});
  log_.power_cut();
  EXPECT_EQ(start(), Offset{40}) << "durable, though it is in the middle of a segment";
  EXPECT_EQ(log_.values("scans", 0).size(), 60U);
  floor(kOffsetMax);
  EXPECT_EQ(erase(100), Offset{100});
  EXPECT_EQ(log_.bounds("scans", 0).end, Offset{100});
  log_.reopen();
  EXPECT_EQ(start(), Offset{100});
  EXPECT_EQ(log_.append("scans", 0, "v").base, Offset{100});
}

TEST_F(CleaningTest, DeletingWaitsForTheFloorUntilTheDeadline) {
  log_.create("scans", {});
  fill(3);
  floor({1});
  // Returns when the call waits.
  const auto begin_to_erase = [&](int64_t before) {
    const size_t timers = log_.time().waiting();
    auto erased = std::async(std::launch::async, [this, before] {
      return log_.run([&] { return log_.log().delete_before("scans", 0, {before}, log_.time().steady() + 10s); });
    });
    while (log_.time().waiting() <= timers) std::this_thread::yield();
    return erased;
  };
  auto granted = begin_to_erase(3);
  floor({2});
  EXPECT_EQ(start(), Offset{0}) << "not far enough";
  floor({3});
  EXPECT_EQ(granted.get(), Offset{3}) << "the clock stands still: only the floor can have ended the wait";

  fill(2);
  auto refused = begin_to_erase(4);
  log_.time().advance(10s);
  EXPECT_EQ(log_.error_of([&] { refused.get(); }), Code::kRefused);
  EXPECT_EQ(start(), Offset{3});

  auto orphaned = begin_to_erase(4);
  log_.run([&] { return log_.log().remove("scans"); });
  EXPECT_EQ(log_.error_of([&] { orphaned.get(); }), Code::kNotFound);
}

TEST_F(CleaningTest, ACompactedTopicDeletesByKeyOnly) {
  log_.create("table", {.compact = true});
  put({{"k", "v"}});
  log_.run([&] { return log_.log().set_retention_floor("table", 0, kOffsetMax); });
  EXPECT_EQ(log_.error_of([&] { log_.run([&] { return log_.log().delete_before("table", 0, {1}); }); }),
            Code::kRefused);
  const SteadyTime later = log_.time().steady() + 10s;
  EXPECT_EQ(log_.error_of([&] { log_.run([&] { return log_.log().delete_before("table", 0, {1}, later); }); }),
            Code::kRefused)
      << "at once, on a clock that stands still";
}

TEST_F(CleaningTest, RetentionFreesAFullDisk) {
  log_.options().retention_interval = std::chrono::hours(1'000'000);
  log_.reopen();
  log_.create("scans", {.retention_ms = 3600 * 1000, .segment_bytes = 16 * 1024});
  floor(kOffsetMax);
  fill(50);
  log_.files().set_faults({.space_bytes_max = 500'000});
  EXPECT_EQ(log_.error_of([&] { fill(1000); }), Code::kOutOfSpace);
  for (const std::string& name : log_.files().list(partition_folder("log", "scans", 0))) {
    EXPECT_FALSE(name.ends_with(".new")) << "what could not be made whole takes no room";
  }
  // Someone else takes the rest, so that not even a checkpoint can be written.
  EXPECT_EQ(log_.error_of([&] { log_.files().open("other", Files::Mode::kCreate)->preallocate(1'000'000); }),
            Code::kOutOfSpace);
  EXPECT_EQ(log_.error_of([&] { clean(); }), Code::kOutOfSpace) << "nothing is old enough";
  EXPECT_EQ(log_.error_of([&] { fill(1); }), Code::kOutOfSpace);
  log_.time().advance(2h);
  clean();
  const Offset end = log_.bounds("scans", 0).end;
  EXPECT_GT(start(), Offset{50});
  fill(50);
  EXPECT_EQ(log_.bounds("scans", 0).end, end + 50);
  log_.power_cut();
  EXPECT_EQ(log_.bounds("scans", 0).end, end + 50);
}

TEST_F(CleaningTest, CompactionThatFindsNoRoomTakesNone) {
  log_.create("table", {.segment_bytes = 16 * 1024, .compact = true});
  for (int i = 0; i < 60; ++i) put({{"k" + std::to_string(i), std::string(1000, 'v')}, {"all", std::to_string(i)}});
  log_.files().set_faults({.space_bytes_max = 1'000'000});
  const auto other = log_.files().open("other", Files::Mode::kCreate);
  EXPECT_EQ(log_.error_of([&] { other->preallocate(1'000'000); }), Code::kOutOfSpace);
  other->truncate(other->size() - 2000);  // enough for a checkpoint
  const std::vector<std::string> before = log_.files().list(partition_folder("log", "table", 0));
  clean();
  EXPECT_EQ(log_.files().list(partition_folder("log", "table", 0)), before);
  log_.files().set_faults({});
  clean();
  EXPECT_LT(records("table"), 90U);
}

TEST_F(CleaningTest, NothingOfACompactedTopicGoesByTimeOrSize) {
  log_.create("table",
              {.retention_ms = 3600 * 1000, .retention_bytes = 20'000, .segment_bytes = 16 * 1024, .compact = true});
  log_.run([&] { return log_.log().set_retention_floor("table", 0, kOffsetMax); });
  for (int i = 0; i < 100; ++i) put({{"k" + std::to_string(i), std::string(1000, 'v')}});
  for (int day = 0; day < 3; ++day) {
    log_.time().advance(24h);
    clean();
    EXPECT_EQ(log_.bounds("table", 0).start, Offset{0});
    EXPECT_EQ(table().size(), 100U);
  }
  // What was stored before the topic was compacted may be deleted, and its space comes back.
  log_.run([&] { return log_.log().alter("table", {.segment_bytes = 16 * 1024}); });
  log_.run([&] { return log_.log().delete_before("table", 0, {60}); });
  log_.run([&] { return log_.log().alter("table", {.segment_bytes = 16 * 1024, .compact = true}); });
  const uint64_t before = stored_bytes("table");
  clean();
  EXPECT_LT(stored_bytes("table"), before);
  EXPECT_EQ(table().size(), 40U);
}

TEST_F(CleaningTest, RetentionByTimeRollsTheLastSegment) {
  log_.create("scans", {.retention_ms = 3600 * 1000});
  floor(kOffsetMax);
  fill(10);
  clean();
  EXPECT_EQ(start(), Offset{0});
  log_.time().advance(30min);
  clean();
  fill(5);
  EXPECT_EQ(start(), Offset{0});
  log_.time().advance(40min);
  clean();
  EXPECT_EQ(start(), Offset{10}) << "older than an hour, though the segment was not full";
  log_.time().advance(2h);
  clean();
  EXPECT_EQ(start(), Offset{15});
  log_.reopen();
  EXPECT_EQ(log_.bounds("scans", 0).start, Offset{15});
  EXPECT_EQ(log_.bounds("scans", 0).end, Offset{15}) << "offsets never start again";
  EXPECT_EQ(log_.append("scans", 0, "v").base, Offset{15});
}

TEST_F(CleaningTest, RetentionByTimeNeedsNoLongLifeOfTheProcess) {
  log_.create("scans", {.retention_ms = 4 * 3600 * 1000});
  log_.create("quiet", {.retention_ms = 4 * 3600 * 1000});
  fill(10);
  log_.append_at("quiet", 0, log_.time().wall_ms(), "v");
  for (int i = 0; i < 24; ++i) {
    log_.time().advance(30min);
    log_.reopen();
    floor(kOffsetMax);
    log_.run([&] { return log_.log().set_retention_floor("quiet", 0, kOffsetMax); });
    clean();
    fill(1);
  }
  EXPECT_GT(start(), Offset{20}) << "of 34 records, those of the last 5 hours stay";
  EXPECT_LT(start(), Offset{27});
  EXPECT_EQ(log_.bounds("quiet", 0).start, Offset{1});
}

TEST_F(CleaningTest, ATimestampThatCannotBeSaysNothingOfASegmentsAge) {
  constexpr int64_t kHour = 3600 * 1000;
  log_.create("scans", {.retention_ms = kHour, .segment_bytes = 16 * 1024});
  for (const int64_t time_ms : {int64_t{0}, int64_t{-1}, log_.time().wall_ms() + 365 * 24 * kHour}) {
    const Offset base = log_.append_at("scans", 0, time_ms, "v").base;
    log_.reopen();
    floor(kOffsetMax);
    log_.time().advance(10min);
    clean();
    EXPECT_LE(start(), base) << time_ms;
    log_.time().advance(10min);
    clean();  // rolls it by the age of the process
  }
}

TEST_F(CleaningTest, RecycledSegmentsShowNothingOfTheirEarlierLife) {
  // Records of one size, so that old batches stand exactly where new ones will.
  log_.options().spare_segments = 4;
  log_.reopen();
  log_.create("scans", {.retention_bytes = 0, .segment_bytes = 16 * 1024});
  floor(kOffsetMax);
  int count = 0;
  bool recycled = false;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 30; ++i) log_.append("scans", 0, std::to_string(1'000'000 + count++) + std::string(993, 'x'));
    clean();
    for (const std::string& name : log_.files().list("log/spare")) {
      char magic = 0;  // of an old batch
      log_.files().open("log/spare/" + name, Files::Mode::kRead)->read_at(batch_layout::kMagicAt, &magic, 1);
      recycled |= magic != 0;
    }
    round % 2 == 0 ? log_.power_cut() : log_.reopen();
    floor(kOffsetMax);
    const Offset from = start();
    const auto values = log_.values("scans", 0);
    ASSERT_EQ(log_.bounds("scans", 0).end, Offset{count});
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(values[i].starts_with(std::to_string(1'000'000 + from.value + static_cast<int64_t>(i))));
    }
  }
  EXPECT_TRUE(recycled);
}

TEST_F(CleaningTest, CompactionKeepsTheLastRecordOfEachKey) {
  log_.create("table", {.segment_bytes = 16 * 1024, .compact = true});
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 600; ++i) {
    const std::string key = "k" + std::to_string(i % 37);
    expected[key] = std::to_string(i);
    put({{key, expected[key]}, {"all", std::to_string(i)}}, i % 2 == 0 ? Compression::kNone : Compression::kZstd);
  }
  expected["all"] = "599";
  expected["rolled"] = "x";
  const size_t before = records("table");
  const uint64_t bytes = stored_bytes("table");
  roll();
  EXPECT_LT(records("table"), before / 3);
  EXPECT_LT(stored_bytes("table"), bytes);
  EXPECT_EQ(table(), expected);
  EXPECT_EQ(log_.bounds("table", 0).start, Offset{0});
  EXPECT_EQ(log_.bounds("table", 0).end, Offset{1201}) << "offsets stay";
  // A reader may begin at an offset whose record is gone.
  for (int64_t from = 0; from < 1201; from += 101) {
    const BatchHeader header = read_batch_header(log_.read("table", 0, {from}, 1).bytes);
    EXPECT_LE(header.base, Offset{from});
    EXPECT_GT(header.end(), Offset{from});
  }
  log_.reopen();
  EXPECT_EQ(table(), expected);
  put({{"k0", "new"}});
  expected["k0"] = "new";
  roll();
  EXPECT_EQ(table(), expected);
}

// With the right CRC, as a client may send it while the topic is not compacted yet. Readers see the records up to the
// one that cannot be read.
TEST_F(CleaningTest, CompactionKeepsWhatAProducerGarbledAndGoesOn) {
  log_.create("table", {.segment_bytes = 16 * 1024});
  put({{"a", "old"}, {"b", "old"}});
  RecordBatchBuilder builder;
  builder.append(1000, "a", "new");
  const size_t second = builder.bytes();
  builder.append(1000, "b", "garbled");
  std::string garbled = builder.finish();
  garbled[second] = 0x7f;  // its length
  store_big_endian(garbled.data() + batch_layout::kCrcAt,
                   crc32c(std::string_view(garbled).substr(batch_layout::kAttributesAt)));
  log_.append_bytes("table", 0, garbled);
  log_.run([&] { return log_.log().alter("table", {.segment_bytes = 16 * 1024, .compact = true}); });
  for (int i = 0; i < 50; ++i) put({{"b", std::string(500, 'v')}});
  roll();

  bool kept = false;
  size_t batches = 0;
  log_.for_each_batch("table", 0, [&](const BatchHeader& header, std::string_view batch) {
    ++batches;
    if (header.end() <= Offset{2}) EXPECT_EQ(header.records, 0) << "both keys have newer values";
    if (header.base == Offset{2}) kept = batch.substr(batch_layout::kCrcAt) == garbled.substr(batch_layout::kCrcAt);
  });
  EXPECT_TRUE(kept);
  EXPECT_LT(batches, 10U);
}

// With rounds that note only some of the keys, and end in the middle of a segment.
TEST_F(CleaningTest, SmallRoundsOfCompactionBringNothingBack) {
  log_.options().retention_interval = std::chrono::hours(1'000'000);  // not beside a reader, who may miss a tombstone
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    log_.options().compaction_key_bytes_max = 90 * (1 + random.below(40));
    log_.reopen();
    const int64_t delete_retention_ms = random.one_in(2) ? 0 : 3'600'000 * (1 + static_cast<int64_t>(random.below(8)));
    log_.create("table", {.segment_bytes = 16 * 1024, .compact = true, .delete_retention_ms = delete_retention_ms});
    std::map<std::string, std::string> expected;
    const uint64_t keys = 20 + random.below(100);
    for (int step = 0; step < 30; ++step) {
      for (uint64_t batches = random.below(40); batches > 0; --batches) {
        std::vector<std::pair<std::string, std::optional<std::string>>> rows;
        for (uint64_t records = 1 + random.below(4); records > 0; --records) {
          const std::string key = "k" + std::to_string(random.below(keys));
          if (random.one_in(2)) {
            rows.emplace_back(key, std::nullopt);
            expected.erase(key);
          } else {
            rows.emplace_back(key, std::to_string(step) + std::string(random.below(600), 'v'));
            expected[key] = *rows.back().second;
          }
        }
        put(rows);
      }
      if (random.one_in(3)) random.one_in(2) ? log_.reopen() : log_.power_cut();
      log_.run([&] { return log_.log().set_retention_floor("table", 0, kOffsetMax); });
      log_.time().advance(std::chrono::hours(random.below(4)));
      for (uint64_t rounds = random.below(3); rounds > 0; --rounds) clean();
      const auto found = table();
      std::string differs;
      for (const auto& [key, value] : found) {
        if (!expected.contains(key) || expected[key] != value) differs += " back: " + key + "=" + value.substr(0, 2);
      }
      for (const auto& [key, value] : expected) {
        if (!found.contains(key)) differs += " lost: " + key;
      }
      ASSERT_EQ(differs, "") << "step " << step;
    }
    log_.run([&] { return log_.log().remove("table"); });
  }
}

TEST_F(CleaningTest, TombstonesStayForAWhile) {
  log_.create("table", {.segment_bytes = 16 * 1024, .compact = true, .delete_retention_ms = 24 * 3600 * 1000});
  for (int i = 0; i < 50; ++i) put({{"k" + std::to_string(i), std::string(500, 'v')}});
  for (int i = 0; i < 50; ++i) put({{"k" + std::to_string(i), std::nullopt}});
  roll();
  EXPECT_EQ(table().size(), 1U);
  EXPECT_GE(records("table"), 50U) << "a reader that is behind must see them";
  log_.time().advance(48h);
  for (int i = 0; i < 100; ++i) put({{"other", std::string(500, 'v')}});
  roll();
  EXPECT_GE(records("table"), 50U) << "until the floor says that no reader is behind";
  log_.run([&] { return log_.log().set_retention_floor("table", 0, kOffsetMax); });
  for (int i = 0; i < 100; ++i) put({{"other", std::string(500, 'v')}});
  roll();
  EXPECT_LT(records("table"), 10U);
  EXPECT_EQ(table().size(), 2U);
}

TEST_F(CleaningTest, ClosingDoesNotWaitForARoundOfCompaction) {
  Runtime runtime({.shards = 1, .pool_threads = 1});
  FaultyFiles disk(1);
  HeldFiles files(disk);
  ManualTime time(WallTime(std::chrono::days(20'000)));
  for (const std::string held : {"00000.log", ".compacted"}) {  // while keys are noted, and while they are written
    const std::string folder = "log-" + held;
    const auto log = open_embedded_log(runtime, time, files, {.folder = folder, .gather_time = {}});
    runtime.block_on([&] { return log->create("table", {.segment_bytes = 16 * 1024, .compact = true}); });
    for (int i = 0; i < 200; ++i) {
      runtime.block_on([&] { return log->append("table", one(0, batch_of({std::string(700, 'v')}))); });
    }
    const auto bytes_on_disk = [&] {
      uint64_t bytes = 0;
      for (const std::string& name : disk.list(folder + "/table-0")) {
        bytes += disk.open(folder + "/table-0/" + name, Files::Mode::kRead)->size();
      }
      return bytes;
    };
    const uint64_t before = bytes_on_disk();
    files.hold(held);
    auto cleaned = std::async(std::launch::async, [&] { runtime.block_on([&] { return log->clean(); }); });
    files.wait_until_held();
    auto closed = std::async(std::launch::async, [&] { runtime.block_on([&] { return log->close(); }); });
    // Until it has begun to close.
    const auto create = [&] { runtime.block_on([&] { return log->create("table", {}); }); };
    while (TestingLog::error_of(create) != Code::kUnavailable) std::this_thread::yield();
    files.release();
    cleaned.get();
    closed.get();
    EXPECT_EQ(bytes_on_disk(), before) << "no segment was replaced, and nothing left behind";
  }
  runtime.stop();
}

TEST_F(CleaningTest, CheckpointsGoOnDuringALongCleaning) {
  Runtime runtime({.shards = 1, .pool_threads = 1});
  FaultyFiles disk(1);
  HeldFiles files(disk);
  ManualTime time(WallTime(std::chrono::days(20'000)));
  const auto log = open_embedded_log(runtime, time, files, {.folder = "log", .gather_time = {}});
  runtime.block_on([&] { return log->create("table", {.segment_bytes = 16 * 1024, .compact = true}); });
  const auto fill_table = [&] {
    for (int i = 0; i < 100; ++i) {
      runtime.block_on([&] { return log->append("table", one(0, batch_of({std::string(700, 'v')}))); });
    }
  };
  fill_table();
  files.hold(".compacted");
  time.advance(30s);
  files.wait_until_held();
  const auto before = read_file(disk, "log/checkpoint", 1 << 20);
  fill_table();
  time.advance(6s);
  const auto enough = std::chrono::steady_clock::now() + 60s;
  while (read_file(disk, "log/checkpoint", 1 << 20) == before && std::chrono::steady_clock::now() < enough) {
    std::this_thread::yield();
  }
  EXPECT_NE(read_file(disk, "log/checkpoint", 1 << 20), before);
  files.release();
  runtime.block_on([&] { return log->close(); });
  runtime.stop();
}

TEST_F(CleaningTest, CompactionKeepsSequences) {
  log_.create("table", {.segment_bytes = 16 * 1024, .compact = true});
  for (int i = 0; i < 100; ++i) log_.append_from("table", 0, 9, 0, i, {std::string(500, 'v')});
  roll();
  log_.power_cut();
  EXPECT_EQ(log_.last_sequence("table", 0, 9), 99);
  EXPECT_TRUE(log_.append_from("table", 0, 9, 0, 99, {std::string(500, 'v')}).duplicate);
}

TEST_F(CleaningTest, CompactionMayBeCutAnywhere) {
  for (uint64_t mutations = 1;; ++mutations) {
    SCOPED_TRACE("power cut at mutation " + std::to_string(mutations));
    TestingLog log(mutations);
    log.create("table", {.segment_bytes = 16 * 1024, .compact = true});
    std::map<std::string, std::string> expected;
    for (int i = 0; i < 60; ++i) {
      RecordBatchBuilder builder;
      expected["k" + std::to_string(i % 7)] = std::string(700, 'v') + std::to_string(i);
      builder.append(log.time().wall_ms(), "k" + std::to_string(i % 7), expected["k" + std::to_string(i % 7)]);
      log.append_bytes("table", 0, builder.finish());
    }
    log.time().advance(2h);
    log.files().power_cut_after(mutations);
    bool finished = true;
    try {
      log.run([&] { return log.log().clean(); });
      finished = log.files().exists("log");
    } catch (const Error&) {
      finished = false;
    }
    if (finished) break;
    log.power_cut();
    std::map<std::string, std::string> table;
    std::string scratch;
    log.for_each_batch("table", 0, [&](const BatchHeader&, std::string_view batch) {
      for_each_record(batch, scratch, [&](const Record& record) {
        table[std::string(*record.key)] = record.value.value();
        return true;
      });
    });
    EXPECT_EQ(table, expected);
    EXPECT_EQ(log.bounds("table", 0).end, Offset{60});
    ASSERT_LT(mutations, 1000U);
  }
}

}  // namespace
}  // namespace headrace
