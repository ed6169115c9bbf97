#include "log/embedded_log.h"

#include <filesystem>

#include "gtest/gtest.h"
#include "log/testing_log.h"
#include "log/topic_table.h"

namespace headrace {
namespace {

using namespace std::chrono_literals;

class EmbeddedLogTest : public testing::Test {
 protected:
  void TearDown() override { log_.close(); }

  TestingLog log_;
};

TEST_F(EmbeddedLogTest, KeepsWhatWasAppended) {
  log_.create("scans", {.partitions = 3});
  for (int i = 0; i < 100; ++i) {
    const Appended appended = log_.append("scans", i % 3, "value " + std::to_string(i));
    EXPECT_EQ(appended.base.value, i / 3);
    EXPECT_FALSE(appended.duplicate);
  }
  log_.reopen();
  for (PartitionId partition = 0; partition < 3; ++partition) {
    const std::vector<std::string> values = log_.values("scans", partition);
    ASSERT_EQ(values.size(), partition == 0 ? 34U : 33U);
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(values[i], "value " + std::to_string(i * 3 + static_cast<size_t>(partition)));
    }
  }
}

TEST_F(EmbeddedLogTest, SurvivesAnEndWithoutClose) {
  log_.create("scans", {});
  for (int i = 0; i < 50; ++i) log_.append("scans", 0, "v" + std::to_string(i));
  log_.power_cut();
  EXPECT_EQ(log_.values("scans", 0).size(), 50U);
  log_.append("scans", 0, "after");
  EXPECT_EQ(log_.values("scans", 0).back(), "after");
}

TEST_F(EmbeddedLogTest, RollsThroughManySegments) {
  log_.create("scans", {.segment_bytes = 16 * 1024});
  const std::string value(1000, 'x');
  for (int i = 0; i < 200; ++i) log_.append("scans", 0, value + std::to_string(i));
  for (int round = 0; round < 2; ++round) {
    const auto values = log_.values("scans", 0);
    ASSERT_EQ(values.size(), 200U);
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], value + std::to_string(i));
    log_.reopen();
  }
}

TEST_F(EmbeddedLogTest, TakesBatchesLargerThanASegment) {
  log_.create("scans", {.segment_bytes = 16 * 1024});
  const std::string large(200 * 1024, 'x');
  log_.append("scans", 0, "small");
  log_.append("scans", 0, large);
  log_.append("scans", 0, "small again");
  log_.reopen();
  EXPECT_EQ(log_.values("scans", 0), (std::vector<std::string>{"small", large, "small again"}));
}

TEST_F(EmbeddedLogTest, RecognisesDuplicates) {
  log_.create("scans", {});
  const Appended first = log_.append_from("scans", 0, 7, 0, 0, {"a", "b"});
  const Appended second = log_.append_from("scans", 0, 7, 0, 2, {"c"});
  for (int round = 0; round < 2; ++round) {
    const Appended again = log_.append_from("scans", 0, 7, 0, 0, {"a", "b"});
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.base, first.base);
    EXPECT_EQ(again.end, first.end);
    EXPECT_TRUE(log_.append_from("scans", 0, 7, 0, 2, {"c"}).duplicate);
    EXPECT_EQ(log_.last_sequence("scans", 0, 7), 2);
    EXPECT_EQ(log_.last_sequence("scans", 0, 8), -1);
    EXPECT_EQ(log_.values("scans", 0).size(), 3U);
    round == 0 ? log_.reopen() : log_.power_cut();
  }
  EXPECT_EQ(second.base, Offset{2});
  // A gap is new; a new epoch starts again; an old epoch is fenced.
  EXPECT_FALSE(log_.append_from("scans", 0, 7, 0, 100, {"d"}).duplicate);
  EXPECT_FALSE(log_.append_from("scans", 0, 7, 1, 0, {"e"}).duplicate);
  EXPECT_EQ(log_.error_of([&] { log_.append_from("scans", 0, 7, 0, 101, {"f"}); }), Code::kConflict);
}

TEST_F(EmbeddedLogTest, ADuplicateThatIsTooOldForItsPlaceEndsWithTheProducersLast) {
  log_.create("scans", {});
  for (int32_t sequence = 0; sequence < 8; ++sequence) log_.append_from("scans", 0, 7, 0, sequence, {"a"});
  log_.append("scans", 0, "of someone else");
  const Appended again = log_.append_from("scans", 0, 7, 0, 0, {"a"});
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.base, Offset{-1});  // as Kafka says it
  EXPECT_EQ(again.end, Offset{8});
}

