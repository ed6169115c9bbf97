// The catalogue on a log: what a restart finds, what a crash between two steps leaves, and what the rows of streams and
// views are when their definitions change.
#include "views/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "views/testing_catalog.h"
#include "views/testing_errors.h"
#include "views/testing_system.h"

namespace headrace {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kApp = R"(
  CREATE STREAM events (id bigint, grp text, n integer) WITH (key = 'grp', id = 'id', partitions = 3);
  CREATE TABLE cities (code text PRIMARY KEY, city text) WITH (partitions = 2, topic = 'Cities');
  CREATE MATERIALIZED VIEW totals AS SELECT grp, count(*) AS events FROM events GROUP BY grp;
  CREATE MATERIALIZED VIEW top AS SELECT grp, events FROM totals WHERE events > 1;
  CREATE MATERIALIZED VIEW every_city AS SELECT * FROM cities;
  CREATE STREAM large WITH (key = 'grp', partitions = 1) AS SELECT * FROM events WHERE n > 50;
)";
constexpr const char* kRows = R"({"id":1,"grp":"a","n":1}
{"id":2,"grp":"b","n":60}
{"id":3,"grp":"a","n":70})";

class CatalogTest : public testing::Test {
 protected:
  void open() {
    system_.reset();
    system_ = std::make_unique<TestSystem>(*files_);
  }
  void open_app() {
    open();
    system_->execute(kApp);
    EXPECT_TRUE(system_->wait(system_->append("events", kRows).token));
  }
  std::string described() { return describe(*system_->catalog.state()); }
  Strings topics() {
    return system_->runtime.block_on([&] { return system_->log->topics(); });
  }
  bool has_topic(std::string_view name) {
    const Strings found = topics();
    return std::ranges::find(found, name) != found.end();
  }
  Strings sorted(const std::string& sql) {
    Strings rows = system_->query(sql);
    std::ranges::sort(rows);
    return rows;
  }

  // Cuts the power at steps of `change`, from the first to the last, and after each lets `check` look at what the disk
  // kept, once everything is opened again. `prepare` makes a system on an empty disk.
  void cut_at_every_step(const std::function<void()>& prepare, const std::function<void()>& change,
                         const std::function<void()>& check) {
    constexpr uint64_t kCuts = 10;
    prepare();
    const uint64_t before = files_->mutations();
    change();
    const uint64_t steps = files_->mutations() - before;
    for (uint64_t cut = 0; cut < kCuts && !HasFailure(); ++cut) {
      const uint64_t step = 1 + cut * steps / kCuts;
      SCOPED_TRACE(fmt::format("the power is cut at step {} of {}", step, steps));
      system_.reset();
      files_.emplace(cut + 2);
      prepare();
      files_->power_cut_after(step);
      TestSystem::quietly(change);
      cut_power(*files_);
      system_.reset();
      files_->restore_power();
      open();
      check();
    }
  }

  std::optional<FaultyFiles> files_{std::in_place, 1};
  std::unique_ptr<TestSystem> system_;
};

TEST_F(CatalogTest, ARestartFindsTheSame) {
  open_app();
  system_->execute("ALTER STREAM events ADD COLUMN note text DEFAULT 'none'; DROP MATERIALIZED VIEW top");
  const std::string before = described();
  const Strings topics_before = topics();
  const Strings totals = system_->rows("totals");
  for (int restart = 0; restart < 2; ++restart) {
    open();
    EXPECT_EQ(described(), before);
    EXPECT_EQ(topics(), topics_before);
    EXPECT_EQ(system_->rows("totals"), totals);
  }
  system_->execute("DROP STREAM large; DROP STREAM events CASCADE; DROP TABLE cities CASCADE");
  EXPECT_EQ(topics(), (Strings{"_catalog", "_schemas"}));
  open();
  EXPECT_TRUE(system_->catalog.state()->records.empty());
}

