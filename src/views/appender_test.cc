#include "views/appender.h"

#include <gtest/gtest.h>

#include "log/record_batch.h"
#include "views/testing_errors.h"
#include "views/testing_system.h"

namespace headrace {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kApp = R"(
  CREATE STREAM events (n integer NOT NULL, grp text) WITH (key = 'grp', partitions = 3);
  CREATE STREAM loose (n integer NOT NULL, note text) WITH (partitions = 4);
  CREATE STREAM numbered (id bigint, n integer) WITH (id = 'id', partitions = 2);
  CREATE TABLE cities (code text PRIMARY KEY, city text) WITH (partitions = 2);
  CREATE STREAM large AS SELECT n, grp FROM events WHERE n > 50;
  CREATE MATERIALIZED VIEW totals AS SELECT grp, count(*) AS events, sum(n) AS n FROM events GROUP BY grp;
  CREATE MATERIALIZED VIEW names AS SELECT count(*) AS cities, max(city) AS last FROM cities;
  CREATE MATERIALIZED VIEW distinct_ids AS SELECT count(*) AS rows, sum(n) AS n FROM numbered;
)";

class AppenderTest : public testing::Test {
 protected:
  AppenderTest() {
    open();
    system_->execute(kApp);
  }

  void open() {
    system_.reset();
    system_ = std::make_unique<TestSystem>(files_);
  }
  AppendResult append(const std::string& stream, RowFormat format, const std::string& body,
                      AppendOptions options = {}) {
    return system_->runtime.block_on([&] { return system_->appender.append(stream, format, body, options); });
  }
  AppendResult append_with(const AppendLimits& limits, const std::string& stream, const std::string& ndjson,
                           AppendOptions options = {}) {
    Appender appender(system_->runtime, system_->timers.clock(), *system_->log, system_->catalog, limits);
    return system_->runtime.block_on([&] { return appender.append(stream, RowFormat::kNdjson, ndjson, options); });
  }
  AppendResult remove(const std::string& table, const Strings& keys) {
    auto type = std::make_shared<RowType>();
    type->columns.push_back(system_->catalog.state()->stream(table)->type->columns[0]);
    BatchBuilder builder(type);
    for (const std::string& key : keys) builder.append_row(std::vector<Value>{parse_text(key, type->columns[0].type)});
    return system_->runtime.block_on([&] { return system_->appender.remove(table, builder.finish()); });
  }
  // Records on the log.
  int64_t records(const std::string& stream) {
    const StreamDefinition& definition = system_->catalog.state()->stream(stream)->definition;
    int64_t records = 0;
    for (PartitionId partition = 0; partition < definition.partitions; ++partition)
      records += system_->runtime.block_on([&] { return system_->log->bounds(definition.topic, partition); }).end.value;
    return records;
  }
  Strings rows_after(const AppendResult& result, const std::string& view) {
    EXPECT_TRUE(system_->wait(result.token, view));
    return system_->rows(view);
  }
  int32_t last_sequence(const std::string& stream, const std::string& producer) {
    return system_->runtime.block_on([&] { return system_->appender.last_sequence(stream, producer); });
  }

  FaultyFiles files_{1};
  std::unique_ptr<TestSystem> system_;
};