TEST_F(EmbeddedLogTest, RefusesMalformedBatches) {
  log_.create("scans", {});
  log_.create("depots", {.compact = true});
  const auto refused = [&](std::string topic, std::string bytes) {
    return log_.error_of([&] {
      log_.run([&]() -> awaitable<void> {
        std::vector<PartitionBatch> batches;
        batches.push_back({.partition = 0, .bytes = bytes});
        co_await log_.log().append(topic, std::move(batches));
      });
    });
  };
  const std::string good = batch_of({"v"});
  EXPECT_EQ(refused("scans", ""), Code::kInvalid);
  EXPECT_EQ(refused("scans", good.substr(0, good.size() - 1)), Code::kInvalid);
  EXPECT_EQ(refused("scans", good + "x"), Code::kInvalid);
  std::string damaged = good;
  damaged.back() ^= 1;
  EXPECT_EQ(refused("scans", damaged), Code::kCorrupt);
  EXPECT_EQ(refused("scans", empty_batch({0}, {5})), Code::kInvalid);
  RecordBatchBuilder keyless;
  keyless.append(1, std::nullopt, "v");
  EXPECT_EQ(refused("depots", keyless.finish()), Code::kInvalid);
  EXPECT_EQ(refused("nothing", good), Code::kNotFound);
  EXPECT_EQ(log_.bounds("scans", 0).end, Offset{0});
}

TEST_F(EmbeddedLogTest, ChecksTopics) {
  EXPECT_EQ(log_.error_of([&] { log_.create("", {}); }), Code::kInvalid);
  EXPECT_EQ(log_.error_of([&] { log_.create("..", {}); }), Code::kInvalid);
  EXPECT_EQ(log_.error_of([&] { log_.create("a/b", {}); }), Code::kInvalid);
  EXPECT_EQ(log_.error_of([&] { log_.create(std::string(250, 'a'), {}); }), Code::kInvalid);
  EXPECT_EQ(log_.error_of([&] { log_.create("a", {.partitions = 0}); }), Code::kInvalid);
  EXPECT_EQ(log_.error_of([&] { log_.create("a", {.partitions = kPartitionsMax + 1}); }), Code::kInvalid);
  EXPECT_EQ(log_.error_of([&] { log_.create("a", {.segment_bytes = 1}); }), Code::kInvalid);
  const std::string longest(249, 'a');
  log_.create(longest, {});
  log_.append(longest, 0, "v");
  EXPECT_EQ(log_.error_of([&] { log_.create(longest, {}); }), Code::kConflict);
  log_.reopen();
  EXPECT_EQ(log_.values(longest, 0).size(), 1U);
}

TEST_F(EmbeddedLogTest, AltersAndRemovesTopics) {
  log_.create("scans", {.partitions = 2});
  log_.create("scans-1", {.partitions = 1});  // its folder is scans-1-0
  log_.append("scans", 1, "old");
  log_.append("scans-1", 0, "other");
  log_.run([&] { return log_.log().alter("scans", {.partitions = 4, .retention_ms = 1000}); });
  EXPECT_EQ(log_.error_of([&] { log_.run([&] { return log_.log().alter("scans", {.partitions = 3}); }); }),
            Code::kRefused);
  log_.append("scans", 3, "new");
  log_.reopen();
  EXPECT_EQ(log_.run([&] { return log_.log().find("scans"); }), (TopicConfig{.partitions = 4, .retention_ms = 1000}));
  EXPECT_EQ(log_.values("scans", 3).size(), 1U);

  log_.run([&] { return log_.log().remove("scans"); });
  EXPECT_EQ(log_.run([&] { return log_.log().find("scans"); }), std::nullopt);
  EXPECT_EQ(log_.error_of([&] { log_.append("scans", 0, "v"); }), Code::kNotFound);
  log_.create("scans", {.partitions = 2});
  EXPECT_EQ(log_.bounds("scans", 1).end, Offset{0});
  log_.reopen();
  EXPECT_EQ(log_.bounds("scans", 1).end, Offset{0});
  EXPECT_EQ(log_.values("scans-1", 0).size(), 1U);
  EXPECT_EQ(log_.run([&] { return log_.log().topics(); }), (std::vector<std::string>{"scans", "scans-1"}));
}

