#include "views/executor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fmt/format.h"
#include "sql/testing_errors.h"
#include "views/testing_errors.h"
#include "views/testing_system.h"

namespace headrace {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kApp = R"(
  CREATE STREAM events (n integer NOT NULL DEFAULT 7, grp text, at timestamptz) WITH (key = 'grp', partitions = 2);
  CREATE TABLE stock (place text, item integer, n integer, PRIMARY KEY (place, item));
  CREATE TABLE prices (price numeric(6,2) PRIMARY KEY, note text);
  CREATE MATERIALIZED VIEW totals AS SELECT grp, count(*) AS events, sum(n) AS n FROM events GROUP BY grp;
  CREATE STREAM large AS SELECT n, grp FROM events WHERE n > 50;
  INSERT INTO events (grp, n) VALUES ('a', 1), ('b', 60), ('a', 70);
  INSERT INTO stock VALUES ('here', 1, 10), ('here', 2, 20), ('there', 1, 30);
)";

class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() {
    open();
    system_->execute(kApp);
    system_->settle();
  }
  void open() {
    system_.reset();
    system_ = std::make_unique<TestSystem>(files_);
  }
  Strings query(const std::string& sql) { return system_->query(sql); }
  Strings sorted(const std::string& sql) {
    Strings rows = query(sql);
    std::ranges::sort(rows);
    return rows;
  }
  void expect_wrong(const WrongSql& wrong) {
    expect_error(wrong, [&](const std::string& sql) { system_->execute(sql); });
  }
  std::vector<StatementResult> execute_with(const QueryLimits& limits, const std::string& sql) {
    Executor executor(system_->timers.clock(), *system_->store, system_->catalog, system_->appender, system_->views,
                      limits);
    return system_->runtime.block_on([&] { return executor.execute(sql); });
  }

  FaultyFiles files_{1};
  std::unique_ptr<TestSystem> system_;
};

TEST_F(ExecutorTest, QueriesSeeStreamsTablesAndViews) {
  EXPECT_EQ(query("SELECT grp, n FROM events WHERE n > 1 ORDER BY n DESC"),
            (Strings{R"({"grp":"a","n":70})", R"({"grp":"b","n":60})"}));
  EXPECT_EQ(query("SELECT * FROM totals ORDER BY grp"),
            (Strings{R"({"grp":"a","events":2,"n":71})", R"({"grp":"b","events":1,"n":60})"}));
  EXPECT_EQ(query("SELECT sum(n) AS n FROM totals WHERE events > 1"), Strings{R"({"n":71})"});
  EXPECT_EQ(query("SELECT place, sum(n) AS n FROM stock GROUP BY place ORDER BY place LIMIT 1"),
            Strings{R"({"place":"here","n":30})"});
  EXPECT_EQ(sorted("SELECT n FROM large"), (Strings{R"({"n":60})", R"({"n":70})"}));
  EXPECT_EQ(query("SELECT grp FROM events WHERE n > 1000"), Strings());
}

TEST_F(ExecutorTest, InsertsAreAllOrNothing) {
  const auto done =
      system_->execute("INSERT INTO events (grp, at) VALUES ('c', '2001-01-01 00:00:00Z'), ('c', DEFAULT)");
  EXPECT_EQ(done.at(0).rows->rows, 2u);
  EXPECT_TRUE(system_->wait(done[0].rows->token));
  EXPECT_EQ(query("SELECT * FROM totals WHERE grp = 'c'"), Strings{R"({"grp":"c","events":2,"n":14})"});
  expect_wrong({"INSERT INTO events (grp, n) VALUES ('d', 1), ('d', @'x')", "integer"});
  expect_wrong({"INSERT INTO events (grp, n) VALUES ('d', 1), ('d', NULL)", "NOT NULL"});
  expect_wrong({"INSERT INTO events (grp, @wrong) VALUES ('d', 1)", "wrong"});
  expect_wrong({"INSERT INTO nothing VALUES (1)", "there are: events", Code::kNotFound});
  expect_wrong({"INSERT INTO large VALUES (1, 'x')", "is written by Headrace", Code::kRefused});
  EXPECT_EQ(query("SELECT count(*) AS n FROM events WHERE grp = 'd'"), Strings{R"({"n":0})"});
}

TEST_F(ExecutorTest, DeletesNameOneRowByItsKey) {
  const auto done = system_->execute("DELETE FROM stock WHERE item = 2 AND place = 'here'");
  EXPECT_EQ(done.at(0).rows->rows, 1u);
  EXPECT_EQ(sorted("SELECT place, item FROM stock"),
            (Strings{R"({"place":"here","item":1})", R"({"place":"there","item":1})"}));
  system_->execute("INSERT INTO prices VALUES (1.5, 'x'); DELETE FROM prices WHERE price = 1.50");
  EXPECT_EQ(query("SELECT * FROM prices"), Strings()) << "the key is the value, not how it is written";
  expect_wrong({"DELETE FROM stock WHERE place = 'here'", "\"item\" is missing"});
  expect_wrong({"DELETE FROM stock WHERE place = 'here' AND item = 1 AND n = 10", "other conditions"});
  expect_wrong({"DELETE FROM stock WHERE place = 'here' AND item = 'x'", "\"x\" is not integer"});
  expect_wrong({"DELETE FROM stock WHERE place = 'here' AND item > 1", "by its key", Code::kUnsupported});
  expect_wrong({"DELETE FROM events WHERE grp = 'a'", "its rows are events", Code::kRefused});
  expect_wrong({"DELETE FROM nothing WHERE grp = 'a'", "there is no stream or table \"nothing\"", Code::kNotFound});
  EXPECT_EQ(query("SELECT * FROM stock").size(), 2u);
}