TEST_F(AppenderTest, OneBadRowRefusesTheRequest) {
  const std::pair<RowFormat, std::string> bodies[] = {
      {RowFormat::kNdjson, "{\"n\":1}\n{\"n\":\"x\"}\n{\"n\":3}"},
      {RowFormat::kJson, R"([{"n":1},{"n":"x"},{"n":3}])"},
      {RowFormat::kCsv, "n,grp\n1,a\nx,b\n3,c\n"},
      {RowFormat::kNdjson, "{\"n\":1}\n{\"n\":\"x\"}\n{\"n\":3,\"grp\":\"" + std::string(20'000, 'g') + "\"}"},
  };
  for (const auto& [format, body] : bodies) {
    const Error error = error_of([&] { append("events", format, body); });
    EXPECT_EQ(error.code(), Code::kInvalid);
    EXPECT_EQ(error.where().row, 2);
    EXPECT_EQ(error.where().column, "n");
    EXPECT_TRUE(error.message().contains("\"x\" is not integer")) << error.message();
    EXPECT_EQ(records("events"), 0);
  }
}

TEST_F(AppenderTest, ABadBodyDoesNotHarmTheNext) {
  int64_t good = 0;
  for (const char* bad : {"{\"n\":1}\n{\"n\":2,\"grp\":\"a\",\"x\":1}", "{\"n\":1,\"grp\":\"a\"}\n{\"n\":",
                          "{\"grp\":\"a\"}", "{\"n\":1,\"grp\":\"half\"}\n{\"grp\":\"b\",\"n\":true}", "[", "\xff"}) {
    EXPECT_EQ(error_of([&] { append("events", RowFormat::kNdjson, bad); }).code(), Code::kInvalid) << bad;
    EXPECT_EQ(append("events", RowFormat::kNdjson, "{\"grp\":\"a\",\"n\":1}\n{\"n\":2}").rows, 2u);
    EXPECT_EQ(append("loose", RowFormat::kNdjson, R"({"n":1})").rows, 1u);  // of another type, with the same columns
    good += 2;
    EXPECT_EQ(records("events"), good);
  }
  const AppendResult last = append("events", RowFormat::kNdjson, R"({"n":1,"grp":"a"})");
  EXPECT_EQ(rows_after(last, "totals"),
            (Strings{R"({"grp":"a","events":7,"n":7})", R"({"grp":null,"events":6,"n":12})"}));
}

TEST_F(AppenderTest, BadRowsGoToTheDeadStreamWhenAsked) {
  const AppendOptions options{.idempotency_key = "once", .bad_rows_to_dead = true};
  const std::string body = "{\"n\":1}\n{\"n\":\"x\"}\nnonsense\n{\"n\":4}";
  const AppendResult result = append("events", RowFormat::kNdjson, body, options);
  EXPECT_EQ(result.rows, 2u);
  EXPECT_EQ(result.dead_rows, 2u);
  EXPECT_FALSE(result.duplicate);
  EXPECT_EQ(records("events"), 2);
  const Strings dead = system_->query(R"(SELECT "row" FROM "events.dead" WHERE error LIKE '%integer%')");
  EXPECT_EQ(dead, Strings{R"({"row":"{\"n\":\"x\"}"})"});
  // A retry is harmless, to the dead rows as well.
  EXPECT_TRUE(append("events", RowFormat::kNdjson, body, options).duplicate);
  open();
  EXPECT_TRUE(append("events", RowFormat::kNdjson, body, options).duplicate);
  EXPECT_EQ(records("events"), 2);
  EXPECT_EQ(records("events.dead"), 2);
  const AppendResult none = append("events", RowFormat::kNdjson, "x", {.bad_rows_to_dead = true});
  EXPECT_EQ(none.rows, 0u);
  EXPECT_EQ(none.dead_rows, 1u);
  EXPECT_FALSE(none.duplicate);
}

TEST_F(AppenderTest, ARepeatedKeyHasNoEffect) {
  const std::string body = "{\"n\":1,\"grp\":\"a\"}\n{\"n\":2,\"grp\":\"b\"}\n{\"n\":3,\"grp\":\"c\"}";
  for (const char* stream : {"events", "loose"}) {
    const std::string rows = stream == std::string("loose") ? "{\"n\":1}\n{\"n\":2}\n{\"n\":3}" : body;
    const AppendResult first = append(stream, RowFormat::kNdjson, rows, {.idempotency_key = "k1"});
    EXPECT_FALSE(first.duplicate);
    for (int restart = 0; restart < 2; ++restart) {
      const AppendResult again = append(stream, RowFormat::kNdjson, rows, {.idempotency_key = "k1"});
      EXPECT_TRUE(again.duplicate);
      EXPECT_EQ(again.rows, 3u);
      EXPECT_EQ(again.token.to_string(), first.token.to_string());
      EXPECT_EQ(records(stream), 3);
      if (restart == 0) open();
    }
    EXPECT_FALSE(append(stream, RowFormat::kNdjson, rows, {.idempotency_key = "k2"}).duplicate);
    EXPECT_EQ(records(stream), 6);
  }
}

// The log knows the places of a producer's last few batches.
TEST_F(AppenderTest, ARepeatWhoseFirstIsNotKnownAnyMoreHasATokenToWaitFor) {
  const auto send = [&](int32_t sequence) {
    return append("events", RowFormat::kNdjson, R"({"n":1,"grp":"a"})", {.producer = "p", .sequence = sequence});
  };
  std::vector<AppendResult> sent;
  for (int32_t sequence = 0; sequence < 8; ++sequence) sent.push_back(send(sequence));
  for (int restart = 0; restart < 2; ++restart) {
    for (const AppendResult& again : {send(0), send(2)}) {
      EXPECT_TRUE(again.duplicate);
      EXPECT_EQ(Token::parse(again.token.to_string()).ends, sent.back().token.ends);
      EXPECT_EQ(rows_after(again, "totals"), (Strings{R"({"grp":"a","events":8,"n":8})"}));
    }
    EXPECT_EQ(send(7).token.ends, sent.back().token.ends);
    if (restart == 0) open();
  }
  const AppendResult first = append("events", RowFormat::kNdjson, R"({"n":1,"grp":"b"})", {.idempotency_key = "k"});
  const AppendResult other = append("events", RowFormat::kNdjson, "{\"n\":1,\"grp\":\"b\"}\n{\"n\":2,\"grp\":\"b\"}",
                                    {.idempotency_key = "k"});
  EXPECT_TRUE(other.duplicate);
  EXPECT_EQ(other.token.ends, first.token.ends);
}

TEST_F(AppenderTest, ProducersNumberTheirRequests) {
  const auto send = [&](int32_t sequence) {
    return append("events", RowFormat::kNdjson, "{\"n\":1,\"grp\":\"a\"}\n{\"n\":2,\"grp\":\"b\"}",
                  {.producer = "sensor", .sequence = sequence});
  };
  EXPECT_EQ(last_sequence("events", "sensor"), -1);
  EXPECT_FALSE(send(0).duplicate);
  EXPECT_FALSE(send(1).duplicate);
  EXPECT_TRUE(send(1).duplicate);
  EXPECT_TRUE(send(0).duplicate);
  EXPECT_EQ(last_sequence("events", "sensor"), 1);
  open();
  EXPECT_EQ(last_sequence("events", "sensor"), 1);
  EXPECT_TRUE(send(1).duplicate);
  EXPECT_FALSE(send(5).duplicate) << "numbers may be left out";
  EXPECT_EQ(records("events"), 6);
  EXPECT_EQ(last_sequence("events", "other"), -1);
  EXPECT_EQ(last_sequence("loose", "sensor"), -1) << "streams do not share producers";
  expect_refusal(Code::kInvalid, "number is missing", [&] { send(-1); });
}

TEST_F(AppenderTest, HeadracesOwnStreamsAreNotWrittenByOthers) {
  for (const char* stream : {"large", "events.dead", "totals.dead"})
    expect_refusal(Code::kRefused, "is written by Headrace", [&] { append(stream, RowFormat::kNdjson, R"({"n":1})"); });
  for (const char* stream : {"nothing", "totals"})
    expect_refusal(Code::kNotFound, "there are: cities, events, large, loose, numbered",
                   [&] { append(stream, RowFormat::kNdjson, R"({"n":1})"); });
}

TEST_F(AppenderTest, RowsOfTablesAreReplacedAndRemoved) {
  append("cities", RowFormat::kCsv, "code,city\nORD,Chicago\nJFK,New York\n");
  const AppendResult replaced = append("cities", RowFormat::kCsv, "code,city\nJFK,Queens\n");
  EXPECT_EQ(rows_after(replaced, "names"), Strings{R"({"cities":2,"last":"Queens"})"});
  const AppendResult removed = remove("cities", {"JFK", "never there"});
  EXPECT_EQ(removed.rows, 2u);
  EXPECT_EQ(rows_after(removed, "names"), Strings{R"({"cities":1,"last":"Chicago"})"});
  EXPECT_EQ(rows_after(remove("cities", {"ORD"}), "names"), Strings{R"({"cities":0,"last":null})"});
  expect_refusal(Code::kRefused, "its rows are events", [&] { remove("loose", {"1"}); });
  expect_refusal(Code::kRefused, "its rows are events", [&] { remove("cities.dead", {"1"}); });
}

TEST_F(AppenderTest, ManyRowsAreRemovedAtOnce) {
  Strings keys;
  for (int i = 0; i < 17; ++i) keys.push_back(std::to_string(i) + std::string(1'000'000, 'k'));
  system_->execute("CREATE TABLE tokens (token text PRIMARY KEY) WITH (partitions = 1)");
  EXPECT_EQ(remove("tokens", keys).rows, 17u);  // more than a record batch may have
  EXPECT_EQ(records("tokens"), 17);
}

TEST_F(AppenderTest, LimitsAreKept) {
  const AppendLimits limits{.rows_max = 3, .row_bytes_max = 40};
  EXPECT_EQ(append_with(limits, "events", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}").rows, 3u);
  expect_refusal(Code::kTooLarge, "3",
                 [&] { append_with(limits, "events", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}"); });
  const std::string row = R"({"n":1,"grp":")" + std::string(24, 'g') + "\"}";
  ASSERT_EQ(row.size(), 40u);
  EXPECT_EQ(append_with(limits, "events", row).rows, 1u);
  const Error error =
      error_of([&] { append_with(limits, "events", "{\"n\":1}\n" + row + " \n" + row.substr(0, 38) + "g\"}"); });
  EXPECT_TRUE(error.message().contains("40")) << error.message();
  EXPECT_EQ(error.where().row, 3);
  EXPECT_EQ(records("events"), 4);
  // With other limits the same thread takes it.
  EXPECT_EQ(append("events", RowFormat::kNdjson, row.substr(0, 38) + "g\"}").rows, 1u);
}

TEST_F(AppenderTest, RowsOfOneNumberAreOneRecordBatch) {
  std::string body;
  for (int i = 0; i < 20; ++i) body += R"({"n":1,"grp":")" + std::string(900'000, 'g') + "\"}\n";
  expect_refusal(Code::kTooLarge, "send fewer rows at a time",
                 [&] { append("events", RowFormat::kNdjson, body, {.idempotency_key = "k"}); });
  expect_refusal(Code::kTooLarge, "send fewer rows at a time", [&] {
    append("events", RowFormat::kNdjson, body + "bad", {.idempotency_key = "k", .bad_rows_to_dead = true});
  });
  EXPECT_EQ(records("events"), 0);
  EXPECT_EQ(records("events.dead"), 0) << "what is refused leaves nothing";
  EXPECT_EQ(append("events", RowFormat::kNdjson, body).rows, 20u) << "without a number they need not fit into one";
  EXPECT_EQ(records("events"), 20);
}

TEST_F(AppenderTest, AnIdCountsOnce) {
  append("numbered", RowFormat::kNdjson, "{\"id\":1,\"n\":1}\n{\"id\":1,\"n\":10}\n{\"id\":2,\"n\":100}");
  const AppendResult again = append("numbered", RowFormat::kNdjson, "{\"id\":2,\"n\":1000}\n{\"id\":3,\"n\":1}");
  EXPECT_EQ(again.rows, 2u);
  const Strings wanted{R"({"rows":3,"n":102})"};
  EXPECT_EQ(rows_after(again, "distinct_ids"), wanted);
  open();
  EXPECT_EQ(rows_after(append("numbered", RowFormat::kNdjson, R"({"id":3,"n":5})"), "distinct_ids"), wanted);
  EXPECT_EQ(system_->query("SELECT count(*) AS rows, sum(n) AS n FROM numbered"), wanted);
  expect_refusal(Code::kInvalid, "id", [&] { append("numbered", RowFormat::kNdjson, R"({"n":5})"); });
}

TEST_F(AppenderTest, KeysDecideThePartition) {
  const auto partitions = [](const AppendResult& result) {
    std::vector<PartitionId> found;
    for (const auto& [partition, end] : result.token.ends) found.push_back(partition);
    return found;
  };
  const auto first = partitions(append("events", RowFormat::kNdjson, R"({"n":1,"grp":"a"})"));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(partitions(append("events", RowFormat::kNdjson, R"({"n":2,"grp":"a"})")), first);
  EXPECT_EQ(first[0], partition_of("a", 3));
}

}  // namespace
}  // namespace headrace