TEST_F(EmbeddedLogTest, TopicsKeepTheirIds) {
  const auto table = [&] {
    return log_.run([&]() -> awaitable<std::shared_ptr<const TopicTable>> { co_return log_.log().topic_table(); });
  };
  const auto id_of = [&](const std::string& topic) {
    return log_.run([&]() -> awaitable<std::optional<TopicId>> { co_return log_.log().id_of(topic); });
  };
  log_.create("b", {.partitions = 2});
  log_.create("a", {});
  const auto before = table();
  ASSERT_EQ(before->by_name().size(), 2U);
  EXPECT_EQ(before->by_name()[0].name, "a");
  EXPECT_EQ(table(), before) << "nothing has changed";
  const TopicId id = id_of("b").value();
  EXPECT_EQ(before->find(id)->name, "b");
  EXPECT_EQ(before->find("b")->config.partitions, 2);
  EXPECT_EQ(before->find("c"), nullptr);
  EXPECT_EQ(before->find(TopicId{}), nullptr);
  EXPECT_EQ(id_of("c"), std::nullopt);

  log_.reopen();
  EXPECT_EQ(id_of("b"), id);
  log_.run([&] { return log_.log().alter("b", {.partitions = 3}); });
  EXPECT_EQ(table()->find(id)->config.partitions, 3);
  log_.run([&] { return log_.log().remove("b"); });
  EXPECT_EQ(table()->find(id), nullptr);
  log_.create("b", {});
  EXPECT_NE(id_of("b"), id) << "it is another topic";
}

TEST_F(EmbeddedLogTest, ReadsFromAnyOffset) {
  log_.create("scans", {.segment_bytes = 32 * 1024});
  for (int i = 0; i < 300; ++i) log_.append_from("scans", 0, kNoProducer, -1, -1, {"a" + std::to_string(i), "b", "c"});
  log_.reopen();
  for (int64_t from = 0; from < 900; from += 7) {
    const Fetched fetched = log_.read("scans", 0, {from}, 1);
    const BatchHeader header = verify_batch(fetched.bytes);
    EXPECT_EQ(fetched.bytes.size(), header.bytes());
    EXPECT_LE(header.base, Offset{from});
    EXPECT_GT(header.end(), Offset{from});
  }
  EXPECT_TRUE(log_.read("scans", 0, {900}, 100).bytes.empty());
  EXPECT_EQ(log_.error_of([&] { log_.read("scans", 0, {901}, 100); }), Code::kNotFound);
  EXPECT_EQ(log_.error_of([&] { log_.read("scans", 0, {-1}, 100); }), Code::kNotFound);
  EXPECT_EQ(log_.error_of([&] { log_.read("scans", 1, {0}, 100); }), Code::kNotFound);
}

TEST_F(EmbeddedLogTest, FindsOffsetsByTime) {
  log_.create("scans", {.segment_bytes = 16 * 1024});
  const std::string padding(500, 'x');
  for (int i = 0; i < 200; ++i) log_.append_at("scans", 0, 1000 + 10 * i, padding);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200; i += 13) {
      const auto at = [&](int64_t timestamp_ms) {
        return log_.run([&] { return log_.log().offset_at("scans", 0, timestamp_ms); });
      };
      EXPECT_EQ(at(1000 + 10 * i), Offset{i});
      EXPECT_EQ(at(1000 + 10 * i - 9), Offset{i});
    }
    EXPECT_EQ(log_.run([&] { return log_.log().offset_at("scans", 0, 0); }), Offset{0});
    EXPECT_EQ(log_.run([&] { return log_.log().offset_at("scans", 0, 1000 + 10 * 200); }), std::nullopt);
    log_.reopen();
  }
}

TEST_F(EmbeddedLogTest, WakesThoseWhoWait) {
  log_.create("scans", {});
  log_.run([&]() -> awaitable<void> {
    const SteadyTime deadline = log_.time().steady() + 10s;
    Bounds seen;
    bool woken = false;
    auto waiter = [&]() -> awaitable<void> {
      seen = co_await log_.log().wait_beyond("scans", 0, {0}, deadline);
      woken = true;
    };
    log_.runtime().shard(0).spawn(waiter());
    co_await log_.log().append("scans", one(0, batch_of({"v"})));
    while (!woken) co_await asio::post(log_.runtime().shard(0).executor(), asio::use_awaitable);
    EXPECT_EQ(seen.end, Offset{1});
    const Bounds late = co_await log_.log().wait_beyond("scans", 0, {5}, log_.time().steady());
    EXPECT_EQ(late.end, Offset{1});
  });
}

