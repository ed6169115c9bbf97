#include "views/live_views.h"

#include <gtest/gtest.h>

#include <optional>

#include "views/testing_system.h"

namespace headrace {
namespace {

using Strings = std::vector<std::string>;
using Kind = ViewEvent::Kind;

// Takes long enough for an epoch of a few hundred rows to be caught in the middle.
constexpr std::string_view kSlow = "max(length(reverse(repeat(k, 5000))))";

class LiveViewsTest : public testing::Test {
 protected:
  void open() {
    system_.reset();
    system_ = std::make_unique<TestSystem>(files_);
  }
  SteadyTime soon(std::chrono::milliseconds time = std::chrono::seconds(30)) {
    return system_->timers.clock().steady() + time;
  }
  void until(const std::function<bool()>& true_soon) {
    for (const SteadyTime deadline = soon(); !true_soon();) ASSERT_LT(system_->timers.clock().steady(), deadline);
  }
  // Whether readers have what the catalogue has, and nothing is to take its place.
  bool replaced(const std::string& view) {
    const CatalogStatePtr state = system_->catalog.state();
    const TableId version = state->view(view)->tables.first;
    return !state->replacements.contains(view) &&
           Token::parse(page(view).frontier).version == static_cast<uint32_t>(version);
  }
  ScanResult page(const std::string& view) {
    return system_->runtime.block_on([&] { return system_->views.scan(view, {.limit = 1000}); });
  }
  Strings dead(const std::string& of) { return system_->query("SELECT row FROM \"" + of + ".dead\""); }
  // What a subscriber is sent until nothing more comes for a moment: "reset", "snapshot 3 rows", "change 2 rows",
  // "live".
  Strings events_after(const std::string& view, const std::string& id) {
    Strings events;
    auto subscription = system_->runtime.block_on([&] { return system_->views.subscribe(view, id); });
    for (;;) {
      const auto event = system_->runtime.block_on(
          [&] { return subscription->next(soon(std::chrono::milliseconds(events.empty() ? 500 : 50))); });
      if (!event) return events;
      const size_t rows = event->changes ? event->changes->rows.rows : 0;
      switch (event->kind) {
        case Kind::kReset: events.push_back("reset"); break;
        case Kind::kSnapshot: events.push_back(fmt::format("snapshot of {}", rows)); break;
        case Kind::kChange: events.push_back(fmt::format("{} changes", rows)); break;
        case Kind::kLive: events.push_back("live"); break;
      }
    }
  }

