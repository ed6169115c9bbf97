// Group commit: who shares a sync, who waits, and what happens when the disk fails.
#include <algorithm>

#include "gtest/gtest.h"
#include "log/testing_log.h"
#include "runtime/signal.h"

namespace headrace {
namespace {

class CommitTest : public testing::Test {
 protected:
  void SetUp() override { log_.create("scans", {.partitions = 4}); }

  awaitable<void> append_one(PartitionId partition, std::string value, Appended& result, Code& code, int& running,
                             Signal& done) {
    try {
      result = (co_await log_.log().append("scans", one(partition, batch_of({std::move(value)})))).at(0);
      code = Code::kInternal;  // none
    } catch (const Error& error) {
      code = error.code();
    }
    if (--running == 0) done.notify_all();
  }

  // Appends at once; the results are in order.
  std::vector<Code> append_all(const std::vector<std::pair<PartitionId, std::string>>& values,
                               std::vector<Appended>* results = nullptr) {
    std::vector<Code> codes(values.size());
    std::vector<Appended> appended(values.size());
    log_.run([&]() -> awaitable<void> {
      Shard& shard = log_.runtime().shard(0);
      Signal done(shard);
      int running = static_cast<int>(values.size());
      for (size_t i = 0; i < values.size(); ++i) {
        shard.spawn(append_one(values[i].first, values[i].second, appended[i], codes[i], running, done));
      }
      while (running > 0) co_await done.wait();
    });
    if (results != nullptr) *results = appended;
    return codes;
  }

  TestingLog log_;
};

TEST_F(CommitTest, ManyAppendsShareACommit) {
  append_all({{0, "first"}, {1, "first"}});
  std::vector<std::pair<PartitionId, std::string>> values;
  for (int i = 0; i < 200; ++i) values.emplace_back(i % 2, std::to_string(i));
  const uint64_t before = log_.files().mutations();
  std::vector<Appended> results;
  for (const Code code : append_all(values, &results)) EXPECT_EQ(code, Code::kInternal);
  // Per partition and commit: the batches, the zeros behind them, the mark, one sync.
  EXPECT_LE(log_.files().mutations() - before, 3U * 2 * 4);
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].base.value, 1 + static_cast<int64_t>(i) / 2) << "in the order of the calls";
  }
}

TEST_F(CommitTest, AFailedSyncIsFinalForItsSegment) {
  log_.append("scans", 0, "before");
  log_.files().set_faults({.sync_fails_one_in = 1});
  EXPECT_EQ(append_all({{0, "lost 1"}, {0, "lost 2"}}), (std::vector<Code>{Code::kIo, Code::kIo}));
  EXPECT_EQ(log_.bounds("scans", 0).end, Offset{1});
  // The disk still fails, so there is no new segment either.
  EXPECT_EQ(append_all({{0, "lost 3"}}), (std::vector<Code>{Code::kIo}));
  log_.files().set_faults({});
  EXPECT_EQ(log_.append("scans", 0, "after").base, Offset{1});
  EXPECT_EQ(log_.values("scans", 0), (std::vector<std::string>{"before", "after"}));
  const auto names = log_.files().list("log/scans-0");
  EXPECT_TRUE(std::ranges::find(names, "00000000000000000001.log") != names.end()) << "it went on in a new segment";
  log_.power_cut();
  EXPECT_EQ(log_.values("scans", 0), (std::vector<std::string>{"before", "after"}));
  log_.append("scans", 0, "again");
  log_.reopen();
  EXPECT_EQ(log_.values("scans", 0), (std::vector<std::string>{"before", "after", "again"}));
}

TEST_F(CommitTest, AFailedFirstCommitIsReplaced) {
  log_.append("scans", 1, "so that the folder of the log exists");
  log_.files().set_faults({.write_fails_one_in = 1});
  EXPECT_EQ(append_all({{0, "lost"}}), (std::vector<Code>{Code::kIo}));
  log_.files().set_faults({});
  EXPECT_EQ(log_.append("scans", 0, "kept").base, Offset{0});
  log_.power_cut();
  EXPECT_EQ(log_.values("scans", 0), (std::vector<std::string>{"kept"}));
}