TEST(EmbeddedLogWatch, WakesWhoWaitsForAnyOfSeveral) {
  TestingLog log(1, 2);
  log.create("scans", {.partitions = 8});
  for (PartitionId news = 0; news < 8; ++news) {
    log.run([&]() -> awaitable<void> {
      const SteadyTime deadline = log.time().steady() + 10s;
      std::vector<LogPosition> ends;
      for (PartitionId p = 0; p < 8; ++p) ends.push_back({"scans", p, (co_await log.log().bounds("scans", p)).end});
      bool woken = false;
      auto waiter = [&]() -> awaitable<void> {
        co_await log.log().wait_any(ends, deadline);
        woken = true;
      };
      log.runtime().shard(0).spawn(waiter());
      co_await log.log().append("scans", one(news, batch_of({"v"})));
      while (!woken) co_await asio::post(log.runtime().shard(0).executor(), asio::use_awaitable);
      // Neither what was there before, nor a deadline that has passed, nor a topic that is not there is waited for.
      co_await log.log().wait_any(ends, deadline);
      co_await log.log().wait_any({{"scans", news, ends[static_cast<size_t>(news)].offset + 1}}, log.time().steady());
      co_await log.log().wait_any({{"nothing", 0, {0}}}, deadline);
    });
  }
}

TEST_F(EmbeddedLogTest, RelaxedAppendsBecomeDurableToo) {
  log_.create("scans", {});
  log_.run([&]() -> awaitable<void> {
    co_await log_.log().append("scans", one(0, batch_of({"v"})), Durability::kRelaxed);
    co_await log_.log().wait_beyond("scans", 0, {0}, log_.time().steady() + 10s);
  });
  log_.power_cut();
  EXPECT_EQ(log_.values("scans", 0).size(), 1U);
}

TEST_F(EmbeddedLogTest, RefusesWorkAfterClose) {
  log_.create("scans", {});
  log_.run([&] { return log_.log().close(); });
  EXPECT_EQ(log_.error_of([&] { log_.append("scans", 0, "v"); }), Code::kUnavailable);
  EXPECT_EQ(log_.error_of([&] { log_.read("scans", 0, {0}, 1); }), Code::kUnavailable);
  EXPECT_EQ(log_.error_of([&] { log_.create("other", {}); }), Code::kUnavailable);
}

TEST(EmbeddedLogOnDisk, WorksWithRealFiles) {
  const std::string folder = testing::TempDir() + "/headrace_log_test";
  std::filesystem::remove_all(folder);
  Runtime runtime({.shards = 2, .pool_threads = 2});
  SystemTimers timers;
  const auto files = make_system_files();
  for (int round = 0; round < 2; ++round) {
    const auto log = open_embedded_log(runtime, timers, *files, {.folder = folder});
    EXPECT_THROW(open_embedded_log(runtime, timers, *files, {.folder = folder}), Error);
    runtime.block_on([&]() -> awaitable<void> {
      if (round == 0) co_await log->create("scans", {.partitions = 16});
      for (int i = 0; i < 20; ++i) {
        std::vector<PartitionBatch> batches;
        for (PartitionId p = 0; p < 16; ++p) batches.push_back({.partition = p, .bytes = batch_of({"a", "b"})});
        const auto appended = co_await log->append("scans", std::move(batches));
        EXPECT_EQ(appended.size(), 16U);
        for (PartitionId p = 0; p < 16; ++p) {
          EXPECT_EQ(appended[static_cast<size_t>(p)].partition, p);
          EXPECT_EQ(appended[static_cast<size_t>(p)].base, Offset{round * 40 + i * 2});
        }
      }
      for (PartitionId p = 0; p < 16; ++p) {
        const Fetched fetched = co_await log->read("scans", p, {0}, 1 << 20);
        EXPECT_EQ(read_batch_header(fetched.bytes).base, Offset{0});
      }
      co_await log->close();
    });
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace headrace
