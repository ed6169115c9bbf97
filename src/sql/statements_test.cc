#include "sql/statements.h"

#include <gtest/gtest.h>

#include <thread>

#include "sql/testing_errors.h"

namespace headrace {
namespace {

template <typename Body>
Body only(std::string_view sql) {
  std::vector<Statement> statements = parse_statements(sql);
  EXPECT_EQ(statements.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Body>(statements.at(0).body)) << sql;
  return std::get<Body>(statements.at(0).body);
}

std::vector<std::string> column_texts(const StreamDefinition& definition) {
  std::vector<std::string> result;
  for (const Column& column : definition.columns)
    result.push_back(column.name + " " + column.type.name() + (column.nullable ? "" : " NOT NULL") +
                     (column.default_json.empty() ? "" : " DEFAULT " + column.default_json));
  return result;
}

using Texts = std::vector<std::string>;

TEST(Statements, CreateStream) {
  const auto created = only<CreateStream>(R"(
    CREATE STREAM scans (
      scan_id    uuid,
      parcel_id  text NOT NULL,
      amount     numeric(12,2) DEFAULT 1.5,
      scanned_at timestamptz NOT NULL,
      WATERMARK FOR scanned_at AS scanned_at - INTERVAL '5 minutes'
    ) WITH (key = 'parcel_id, amount', partitions = 8, id = 'scan_id', retention = '30 days', retention_bytes = '1 GB',
            topic = 'Parcel.Scans') FORMAT JSON;)");
  const StreamDefinition& definition = created.definition;
  EXPECT_EQ(definition.name, "scans");
  EXPECT_FALSE(definition.is_table);
  EXPECT_EQ(column_texts(definition), (Texts{"scan_id uuid NOT NULL", "parcel_id text NOT NULL",
                                             "amount numeric(12,2) DEFAULT 1.50", "scanned_at timestamptz NOT NULL"}));
  EXPECT_EQ(definition.key, (Texts{"parcel_id", "amount"}));
  EXPECT_EQ(definition.id, "scan_id");
  EXPECT_EQ(definition.watermark_column, "scanned_at");
  EXPECT_EQ(definition.watermark_delay_us, 300'000'000);
  EXPECT_EQ(definition.partitions, 8);
  EXPECT_EQ(definition.retention_ms, 30LL * 86'400'000);
  EXPECT_EQ(definition.retention_bytes, 1LL << 30);
  EXPECT_EQ(definition.format, ValueFormat::kJson);
  EXPECT_EQ(definition.topic, "Parcel.Scans");
}

TEST(Statements, DefaultsOfAStream) {
  const auto created = only<CreateStream>("create stream if not exists s (a int)");
  EXPECT_TRUE(created.if_not_exists);
  EXPECT_EQ(created.definition.topic, "s");
  EXPECT_EQ(created.definition.format, ValueFormat::kAvro);
  EXPECT_EQ(created.definition.retention_ms, -1);
  EXPECT_TRUE(created.definition.key.empty());
  EXPECT_EQ(only<CreateStream>("CREATE STREAM s (a int) WITH (retention = 'forever')").definition.retention_ms, -1);
  EXPECT_EQ(only<CreateStream>("CREATE STREAM s (a int, b int) WITH (key = b)").definition.key, Texts{"b"});
}

TEST(Statements, WatermarkMayStandAnywhereAmongTheColumns) {
  for (const char* sql : {"CREATE STREAM s (WATERMARK FOR t AS t, a int, t timestamptz)",
                          "CREATE STREAM s (a int, WATERMARK FOR t AS t, t timestamptz)",
                          "CREATE STREAM s (a int, t timestamptz, WATERMARK FOR t AS t - INTERVAL '0' SECOND)"}) {
    const auto created = only<CreateStream>(sql);
    EXPECT_EQ(created.definition.watermark_column, "t") << sql;
    EXPECT_EQ(created.definition.watermark_delay_us, 0) << sql;
    EXPECT_EQ(created.definition.columns.size(), 2u) << sql;
  }
  EXPECT_EQ(only<CreateStream>("CREATE STREAM s (\"watermark\" int, format text)").definition.columns.size(), 2u);
}

TEST(Statements, CreateTable) {
  const auto created = only<CreateStream>("CREATE TABLE depots (depot text PRIMARY KEY, lat double precision)");
  EXPECT_TRUE(created.definition.is_table);
  EXPECT_EQ(created.definition.key, Texts{"depot"});
  EXPECT_EQ(column_texts(created.definition), (Texts{"depot text NOT NULL", "lat double precision"}));
  EXPECT_EQ(only<CreateStream>("CREATE TABLE t (a int, b int, c text[], PRIMARY KEY (b, a))").definition.key,
            (Texts{"b", "a"}));
}

TEST(Statements, CreateView) {
  const auto view = only<CreateView>(
      "CREATE OR REPLACE MATERIALIZED VIEW v WITH (retention = '7 days') AS\n  SELECT a AS b FROM s -- the end\n;");
  EXPECT_TRUE(view.or_replace);
  EXPECT_EQ(view.definition.name, "v");
  EXPECT_EQ(view.definition.query, "SELECT a AS b FROM s");
  EXPECT_EQ(view.definition.retention_ms, 7LL * 86'400'000);
  EXPECT_TRUE(only<CreateView>("CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1 FROM s").if_not_exists);
  EXPECT_EQ(only<CreateView>("CREATE MATERIALIZED VIEW v AS SELECT 1 AS x FROM s WITH DATA").definition.query,
            "SELECT 1 AS x FROM s");
}

TEST(Statements, DerivedStream) {
  const auto created = only<CreateStream>(
      "CREATE STREAM late WITH (key = 'depot', partitions = 2) FORMAT JSON AS SELECT depot FROM scans WHERE x = "
      "'late'");
  EXPECT_EQ(created.definition.query, "SELECT depot FROM scans WHERE x = 'late'");
  EXPECT_EQ(created.definition.key, Texts{"depot"});
  EXPECT_EQ(created.definition.partitions, 2);
  EXPECT_EQ(created.definition.format, ValueFormat::kJson);
  EXPECT_TRUE(created.definition.columns.empty());
}

TEST(Statements, RawFormatHasNoNull) {
  EXPECT_FALSE(only<CreateStream>("CREATE STREAM s (line text) FORMAT RAW").definition.columns[0].nullable);
  EXPECT_TRUE(only<CreateStream>("CREATE STREAM s (line text) FORMAT JSON").definition.columns[0].nullable);
}

TEST(Statements, StreamingWordsInStringsAndCommentsStay) {
  const std::string text =
      "SELECT 'CREATE STREAM; FORMAT JSON' AS a /* ; WATERMARK FOR */, $x$ ; OR REPLACE $x$ FROM s";
  const std::vector<Statement> statements = parse_statements(text + "; SHOW VIEWS -- ; SELECT");
  ASSERT_EQ(statements.size(), 2u);
  EXPECT_EQ(statements[0].text, text);
  EXPECT_EQ(statements[1].text, "SHOW VIEWS");
  EXPECT_EQ(statements[1].position, static_cast<int64_t>(text.size()) + 2);
}

TEST(Statements, DropShowExplainAlter) {
  const std::vector<Statement> drops =
      parse_statements("DROP STREAM IF EXISTS a, b CASCADE; DROP TABLE t; DROP MATERIALIZED VIEW v");
  ASSERT_EQ(drops.size(), 4u);
  EXPECT_EQ(std::get<Drop>(drops[1].body).name, "b");
  EXPECT_EQ(std::get<Drop>(drops[1].body).what, Drop::What::kStream);
  EXPECT_TRUE(std::get<Drop>(drops[1].body).if_exists);
  EXPECT_TRUE(std::get<Drop>(drops[1].body).cascade);
  EXPECT_EQ(std::get<Drop>(drops[2].body).what, Drop::What::kTable);
  EXPECT_EQ(std::get<Drop>(drops[3].body).what, Drop::What::kView);
  EXPECT_EQ(only<Show>("show streams").what, "streams");
  EXPECT_EQ(only<Show>("SHOW CREATE VIEW v").name, "v");
  EXPECT_EQ(only<Show>("SHOW CREATE \"MyStream\"").name, "MyStream");
  EXPECT_EQ(only<Explain>("EXPLAIN  SELECT a FROM s").query, "SELECT a FROM s");
  const auto added = only<AlterAddColumn>("ALTER STREAM s ADD COLUMN IF NOT EXISTS x integer NOT NULL DEFAULT 3");
  EXPECT_EQ(added.name, "s");
  EXPECT_TRUE(added.if_not_exists);
  EXPECT_EQ(added.column.default_json, "3");
  EXPECT_EQ(parse_statements("ALTER TABLE t ADD COLUMN a text, ADD b text").size(), 2u);
}

TEST(Statements, InsertAndDelete) {
  EXPECT_EQ(only<Insert>("INSERT INTO s (a) VALUES (1), (2)").name, "s");
  const auto deleted = only<DeleteRow>("DELETE FROM t WHERE a = -1 AND 'x' = b AND c = DATE '2001-01-01'");
  ASSERT_EQ(deleted.key.size(), 3u);
  EXPECT_EQ(deleted.key[0], std::make_pair(std::string("a"), Value(std::string("-1"))));
  EXPECT_EQ(deleted.key[1], std::make_pair(std::string("b"), Value(std::string("x"))));
  EXPECT_EQ(deleted.key[2].second, Value(std::string("2001-01-01")));
}

TEST(Statements, ErrorsPointIntoTheText) {
  const WrongSql wrong[] = {
      {"SELECT a FRO @M s", "syntax error"},
      {"SELECT 'é', 'ü' FROM s WHER @x", "syntax error"},
      {"SHOW STREAMS; CREATE STREAM s (a int, @a text)", "two columns called \"a\""},
      {"CREATE STREAM s (a int) WITH (@partition = 3)", "did you mean \"partitions\"? It has: key, id, partitions"},
      {"CREATE STREAM s (a int) WITH (@cleanup = 3)", "has no option \"cleanup\". It has:"},
      {"CREATE STREAM s (a int) WITH (@partitions = 0)", "from 1 to"},
      {"CREATE STREAM s (a int) WITH (@partitions = '99999999999999999999')", "from 1 to"},
      {"CREATE STREAM s (a int) WITH (partitions = 1, @partitions = 2)", "given twice"},
      {"CREATE STREAM s (a int) WITH (@retention = 'soon')", "write '30 days'"},
      {"CREATE STREAM s (a int) WITH (@retention = 5)", "write '30 days'"},
      {"CREATE STREAM s (a int) WITH (@retention = '-1 day')", "a millisecond or more"},
      {"CREATE STREAM s (a int) WITH (@retention_bytes = '1 XB')", "write '512 MB'"},
      {"CREATE STREAM s (a int) WITH (@topic = 'a b')", "cannot be the name of a topic"},
      {"CREATE STREAM s (amount int) WITH (@key = 'amunt')", "did you mean \"amount\"?"},
      {"CREATE STREAM s (a jsonb) WITH (@key = 'a')", "has no order"},
      {"CREATE STREAM s (a int) WITH (@id = 'a, b')", "the name of one column"},
      {"CREATE STREAM s (a int @PRIMARY KEY)", "a stream has no PRIMARY KEY"},
      {"CREATE TABLE @t (a int)", "needs a PRIMARY KEY"},
      {"CREATE TABLE t (a int PRIMARY KEY) WITH (@key = 'a')", "the key of a table is its PRIMARY KEY"},
      {"CREATE TABLE t (a int PRIMARY KEY, @PRIMARY KEY (a))", "the second"},
      {"CREATE STREAM s (t timestamptz, @WATERMARK FOR u AS u)", "does not exist"},
      {"CREATE STREAM s (t text, @WATERMARK FOR t AS t)", "must be timestamptz"},
      {"CREATE STREAM s (t timestamptz, WATERMARK FOR t AS @u)", "follows its own column", Code::kUnsupported},
      {"CREATE STREAM s (t timestamptz, WATERMARK FOR t AS t - INTERVAL @'5 parsecs')", "interval"},
      {"CREATE STREAM s (a int) FORMAT @XML", "FORMAT is AVRO, JSON or RAW"},
      {"CREATE STREAM @s (a int) FORMAT RAW", "one column, of type text or bytea"},
      {"CREATE STREAM @s (a text, b text) FORMAT RAW", "one column, of type text or bytea"},
      {"CREATE STREAM s (a @timestamp)", "use timestamptz", Code::kUnsupported},
      {"CREATE STREAM s (a @varchar(10))", "write text alone", Code::kUnsupported},
      {"CREATE STREAM s (a @txt)", "did you mean \"text\"?"},
      {"CREATE STREAM s (a @numeric(50,2))", "between 1 and 38"},
      {"CREATE STREAM s (a int DEFAULT @'x')", "x"},
      {"CREATE STREAM s (@\"a b\" int)", "cannot be the name of a column"},
      {"CREATE STREAM @\"a.b\" (a int)", "cannot be a name"},
      {"CREATE STREAM @_hidden (a int)", "cannot be a name"},
      {"CREATE STREAM s (a int @CHECK (a > 0))", "WHERE", Code::kUnsupported},
      {"ALTER STREAM s ADD COLUMN @x int NOT NULL", "add DEFAULT"},
      {"ALTER STREAM @s DROP COLUMN x", "only ADD COLUMN", Code::kUnsupported},
      {"@CREATE QUEUE q WITH (command = 'x')", "not supported yet", Code::kUnsupported},
      {"@CREATE SINK q INTO QUEUE x AS SELECT 1", "not supported yet", Code::kUnsupported},
      {"SELECT 1; @CREATE OR REPLACE STREAM s (a int)", "ALTER", Code::kUnsupported},
      {"@CREATE VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW", Code::kUnsupported},
      {"CREATE MATERIALIZED VIEW v AS SELECT 1 FROM s @EMIT ON WINDOW CLOSE", "not supported yet", Code::kUnsupported},
      {"CREATE MATERIALIZED VIEW @v (a) AS SELECT 1 FROM s", "name the columns with AS", Code::kUnsupported},
      {"@UPDATE t SET a = 1", "INSERT a row", Code::kUnsupported},
      {"@BEGIN", "transactions", Code::kUnsupported},
      {"@COPY t FROM 'x'", "headrace load", Code::kUnsupported},
      {"@CREATE INDEX i ON t (a)", "GROUP BY", Code::kUnsupported},
      {"SHOW @STREAM", "did you mean \"streams\"?"},
      {"DELETE FROM @t", "without WHERE", Code::kUnsupported},
      {"DELETE FROM t WHERE @a > 1", "by its key", Code::kUnsupported},
      {"INSERT INTO @t SELECT 1", "CREATE STREAM ... AS SELECT", Code::kUnsupported},
      {"INSERT INTO @t VALUES (1) ON CONFLICT DO NOTHING", "not needed", Code::kUnsupported},
      {"SELECT @'open", "unterminated quoted string"},
      {"SELECT @\xff", "not UTF-8"},
      {"SELECT 1 AS @a234567890123456789012345678901234567890123456789012345678901234", "at most 63 bytes",
       Code::kTooLarge},
  };
  for (const WrongSql& each : wrong) expect_error(each, [](std::string_view sql) { parse_statements(sql); });
}

TEST(Statements, DeepNestingIsRefusedBeforeItIsParsed) {
  const auto repeat = [](std::string_view text, size_t times) {
    std::string result;
    for (size_t i = 0; i < times; ++i) result += text;
    return result;
  };
  for (const size_t depth : {1'000u, 30'000u}) {
    const std::string texts[] = {
        "SELECT " + repeat("(", depth) + "1" + repeat(")", depth),
        "SELECT " + repeat("(", depth),
        "SELECT " + repeat("- ", depth) + "1",
        "SELECT 1" + repeat(" - 1", depth),
        "SELECT " + repeat("NOT ", depth) + "true",
        "SELECT " + repeat("CASE WHEN true THEN ", depth) + "1" + repeat(" END", depth),
        "SELECT 1" + repeat("::int", depth),
        "SELECT 1" + repeat(" UNION SELECT 1", depth),
        "SELECT 1, 2" + repeat(" UNION SELECT 1, 2", depth),
        "SELECT 1 FROM a" + repeat(" JOIN b ON true", depth),
        "SELECT f" + repeat("(f", depth),
        "SELECT a" + repeat(" IS NULL", depth),
        "SELECT a" + repeat(" COLLATE \"C\"", depth),
    };
    for (const std::string& text : texts) {
      try {
        parse_statements(text);
        FAIL() << text.substr(0, 60);
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == Code::kTooLarge || error.message().contains("syntax error"))
            << text.substr(0, 60) << ": " << error.message();
      }
    }
  }
  // What is wide and not deep is fine.
  EXPECT_NO_THROW(parse_statements("SELECT a FROM s WHERE a = 1" + repeat(" OR a = 1", 80)));
  EXPECT_NO_THROW(parse_statements("INSERT INTO s VALUES (1, -2, 'x')" + repeat(", (1, -2, 'x')", 5'000)));
}

TEST(Statements, LimitsOfSize) {
  expect_error({std::string(kSqlBytesMax + 1, ' '), "bytes of SQL", Code::kTooLarge},
               [](std::string_view sql) { parse_statements(sql); });
  std::string many;
  for (size_t i = 0; i <= kStatementsMax; ++i) many += "SHOW VIEWS;";
  expect_error({many, "statements are more", Code::kTooLarge}, [](std::string_view sql) { parse_statements(sql); });
  EXPECT_TRUE(parse_statements(" ;; -- nothing\n ; ").empty());
}

TEST(Statements, ParsesOnManyThreads) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 50; ++round) {
        EXPECT_EQ(only<Insert>("INSERT INTO s VALUES (1)").name, "s");
        EXPECT_THROW(parse_statements("SELECT FROM FROM"), Error);
      }
    });
  }
}

TEST(Statements, LineAndColumnForPeople) {
  const std::string_view text = "SELECT é,\n  b FROM";
  EXPECT_EQ(line_column(text, 0).line, 1u);
  EXPECT_EQ(line_column(text, 0).column, 1u);
  EXPECT_EQ(line_column(text, 9).column, 9u);  // the comma: é has two bytes
  EXPECT_EQ(line_column(text, 13).line, 2u);
  EXPECT_EQ(line_column(text, 13).column, 3u);
  EXPECT_EQ(line_column(text, 10'000).line, 2u);
}

}  // namespace
}  // namespace headrace
