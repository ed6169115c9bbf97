#include "views/stream_reader.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "log/testing_log.h"
#include "runtime/join.h"
#include "schema/row_parser.h"
#include "store/memory_store.h"
#include "views/testing_catalog.h"
#include "views/testing_errors.h"
#include "views/value_codec.h"

namespace headrace {
namespace {

using Strings = std::vector<std::string>;

class StreamReaderTest : public testing::Test {
 protected:
  ~StreamReaderTest() override { stop(); }

  void create(const std::string& sql, TopicConfig config = {}) {
    catalog_.apply(sql);
    stream_ = catalog_.stream("s");
    config.partitions = stream_->definition.partitions;
    log_.create("s", config);
  }
  // A reader that knows nothing but what is in the log and the store.
  void start(StreamReaderOptions options = {}) {
    stop();
    Shard& shard = log_.runtime().shard(0);
    reader_ = std::make_shared<StreamReader>(log_.runtime(), shard, log_.time(), log_.log(), *store_, stream_, options);
    log_.run([&] { return reader_->start(); });
  }
  void stop() {
    if (reader_) log_.run([&] { return reader_->stop(); });
    reader_.reset();
  }

  std::string batch(const std::string& ndjson) {
    const Batch rows = RowParser(stream_->type, RowFormat::kNdjson).parse(ndjson);
    const RowEncoder encoder(stream_);
    RecordBatchBuilder builder;
    for (size_t row = 0; row < rows.rows; ++row) {
      std::string key, value;
      const bool has_key = encoder.append_key(key, rows, row);
      encoder.append_value(value, rows, row);
      builder.append(log_.time().wall_ms(), has_key ? std::optional<std::string_view>(key) : std::nullopt, value);
    }
    return builder.finish();
  }
  // Appends one batch and waits until the reader, if there is one, has heard of it.
  void append(const std::string& ndjson, PartitionId partition = 0) { append_bytes(batch(ndjson), partition); }
  void append_bytes(std::string bytes, PartitionId partition = 0) {
    const Offset end = log_.append_bytes("s", partition, std::move(bytes)).end;
    if (reader_) log_.run([&] { return until(reader_, partition, end); });
  }
  static awaitable<void> until(std::shared_ptr<StreamReader> reader, PartitionId partition, Offset end) {
    while (reader->bounds(static_cast<size_t>(partition)).end < end) co_await reader->news().wait();
  }

  static awaitable<void> update(std::shared_ptr<StreamReader> reader, StreamInfoPtr stream) {
    reader->update(std::move(stream));
    co_return;
  }

  SourceBatchPtr read(Offset from, Offset to = kOffsetMax, PartitionId partition = 0) {
    return log_.run([&] { return reader_->read(partition, from, to); });
  }
  // All rows from `from` on, one after the other.
  Strings rows(Offset from = {}) {
    Strings result;
    for (Offset position = from;;) {
      const SourceBatchPtr batch = read(position);
      if (!batch) return result;
      for (const std::string& row : texts(*batch)) result.push_back(row);
      EXPECT_GT(batch->next, position);
      position = batch->next;
    }
  }
  static Strings texts(const SourceBatch& batch) {
    Strings result;
    for (size_t row = 0; row < batch.rows.rows; ++row) {
      append_row_json(result.emplace_back(), batch.rows, row);
      if (!batch.deleted.empty() && batch.deleted[row]) result.back() += " deleted";
    }
    return result;
  }