  FaultyFiles files_{1};
  std::unique_ptr<TestSystem> system_;
};

awaitable<void> start_and_stop(LiveViews& views) {
  co_await views.start();
  co_await views.stop();
}

TEST_F(LiveViewsTest, TheyMayStopAsSoonAsTheyHaveStarted) {
  open();
  LiveViews views(system_->runtime, system_->timers, *system_->log, *system_->store, system_->catalog,
                  system_->appender);
  system_->runtime.block_on([&] { return start_and_stop(views); });
  // What start() set going has ended by itself, and this shard goes on.
  system_->execute("CREATE STREAM s (a text); INSERT INTO s VALUES ('x')");
  EXPECT_EQ(system_->query("SELECT a FROM s").size(), 1u);
}

TEST_F(LiveViewsTest, AReplacementThatIsReplacedWhileItTakesOverCountsNothingTwice) {
  open();
  Random random(testing::UnitTest::GetInstance()->random_seed());
  std::string rows;
  for (int i = 0; i < 100; ++i) rows += fmt::format("{{\"k\":\"abcdefg{}\"}}\n", i % 10);
  for (int round = 0; round < 6; ++round) {
    const auto replace = [&](std::string_view third) {
      system_->execute(fmt::format(
          "CREATE OR REPLACE MATERIALIZED VIEW v{0} AS SELECT k, count(*) AS n, {1} AS z FROM s{0} GROUP BY k", round,
          third));
    };
    system_->execute(
        fmt::format("CREATE STREAM s{0} (k text) WITH (partitions = 1);"
                    "CREATE MATERIALIZED VIEW w{0} AS SELECT count(*) AS n FROM s{0}",
                    round));
    replace(kSlow);
    const std::string stream = fmt::format("s{}", round);
    system_->append(stream, rows);
    replace("1");
    system_->append(stream, rows);
    until([&, tries = random() % 200]() mutable { return tries-- == 0; });
    replace(fmt::format("2 + {}", kSlow));
    EXPECT_TRUE(system_->wait(system_->append(stream, rows).token));
    until([&] { return replaced(fmt::format("v{}", round)); });
    EXPECT_EQ(system_->query(fmt::format("SELECT sum(n) AS n FROM v{}", round)), Strings{R"({"n":300})"});
    EXPECT_EQ(system_->rows(fmt::format("w{}", round)), Strings{R"({"n":300})"});
  }
}

TEST_F(LiveViewsTest, AReplacementWaitsForNoOther) {
  open();
  system_->execute(
      "CREATE STREAM s (k text); CREATE MATERIALIZED VIEW a AS SELECT k FROM s; CREATE MATERIALIZED VIEW b AS SELECT k "
      "FROM s");
  std::string rows;
  for (int i = 0; i < 1000; ++i) rows += "{\"k\":\"abcdefgh\"}\n";
  system_->append("s", rows);
  system_->execute(fmt::format("CREATE OR REPLACE MATERIALIZED VIEW a AS SELECT k, {} AS z FROM s GROUP BY k", kSlow));
  system_->execute("CREATE OR REPLACE MATERIALIZED VIEW b AS SELECT k, count(*) AS n FROM s GROUP BY k");
  until([&] { return replaced("b"); });
  EXPECT_FALSE(replaced("a"));
  EXPECT_EQ(system_->rows("b"), Strings{R"({"k":"abcdefgh","n":1000})"});
  until([&] { return replaced("a"); });
}

TEST_F(LiveViewsTest, AReplacementHasItsOwnDeadRows) {
  open();
  system_->execute(
      "CREATE STREAM s (a integer); CREATE MATERIALIZED VIEW v AS SELECT a, 1 / (a - 3) AS q FROM s; "
      "INSERT INTO s VALUES (1), (2); INSERT INTO s VALUES (3)");
  system_->settle();
  EXPECT_EQ(dead("v").size(), 1u);
  system_->execute("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT a, 1 / (a - 1) AS q FROM s");
  system_->settle();
  EXPECT_EQ(page("v").rows.rows, 2u);
  EXPECT_EQ(dead("v").size(), 2u) << "the first row fails now";
  open();
  system_->settle();
  EXPECT_EQ(dead("v").size(), 2u);
}

TEST_F(LiveViewsTest, AReplacementOfAnotherStreamDoesNotWaitForTheOldOnesDeadRows) {
  open();
  system_->execute(
      "CREATE STREAM a (n integer) WITH (partitions = 2); CREATE STREAM b (n integer) WITH (partitions = 1);"
      "CREATE MATERIALIZED VIEW v AS SELECT n, 1 / n AS q FROM a");
  for (int i = 0; i < 10; ++i) system_->execute("INSERT INTO a VALUES (0), (0), (1), (2), (3)");
  system_->execute("INSERT INTO b VALUES (0), (5)");
  system_->settle();
  system_->execute("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT n, 1 / n AS q FROM b");
  until([&] { return replaced("v"); });
  EXPECT_EQ(page("v").rows.rows, 1u);
}

TEST_F(LiveViewsTest, AnIdOfAnotherVersionOfAViewBeginsAnew) {
  open();
  system_->execute(
      "CREATE STREAM s (n bigint) WITH (partitions = 1); INSERT INTO s VALUES (1), (2), (3), (4);"
      "CREATE MATERIALIZED VIEW v AS SELECT n % 2 AS k, count(*) AS c FROM s GROUP BY n % 2");
  system_->settle();
  const std::string id = page("v").frontier;
  EXPECT_EQ(events_after("v", id), Strings{});
  system_->execute("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT n % 3 AS k, count(*) AS c FROM s GROUP BY n % 3");
  until([&] { return replaced("v"); });
  EXPECT_EQ(events_after("v", id), (Strings{"reset", "snapshot of 3", "live"}));
  system_->execute("DROP MATERIALIZED VIEW v; CREATE MATERIALIZED VIEW v AS SELECT n FROM s");
  system_->settle();
  EXPECT_EQ(events_after("v", id), (Strings{"reset", "snapshot of 4", "live"}));
  EXPECT_EQ(events_after("v", page("v").frontier), Strings{});
}

TEST_F(LiveViewsTest, WhoComesBackGetsWhatHeMissedFromTheEndOfAnEpochOn) {
  open();
  system_->execute(
      "CREATE STREAM s (n bigint) WITH (partitions = 1); CREATE MATERIALIZED VIEW v AS SELECT n FROM s WHERE n > 0");
  auto subscription = system_->runtime.block_on([&] { return system_->views.subscribe("v", ""); });
  const auto insert = [&](const std::string& values) {
    EXPECT_TRUE(system_->wait(system_->execute("INSERT INTO s VALUES " + values)[0].rows->token));
    return page("v").frontier;
  };
  insert("(1), (2)");
  const std::string second = insert("(3)");
  const std::string nothing = insert("(0)");
  EXPECT_NE(second, nothing);
  const std::string last = insert("(4), (5), (6)");
  EXPECT_EQ(events_after("v", second), Strings{"3 changes"});
  EXPECT_EQ(events_after("v", nothing), Strings{"3 changes"});
  EXPECT_EQ(events_after("v", last), Strings{});
  Token within = Token::parse(last);
  within.ends[0].second = Offset{5};  // of no epoch: who has seen this has seen a part of one
  EXPECT_EQ(events_after("v", within.to_string()), (Strings{"reset", "snapshot of 6", "live"}));
}

TEST_F(LiveViewsTest, APageSaysExactlyWhatItReflects) {
  open();
  system_->execute(
      "CREATE STREAM s (n bigint) WITH (partitions = 1); CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s");
  Token last;
  for (int i = 0; i < 200; ++i) {
    last = system_->append("s", "{\"n\":1}\n{\"n\":2}").token;
    const ScanResult now = page("v");
    std::string row;
    append_row_json(row, now.rows, 0);
    const Token frontier = Token::parse(now.frontier);
    EXPECT_EQ(row, fmt::format("{{\"n\":{}}}", frontier.ends.empty() ? 0 : frontier.ends[0].second.value));
  }
  EXPECT_TRUE(system_->wait(last));
}

TEST_F(LiveViewsTest, ATokenIsWaitedForByWayOfDerivedStreams) {
  open();
  system_->execute(
      "CREATE STREAM s (n integer, k text) WITH (key = 'k', partitions = 2);"
      "CREATE STREAM d WITH (key = 'k', partitions = 3) AS SELECT n, k FROM s WHERE n > 0;"
      "CREATE STREAM e WITH (key = 'k') AS SELECT n + 1 AS n, k FROM d;"
      "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(n) AS s FROM e;"
      "CREATE STREAM other (a text); CREATE MATERIALIZED VIEW w AS SELECT a FROM other");
  int64_t count = 0;
  for (int round = 0; round < 20; ++round) {
    std::string rows;
    for (int i = 0; i < 100; ++i) rows += fmt::format("{{\"n\":1,\"k\":\"{}\"}}\n", i);
    const Token token = system_->append("s", rows).token;
    count += 100;
    EXPECT_TRUE(system_->wait(token, round % 2 == 0 ? "" : "v"));
    EXPECT_EQ(system_->rows("v"), Strings{fmt::format("{{\"n\":{},\"s\":{}}}", count, 2 * count)});
    EXPECT_TRUE(system_->wait(token, "w")) << "it is made of something else";
  }
}

TEST_F(LiveViewsTest, ATokenIsWaitedForWhileTheViewIsReplaced) {
  open();
  system_->execute("CREATE STREAM s (n integer); CREATE MATERIALIZED VIEW v AS SELECT 0 AS i, count(*) AS n FROM s");
  for (int i = 1; i <= 15; ++i) {
    system_->execute(fmt::format("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT {} AS i, count(*) AS n FROM s", i));
    while (!replaced("v")) EXPECT_TRUE(system_->wait(system_->append("s", "{\"n\":1}").token, "v"));
  }
}

}  // namespace
}  // namespace headrace