TEST_F(CatalogTest, StreamsHaveTheTopicsTheyAskFor) {
  open_app();
  const auto find = [&](const std::string& topic) {
    return system_->runtime.block_on([&] { return system_->log->find(topic); });
  };
  EXPECT_EQ(find("events")->partitions, 3);
  EXPECT_FALSE(find("events")->compact);
  EXPECT_EQ(find("Cities")->partitions, 2);
  EXPECT_TRUE(find("Cities")->compact);
  EXPECT_EQ(find("cities"), std::nullopt);
  EXPECT_EQ(find("totals.dead")->partitions, 1);
  system_->execute(
      "CREATE STREAM events (id bigint, grp text, n integer) "
      "WITH (key = 'grp', id = 'id', partitions = 3, retention = '2 days')");
  EXPECT_EQ(find("events")->retention_ms, 2 * 24 * 3600 * 1000);
}

TEST_F(CatalogTest, OldRowsShowTheDefaultOfANewColumn) {
  open_app();
  system_->execute(
      "ALTER STREAM events ADD COLUMN note text DEFAULT 'none', ADD COLUMN weight integer;"
      "CREATE MATERIALIZED VIEW notes AS SELECT id, note, weight FROM events");
  EXPECT_TRUE(system_->wait(system_->append("events", R"({"id":4,"grp":"c","note":"new","weight":5})").token));
  const Strings wanted = {R"({"id":1,"note":"none","weight":null})", R"({"id":2,"note":"none","weight":null})",
                          R"({"id":3,"note":"none","weight":null})", R"({"id":4,"note":"new","weight":5})"};
  EXPECT_EQ(system_->rows("notes"), wanted);
  EXPECT_EQ(sorted("SELECT id, note, weight FROM events"), wanted);
  // What was made before keeps its columns, and goes on.
  system_->settle();
  EXPECT_EQ(system_->rows("totals").size(), 3u);
  EXPECT_EQ(system_->catalog.state()->stream("large")->type->columns.size(), 3u);
  open();
  EXPECT_EQ(system_->rows("notes"), wanted);
  EXPECT_EQ(sorted("SELECT * FROM large"), (Strings{R"({"id":2,"grp":"b","n":60})", R"({"id":3,"grp":"a","n":70})"}));
}

TEST_F(CatalogTest, AReplacementServesWhenItHasCaughtUp) {
  open_app();
  const Strings old = system_->rows("totals");
  const Strings fresh = {R"({"grp":"a","events":20})", R"({"grp":"b","events":10})"};
  system_->execute(
      "CREATE OR REPLACE MATERIALIZED VIEW totals AS SELECT grp, count(*) * 10 AS events FROM events GROUP BY grp");
  for (bool replaced = false; !replaced;) {
    replaced = system_->catalog.state()->replacements.empty();
    const Strings rows = system_->rows("totals");
    EXPECT_TRUE(rows == old || rows == fresh) << "a reader saw neither the old view nor the new";
    if (replaced) EXPECT_EQ(system_->rows("totals"), fresh);
  }
  EXPECT_EQ(system_->rows("top"), fresh) << "it reads totals, so it was replaced with it";
  EXPECT_TRUE(system_->wait(system_->append("events", R"({"id":9,"grp":"b","n":1})").token));
  EXPECT_EQ(system_->rows("totals"), (Strings{R"({"grp":"a","events":20})", R"({"grp":"b","events":20})"}));
  open();
  EXPECT_EQ(system_->rows("totals"), (Strings{R"({"grp":"a","events":20})", R"({"grp":"b","events":20})"}));
}

TEST_F(CatalogTest, ACrashDuringAReplacementLeavesTheOldOrTheNew) {
  cut_at_every_step(
      [&] { open_app(); },
      [&] {
        system_->execute(
            "CREATE OR REPLACE MATERIALIZED VIEW totals AS "
            "SELECT grp, count(*) * 10 AS events FROM events GROUP BY grp");
        const SteadyTime deadline = system_->timers.clock().steady() + std::chrono::seconds(10);
        while (!system_->catalog.state()->replacements.empty() && system_->timers.clock().steady() < deadline) {
          system_->append("events", kRows);  // repeats, which fail once the power is gone
        }
      },
      [&] {
        const Strings old_rows = {R"({"grp":"a","events":2})", R"({"grp":"b","events":1})"};
        const Strings new_rows = {R"({"grp":"a","events":20})", R"({"grp":"b","events":10})"};
        const Strings rows = system_->rows("totals");
        EXPECT_TRUE(rows == old_rows || rows == new_rows);
        // A replacement that was begun is completed.
        system_->settle();
        const bool fresh = system_->query("SHOW CREATE totals").at(0).contains("* 10");
        EXPECT_EQ(system_->rows("totals"), fresh ? new_rows : old_rows);
        EXPECT_EQ(system_->rows("top"), fresh ? new_rows : Strings{old_rows[0]});
      });
}