TEST_F(ExecutorTest, ShowsWhatThereIs) {
  EXPECT_EQ(
      query("SHOW STREAMS"),
      (Strings{
          R"({"name":"events","kind":"stream","columns":"n integer, grp text, at timestamptz","partitions":"2","format":"avro"})",
          R"({"name":"large","kind":"derived stream","columns":"n integer, grp text","partitions":"4","format":"avro"})"}));
  EXPECT_EQ(query("SHOW TABLES").size(), 2u);
  EXPECT_EQ(
      query("SHOW VIEWS"),
      Strings{
          R"({"name":"totals","key":"grp","query":"SELECT grp, count(*) AS events, sum(n) AS n FROM events GROUP BY grp"})"});
  EXPECT_GT(query("SHOW FUNCTIONS").size(), 50u);
  system_->execute("ALTER TABLE prices ADD COLUMN more text");
  EXPECT_EQ(query("SHOW CREATE prices"),
            (Strings{R"x({"statement":"CREATE TABLE prices (price numeric(6,2) PRIMARY KEY, note text)"})x",
                     R"({"statement":"ALTER TABLE prices ADD COLUMN more text"})"}));
  expect_wrong({"SHOW CREATE nothing", "nothing called \"nothing\"", Code::kNotFound});
}

TEST_F(ExecutorTest, ExplainsQueries) {
  const Strings plan = query("EXPLAIN SELECT grp, count(*) AS n FROM events WHERE n > 1 GROUP BY grp");
  ASSERT_GT(plan.size(), 2u) << "a line for each step";
  EXPECT_TRUE(std::ranges::any_of(plan, [](const auto& line) { return line.contains("Stream events"); }));
  EXPECT_TRUE(std::ranges::any_of(plan, [](const auto& line) { return line.contains("Filter n > 1"); }));
  expect_wrong({"EXPLAIN  SELECT @nothing FROM events", "column \"nothing\" does not exist"});
}

TEST_F(ExecutorTest, ErrorsPointIntoTheWholeText) {
  expect_wrong({"SELECT n FROM events; /* and */ SELECT @nothing FROM events", "column \"nothing\" does not exist"});
  expect_wrong({"SHOW VIEWS; EXPLAIN SELECT @nothing FROM events", "column \"nothing\" does not exist"});
  expect_wrong({"SHOW VIEWS; CREATE MATERIALIZED VIEW v AS SELECT @nothing FROM events", "column \"nothing\""});
  expect_wrong({"SHOW VIEWS; CREATE STREAM v AS SELECT @nothing FROM events", "column \"nothing\""});
  expect_wrong({"SHOW VIEWS; SELECT 1 +@", "syntax error"});
}

TEST_F(ExecutorTest, TheFirstErrorEndsIt) {
  expect_wrong(
      {"CREATE STREAM first (a text); INSERT INTO first VALUES ('x'); SELECT @wrong FROM first;"
       "CREATE STREAM second (a text)",
       "\"wrong\""});
  EXPECT_EQ(query("SELECT a FROM first"), Strings{R"({"a":"x"})"}) << "what was done before stays";
  EXPECT_FALSE(system_->catalog.state()->streams.contains("second"));
  // What cannot be read at all is not begun.
  expect_wrong({"CREATE STREAM third (a text); CREATE STRAEM fourth (a text)", ""});
  EXPECT_FALSE(system_->catalog.state()->streams.contains("third"));
}

TEST_F(ExecutorTest, LimitsAreKept) {
  EXPECT_EQ(execute_with({.rows_max = 3}, "SELECT n FROM events").at(0).result->rows, 3u);
  expect_refusal(Code::kTooLarge, "add LIMIT", [&] { execute_with({.rows_max = 2}, "SELECT n FROM events"); });
  EXPECT_EQ(execute_with({.rows_max = 2}, "SELECT n FROM events ORDER BY n LIMIT 2").at(0).result->rows, 2u);
  std::string body;
  for (int i = 0; i < 5'000; ++i) body += fmt::format("{{\"n\":{},\"grp\":\"group {}\"}}\n", i, i);
  system_->append("events", body);
  expect_refusal(Code::kTooLarge, "", [&] {
    execute_with({.memory_bytes_max = 100'000}, "SELECT grp, count(*) AS n FROM events GROUP BY grp");
  });
  EXPECT_EQ(execute_with({.memory_bytes_max = 100'000}, "SELECT count(*) AS n FROM events").at(0).result->rows, 1u)
      << "what is only passed through takes no memory";
  using namespace std::chrono_literals;
  expect_refusal(Code::kTimeout, "longer than -1 ms",
                 [&] { execute_with({.time_max = -1ms}, "SELECT n FROM events"); });
  expect_refusal(Code::kTimeout, "longer than -1 ms",
                 [&] { execute_with({.time_max = -1ms}, "SELECT n FROM totals"); });
}

TEST_F(ExecutorTest, AViewIsReadOnlyWhenItHasCaughtUp) {
  // Views after a power cut are behind the log until they have replayed what the store had not made durable.
  int rows = 3;
  for (int round = 0; round < 4; ++round) {
    std::string body;
    for (int i = 0; i < 2'000; ++i)
      body += R"({"n":1,"grp":"z"})"
              "\n";
    EXPECT_TRUE(system_->wait(system_->append("events", body).token));
    rows += 2'000;
    const Strings seen{fmt::format(R"({{"n":{}}})", rows)};
    EXPECT_EQ(query("SELECT sum(events) AS n FROM totals"), seen);
    cut_power(files_);
    system_.reset();
    files_.restore_power();
    open();
    EXPECT_EQ(query("SELECT sum(events) AS n FROM totals"), seen) << "a reader has seen it";
  }
}

}  // namespace
}  // namespace headrace