TEST_F(CommitTest, AProducerMaySendAgainWhatFailed) {
  log_.append_from("scans", 0, 7, 0, 0, {"a"});
  log_.files().set_faults({.sync_fails_one_in = 1});
  EXPECT_EQ(log_.error_of([&] { log_.append_from("scans", 0, 7, 0, 1, {"b"}); }), Code::kIo);
  log_.files().set_faults({});
  EXPECT_EQ(log_.last_sequence("scans", 0, 7), 0);
  EXPECT_FALSE(log_.append_from("scans", 0, 7, 0, 1, {"b"}).duplicate);
  log_.power_cut();
  EXPECT_EQ(log_.values("scans", 0), (std::vector<std::string>{"a", "b"}));
}

TEST_F(CommitTest, AFullDiskIsSaidSoAndForgottenOnceThereIsSpace) {
  for (PartitionId p = 0; p < 4; ++p) log_.append("scans", p, "before");
  log_.files().set_faults({.space_bytes_max = 1});
  const std::string large(200 * 1024, 'x');
  EXPECT_EQ(append_all({{0, large}, {1, large}}), (std::vector<Code>{Code::kOutOfSpace, Code::kOutOfSpace}));
  EXPECT_EQ(log_.values("scans", 0).size(), 1U) << "reading goes on";
  log_.files().set_faults({});
  EXPECT_EQ(log_.append("scans", 0, large).base, Offset{1});
  log_.reopen();
  EXPECT_EQ(log_.values("scans", 0).size(), 2U);
}

TEST_F(CommitTest, TooMuchAtOnceWaitsAndThenIsRefused) {
  log_.options().unflushed_bytes_max = 10'000;
  log_.options().waiting_bytes_max = 10'000;
  log_.reopen();
  std::vector<std::pair<PartitionId, std::string>> values;
  for (int i = 0; i < 40; ++i) values.emplace_back(0, std::string(900, static_cast<char>('a' + i % 26)));
  std::vector<Appended> results;
  const std::vector<Code> codes = append_all(values, &results);
  int64_t next = 0;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] == Code::kInternal) {
      EXPECT_EQ(results[i].base.value, next++) << "those that waited kept their order";
    } else {
      EXPECT_EQ(codes[i], Code::kBusy);
    }
  }
  EXPECT_GE(next, 20);
  EXPECT_LT(next, 40);
  EXPECT_EQ(log_.append("scans", 0, "later").base.value, next);
  // One that is larger than the limit alone still goes through.
  EXPECT_EQ(log_.append("scans", 0, std::string(100'000, 'x')).base.value, next + 1);
}

TEST_F(CommitTest, RemovingATopicFailsWhatWaits) {
  std::vector<Code> codes(1);
  log_.run([&]() -> awaitable<void> {
    Shard& shard = log_.runtime().shard(0);
    Signal done(shard);
    int running = 1;
    Appended ignored;
    shard.spawn(append_one(0, "v", ignored, codes[0], running, done));
    co_await log_.log().remove("scans");
    while (running > 0) co_await done.wait();
  });
  EXPECT_TRUE(codes[0] == Code::kNotFound || codes[0] == Code::kInternal);
  EXPECT_FALSE(log_.files().exists("log/scans-0"));
}

TEST_F(CommitTest, MissingSegmentsAreRefused) {
  log_.append("scans", 0, "v");
  log_.close();
  log_.files().remove("log/scans-0/00000000000000000000.log");
  EXPECT_EQ(log_.error_of([&] { log_.open(); }), Code::kCorrupt);
  log_.files().remove_all("log/scans-0");
  EXPECT_EQ(log_.error_of([&] { log_.open(); }), Code::kCorrupt);
  // The way out that the message names.
  log_.files().remove("log/checkpoint");
  log_.open();
  EXPECT_EQ(log_.bounds("scans", 0).end, Offset{0});
}

}  // namespace
}  // namespace headrace