TEST_F(CatalogTest, ACrashDuringADropLeavesNoRowsBehind) {
  cut_at_every_step(
      [&] {
        open();
        system_->execute(
            "CREATE STREAM s (a text) WITH (topic = 'elsewhere', partitions = 2); CREATE TABLE t (a text PRIMARY KEY);"
            "INSERT INTO s VALUES ('old'); INSERT INTO t VALUES ('kept')");
      },
      [&] { system_->execute("DROP STREAM s"); },
      [&] {
        if (system_->catalog.state()->streams.contains("s")) {
          EXPECT_EQ(system_->query("SELECT a FROM s"), Strings{R"({"a":"old"})"});
          system_->execute("DROP STREAM s");
        }
        EXPECT_FALSE(has_topic("elsewhere"));
        EXPECT_FALSE(has_topic("s.dead"));
        system_->execute(
            "CREATE STREAM s (b integer) WITH (topic = 'elsewhere', partitions = 3); INSERT INTO s VALUES (1)");
        EXPECT_EQ(system_->query("SELECT b FROM s"), Strings{R"({"b":1})"});
        EXPECT_EQ(system_->query("SELECT a FROM t"), Strings{R"({"a":"kept"})"});
      });
}

TEST_F(CatalogTest, ACrashDuringACreateIsNotInTheWay) {
  cut_at_every_step([&] { open(); }, [&] { system_->execute("CREATE STREAM s (a text) WITH (partitions = 2)"); },
                    [&] {
                      if (!system_->catalog.state()->streams.contains("s"))
                        system_->execute("CREATE STREAM s (a text) WITH (partitions = 5)");
                      const PartitionId partitions = system_->catalog.state()->stream("s")->definition.partitions;
                      const auto topic = system_->runtime.block_on([&] { return system_->log->find("s"); });
                      EXPECT_EQ(topic->partitions, partitions);
                      system_->execute("INSERT INTO s VALUES ('x')");
                      EXPECT_EQ(system_->query("SELECT a FROM s"), Strings{R"({"a":"x"})"});
                    });
}

TEST_F(CatalogTest, ADroppedStreamComesBackEmpty) {
  open();
  system_->execute(
      "CREATE STREAM s (id bigint, a text) WITH (id = 'id'); INSERT INTO s VALUES (1, 'old');"
      "SELECT * FROM s; DROP STREAM s;"
      "CREATE STREAM s (id bigint, b text) WITH (id = 'id'); INSERT INTO s VALUES (1, 'new')");
  EXPECT_EQ(system_->query("SELECT * FROM s"), Strings{R"({"id":1,"b":"new"})"}) << "its ids are forgotten, too";
  open();
  EXPECT_EQ(system_->query("SELECT * FROM s"), Strings{R"({"id":1,"b":"new"})"});
}

TEST_F(CatalogTest, TopicsThatComeByTheNameOfWhatWasDroppedStay) {
  open();
  const auto make = [&](const std::string& topic) {
    system_->runtime.block_on([&] { return system_->log->create(topic, {.partitions = 2}); });
  };
  make("orders");  // a client's
  system_->execute(
      "CREATE STREAM s (a text); CREATE MATERIALIZED VIEW orders AS SELECT a, count(*) AS n FROM s GROUP BY a;"
      "DROP MATERIALIZED VIEW orders; DROP STREAM s");
  make("s");
  make("s.dead");
  open();
  EXPECT_EQ(topics(), (Strings{"_catalog", "_schemas", "orders", "s", "s.dead"}));
}

TEST_F(CatalogTest, ChangesComeOneAtATime) {
  open();
  std::vector<std::thread> threads;
  std::atomic<int> created = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int name = 0; name < 5; ++name)
        created += system_->execute(fmt::format("CREATE STREAM s{} (a text)", name))[0].applied->what ==
                   Applied::What::kCreated;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 5) << "each of them once";
  const std::string before = described();
  open();
  EXPECT_EQ(described(), before);
}

}  // namespace
}  // namespace headrace