  std::unique_ptr<Store> store_ = make_memory_store(size_t{64} << 20);
  TestingLog log_;
  TestCatalog catalog_;
  StreamInfoPtr stream_;
  std::shared_ptr<StreamReader> reader_;
};

constexpr std::string_view kEvents = "CREATE STREAM s (id bigint, note text) WITH (key = 'note', partitions = 2";
const std::string kWithId = std::string(kEvents) + ", id = 'id')";
const std::string kPlain = std::string(kEvents) + ")";

TEST_F(StreamReaderTest, RowsComeInTheOrderOfTheLog) {
  create(kPlain);
  append("{\"id\":1,\"note\":\"a\"}\n{\"id\":2}");
  start();
  append(R"({"id":3})");
  append(R"({"id":4})", 1);
  const SourceBatchPtr first = read({0});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->from, Offset{0});
  EXPECT_EQ(first->partition, 0);
  EXPECT_EQ(rows(), (Strings{R"({"id":1,"note":"a"})", R"({"id":2,"note":null})", R"({"id":3,"note":null})"}));
  EXPECT_EQ(read({3}), nullptr);
  EXPECT_EQ(texts(*read({0}, kOffsetMax, 1)), Strings{R"({"id":4,"note":null})"});
  EXPECT_EQ(reader_->ends(), (std::vector<Offset>{{3}, {1}}));
}

TEST_F(StreamReaderTest, ReadsStopWhereTheyAreToldTo) {
  create(kPlain);
  append("{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n{\"id\":4}");
  start();
  const SourceBatchPtr middle = read({1}, {3});
  EXPECT_EQ(texts(*middle), (Strings{R"({"id":2,"note":null})", R"({"id":3,"note":null})"}));
  EXPECT_EQ(middle->next, Offset{3});
  EXPECT_EQ(read({3}, {3}), nullptr);
  EXPECT_EQ(rows({3}), Strings{R"({"id":4,"note":null})"});
}

TEST_F(StreamReaderTest, FlowsAtTheSamePlaceShareTheWork) {
  create(kPlain);
  append(R"({"id":1})");
  start();
  const auto both = log_.run([&] {
    std::vector<awaitable<SourceBatchPtr>> reads;
    for (int i = 0; i < 3; ++i) reads.push_back(reader_->read(0, {0}));
    return join_all(reader_->shard(), std::move(reads));
  });
  ASSERT_TRUE(both[0]);
  EXPECT_EQ(both[0], both[1]);
  EXPECT_EQ(both[0], both[2]);
  EXPECT_EQ(read({0}), both[0]);
}

TEST_F(StreamReaderTest, WhatIsKeptIsBounded) {
  create(kPlain);
  for (int i = 0; i < 4; ++i) append(R"({"id":1})");
  start({.fetch_bytes = 1, .cached_batches_max = 2});
  std::vector<SourceBatchPtr> batches;
  for (int i = 0; i < 4; ++i) batches.push_back(read({i}));
  EXPECT_EQ(read({3}), batches[3]);
  EXPECT_EQ(read({2}), batches[2]);
  EXPECT_NE(read({0}), batches[0]) << "the oldest goes first";
}

TEST_F(StreamReaderTest, TheFirstOfOneIdCounts) {
  create(kWithId);
  start();
  append("{\"id\":1,\"note\":\"a\"}\n{\"id\":2,\"note\":\"b\"}\n{\"id\":1,\"note\":\"c\"}");
  append("{\"id\":2,\"note\":\"d\"}\n{\"id\":3,\"note\":\"e\"}");
  append("{\"id\":3,\"note\":\"f\"}");
  const Strings wanted = {R"({"id":1,"note":"a"})", R"({"id":2,"note":"b"})", R"({"id":3,"note":"e"})"};
  EXPECT_EQ(rows(), wanted);
  EXPECT_EQ(rows(), wanted) << "from what is kept";
  // Whoever comes later sees the same, wherever they begin.
  for (const size_t fetch_bytes : {size_t{1}, size_t{1} << 20}) {
    start({.fetch_bytes = fetch_bytes});
    EXPECT_EQ(rows(), wanted);
    EXPECT_EQ(rows({1}), Strings(wanted.begin() + 1, wanted.end()));
    EXPECT_EQ(rows({2}), Strings{wanted[2]});
    EXPECT_EQ(rows({5}), Strings());
  }
}

TEST_F(StreamReaderTest, IdsAreLookedAtInOrderWhereverTheFirstReadIs) {
  create(kWithId);
  append("{\"id\":1,\"note\":\"a\"}");
  append("{\"id\":2,\"note\":\"b\"}");
  append("{\"id\":1,\"note\":\"c\"}\n{\"id\":3,\"note\":\"d\"}");
  start({.fetch_bytes = 1});
  EXPECT_EQ(rows({2}), Strings{R"({"id":3,"note":"d"})"});
  EXPECT_EQ(rows(), (Strings{R"({"id":1,"note":"a"})", R"({"id":2,"note":"b"})", R"({"id":3,"note":"d"})"}));
}

TEST_F(StreamReaderTest, APositionThatRetentionRemovedMovesOn) {
  for (const std::string& sql : {kPlain, kWithId}) {
    SCOPED_TRACE(sql);
    if (stream_) {
      stop();
      log_.run([&] { return log_.log().remove("s"); });
      catalog_.apply("DROP STREAM s");
    }
    create(sql, {.retention_ms = 3600 * 1000});
    append("{\"id\":1}\n{\"id\":2}");
    start();
    log_.time().advance(std::chrono::hours(1));
    log_.run([&] { return log_.log().clean(); });  // begins another segment
    append(R"({"id":3})");
    log_.time().advance(std::chrono::minutes(30));
    log_.run([&] { return log_.log().set_retention_floor("s", 0, kOffsetMax); });
    log_.run([&] { return log_.log().clean(); });
    ASSERT_EQ(log_.bounds("s", 0).start, Offset{2});
    // At once, before the reader can have heard of it.
    EXPECT_EQ(rows(), Strings{R"({"id":3,"note":null})"});
    EXPECT_EQ(rows({1}), Strings{R"({"id":3,"note":null})"});
  }
}

TEST_F(StreamReaderTest, NewColumnsAreInAllRows) {
  create(kPlain);
  append(R"({"id":1})");
  start();
  const SourceBatchPtr narrow = read({0});
  catalog_.apply("ALTER STREAM s ADD COLUMN extra text DEFAULT 'none'");
  stream_ = catalog_.stream("s");
  log_.run([&] { return update(reader_, stream_); });
  append(R"({"id":2,"extra":"x"})");
  EXPECT_EQ(rows(), (Strings{R"({"id":1,"note":null,"extra":"none"})", R"({"id":2,"note":null,"extra":"x"})"}));
  // Queries that were made before see what they knew.
  const RowTypePtr before = narrow->rows.type;
  EXPECT_EQ(texts(*with_columns(read({1}), before)), Strings{R"({"id":2,"note":null})"});
  EXPECT_EQ(with_columns(narrow, before), narrow);
  expect_refusal(Code::kUnavailable, "ask again", [&] { with_columns(narrow, stream_->type); });
}

TEST_F(StreamReaderTest, TombstonesAreRowsOfTablesOnly) {
  RecordBatchBuilder tombstone;
  tombstone.append(1000, "b", std::nullopt);
  const std::string bytes = tombstone.finish();
  create("CREATE TABLE s (note text PRIMARY KEY, n integer) WITH (partitions = 1)");
  append(R"({"note":"a","n":1})");
  append_bytes(bytes);
  append(R"({"note":"b","n":2})");
  start();
  EXPECT_EQ(rows(), (Strings{R"({"note":"a","n":1})", R"({"note":"b","n":null} deleted)", R"({"note":"b","n":2})"}));
  stop();
  log_.run([&] { return log_.log().remove("s"); });
  catalog_.apply("DROP TABLE s");
  create(kPlain);
  append_bytes(bytes);
  append(R"({"id":1})");
  start();
  EXPECT_EQ(rows(), Strings{R"({"id":1,"note":null})"});
}

TEST_F(StreamReaderTest, RecordsThatAreNoRowsAreReportedAndPassed) {
  create(kWithId);
  start();
  append(R"({"id":1})");
  append_bytes(batch_of({"garbage"}));
  append(R"({"id":2})");
  const SourceBatchPtr batch = read({0});
  const SourceBatchPtr second = batch->next > Offset{1} ? batch : read(batch->next);
  ASSERT_EQ(second->dead.size(), 1u);
  EXPECT_TRUE(second->dead[0].error.contains("record 1 of partition 0")) << second->dead[0].error;
  EXPECT_EQ(second->dead[0].row_json, "\"Z2FyYmFnZQ==\"");
  EXPECT_EQ(rows(), (Strings{R"({"id":1,"note":null})", R"({"id":2,"note":null})"}));
}

TEST_F(StreamReaderTest, BatchesThatAreNotReadableAreReportedAndPassed) {
  create("CREATE STREAM s (n integer) WITH (partitions = 1)");
  start();
  append(R"({"n":1})");
  // With the right CRC, as a client may send them: records that are none, and a payload that is not compressed at all.
  for (const Compression compression : {Compression::kNone, Compression::kZstd}) {
    std::string bytes = batch(R"({"n":2})");
    for (size_t i = kBatchHeaderBytes; i < bytes.size(); ++i) bytes[i] = '\xff';
    store_big_endian(bytes.data() + batch_layout::kAttributesAt, static_cast<int16_t>(compression));
    store_big_endian(bytes.data() + batch_layout::kCrcAt,
                     crc32c(std::string_view(bytes).substr(batch_layout::kAttributesAt)));
    append_bytes(std::move(bytes));
  }
  append(R"({"n":3})");
  Strings rows, dead;
  for (Offset position{0}; const SourceBatchPtr batch = read(position); position = batch->next) {
    for (const std::string& row : texts(*batch)) rows.push_back(row);
    for (const DeadRow& row : batch->dead) dead.push_back(row.error);
  }
  EXPECT_EQ(rows.size(), 2U);
  ASSERT_EQ(dead.size(), 2U);
  EXPECT_TRUE(dead[0].starts_with("the rest of the batch from offset 1 of partition 0 is not readable: ")) << dead[0];
}

TEST_F(StreamReaderTest, NobodyReadsFromAReaderThatStopped) {
  create(kPlain);
  append(R"({"id":1})");
  start();
  const auto reader = reader_;
  stop();
  EXPECT_EQ(error_of([&] { log_.run([&] { return reader->read(0, {0}); }); }).code(), Code::kUnavailable);
}

}  // namespace
}  // namespace headrace
