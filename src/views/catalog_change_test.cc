// What each statement makes of the catalogue, and what is refused: without a log, because it is decided before anything
// is touched.
#include "views/catalog_change.h"

#include <gtest/gtest.h>

#include "sql/testing_errors.h"
#include "views/testing_catalog.h"

namespace headrace {
namespace {

constexpr std::string_view kApp = R"(
  CREATE STREAM scans (scan bigint, parcel text NOT NULL, depot text, amount integer)
    WITH (key = 'parcel', id = 'scan', partitions = 3, retention = '30 days');
  CREATE TABLE depots (depot text PRIMARY KEY, city text);
  CREATE MATERIALIZED VIEW parcels AS SELECT parcel, count(*) AS scans, sum(amount) AS amount FROM scans GROUP BY parcel;
  CREATE MATERIALIZED VIEW busy AS SELECT parcel, scans FROM parcels WHERE scans > 1;
  CREATE STREAM large WITH (key = 'depot') AS SELECT depot, parcel, amount FROM scans WHERE amount > 50;
  CREATE MATERIALIZED VIEW all_depots AS SELECT * FROM depots;
)";

void expect_refused(TestCatalog& catalog, const WrongSql& wrong) {
  const std::string before = describe(catalog.state());
  expect_error(wrong, [&](const std::string& sql) { catalog.apply(sql); });
  EXPECT_EQ(describe(catalog.state()), before) << wrong.marked;
}

TEST(CatalogChangeTest, SaysWhatItDid) {
  TestCatalog catalog;
  EXPECT_EQ(catalog.did("CREATE STREAM s (a bigint, b text) WITH (key = 'b')"), "created stream s");
  EXPECT_EQ(catalog.did("CREATE TABLE t (a bigint PRIMARY KEY)"), "created table t");
  EXPECT_EQ(catalog.did("CREATE MATERIALIZED VIEW v AS SELECT b, count(*) AS n FROM s GROUP BY b"), "created view v");
  EXPECT_EQ(catalog.did("CREATE STREAM d AS SELECT b FROM s WHERE a > 1"), "created stream d");
  EXPECT_EQ(catalog.did("ALTER STREAM s ADD COLUMN c integer"), "changed stream s");
  EXPECT_EQ(catalog.did("ALTER TABLE t ADD COLUMN c integer"), "changed table t");
  EXPECT_EQ(catalog.did("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT b, sum(a) AS n FROM s GROUP BY b"),
            "replaced view v");
  EXPECT_EQ(catalog.did("DROP MATERIALIZED VIEW v"), "dropped view v");
  EXPECT_EQ(catalog.did("DROP STREAM d"), "dropped stream d");
  EXPECT_EQ(catalog.did("DROP STREAM s"), "dropped stream s");
  EXPECT_EQ(catalog.did("DROP TABLE t"), "dropped table t");
  EXPECT_TRUE(catalog.state().streams.empty());
  EXPECT_TRUE(catalog.state().views.empty());
}

TEST(CatalogChangeTest, AnAppFileAppliedAgainChangesNothing) {
  TestCatalog catalog(kApp);
  const std::string before = describe(catalog.state());
  for (const Statement& statement : parse_statements(kApp))
    EXPECT_EQ(catalog.apply(statement.text).what, Applied::What::kUnchanged) << statement.text;
  for (const char* sql : {"CREATE STREAM IF NOT EXISTS scans (other text)", "DROP STREAM IF EXISTS nothing",
                          "CREATE TABLE IF NOT EXISTS depots (other text PRIMARY KEY)",
                          "CREATE MATERIALIZED VIEW IF NOT EXISTS parcels AS SELECT count(*) AS n FROM scans",
                          "ALTER TABLE depots ADD COLUMN IF NOT EXISTS city bigint",
                          "CREATE OR REPLACE MATERIALIZED VIEW parcels AS "
                          "SELECT parcel, count(*) AS scans, sum(amount) AS amount FROM scans GROUP BY parcel"})
    EXPECT_EQ(catalog.apply(sql).what, Applied::What::kUnchanged) << sql;
  EXPECT_EQ(describe(catalog.state()), before);
}

TEST(CatalogChangeTest, ARestartFindsWhatWasRunning) {
  TestCatalog catalog(kApp);
  EXPECT_EQ(describe(catalog.restarted()), describe(catalog.state()));
  catalog.apply("ALTER STREAM scans ADD COLUMN note text DEFAULT 'none', ADD COLUMN weight real");
  catalog.apply("ALTER TABLE depots ADD COLUMN lat double precision");
  EXPECT_EQ(describe(catalog.restarted()), describe(catalog.state()));
  catalog.apply(
      "CREATE OR REPLACE MATERIALIZED VIEW parcels AS "
      "SELECT parcel, count(*) + 1 AS scans, max(weight) AS heaviest FROM scans GROUP BY parcel");
  EXPECT_EQ(describe(catalog.restarted()), describe(catalog.state()));
  catalog.finish({{"parcels", catalog.state().replacements.at("parcels")->tables.first},
                  {"busy", catalog.state().replacements.at("busy")->tables.first}});
  EXPECT_EQ(catalog.columns("parcels"), "parcel scans heaviest");
  EXPECT_EQ(describe(catalog.restarted()), describe(catalog.state()));
  catalog.apply("DROP STREAM large; DROP MATERIALIZED VIEW parcels CASCADE");
  EXPECT_EQ(describe(catalog.restarted()), describe(catalog.state()));
}

TEST(CatalogChangeTest, OneNameIsOneThing) {
  TestCatalog catalog(kApp);
  expect_refused(catalog, {"CREATE TABLE scans (parcel text PRIMARY KEY)", "another kind", Code::kRefused});
  expect_refused(catalog, {"CREATE STREAM depots (depot text)", "another kind", Code::kRefused});
  // These would put one thing in the place of another of a different kind.
  expect_refused(catalog,
                 {"CREATE MATERIALIZED VIEW depots AS SELECT count(*) AS n FROM scans", "\"depots\"", Code::kConflict});
  expect_refused(catalog, {"CREATE OR REPLACE MATERIALIZED VIEW scans AS SELECT count(*) AS n FROM depots", "\"scans\"",
                           Code::kConflict});
  expect_refused(catalog, {"CREATE STREAM parcels (parcel text)", "\"parcels\"", Code::kConflict});
  expect_refused(catalog, {"CREATE TABLE IF NOT EXISTS busy (parcel text PRIMARY KEY)", "\"busy\"", Code::kConflict});
}

TEST(CatalogChangeTest, ATopicHasOneOwner) {
  TestCatalog catalog(kApp);
  expect_refused(catalog,
                 {"CREATE STREAM other (a text) WITH (topic = 'scans')", "belongs to \"scans\"", Code::kConflict});
  expect_refused(catalog, {"CREATE STREAM other (a text) WITH (topic = 'parcels.dead')", "Headrace's own"});
  // Names that Headrace gives out itself, now or later.
  expect_refused(catalog, {"CREATE STREAM other (a text) WITH (topic = '_catalog')", "Headrace's own"});
  expect_refused(catalog, {"CREATE STREAM other (a text) WITH (topic = 'later.dead')", "Headrace's own"});
  catalog.apply("CREATE STREAM other (a text) WITH (topic = 'elsewhere')");
  expect_refused(catalog, {"CREATE STREAM elsewhere (a text)", "belongs to \"other\"", Code::kConflict});
}

TEST(CatalogChangeTest, AStreamIsNotMadeAnother) {
  TestCatalog catalog(kApp);
  constexpr std::string_view kColumns = "CREATE STREAM scans (scan bigint, parcel text NOT NULL, depot text, amount ";
  const auto with = [&](std::string_view rest) { return std::string(kColumns) + std::string(rest); };
  const std::pair<std::string, std::string_view> wrong[] = {
      {with("integer) WITH (key = 'depot', id = 'scan', partitions = 3, retention = '30 days')"), "another key"},
      {with("integer) WITH (key = 'parcel', partitions = 3, retention = '30 days')"), "another id"},
      {with("integer) WITH (key = 'parcel', id = 'scan', retention = '30 days')"), "another number of partitions"},
      {with("integer) WITH (key = 'parcel', id = 'scan', partitions = 3) FORMAT JSON"), "another format"},
      {with("integer) WITH (key = 'parcel', id = 'scan', partitions = 3, topic = 'x')"), "another topic"},
      {with("bigint) WITH (key = 'parcel', id = 'scan', partitions = 3)"), "added at the end, not changed"},
      {with("integer, x text NOT NULL) WITH (key = 'parcel', id = 'scan', partitions = 3)"), "give it a DEFAULT"},
      {"CREATE STREAM large WITH (key = 'depot') AS SELECT depot, parcel, amount FROM scans WHERE amount > 51",
       "another query"},
      {"CREATE TABLE depots (depot text, city text PRIMARY KEY)", "another key"},
      {"CREATE TABLE depots (depot text PRIMARY KEY, town text)", "column 2 of table \"depots\" is \"city\" text"},
  };
  for (const auto& [sql, message] : wrong) expect_refused(catalog, {sql, message, Code::kRefused});
}

TEST(CatalogChangeTest, AStreamIsGivenWhatLosesNothing) {
  TestCatalog catalog(kApp);
  constexpr std::string_view kColumns = "CREATE STREAM scans (scan bigint, parcel text NOT NULL, depot text, amount ";
  EXPECT_EQ(catalog.did(std::string(kColumns) + "integer, note text DEFAULT '-') WITH (key = 'parcel', id = 'scan', "
                                                "partitions = 3, retention = '7 days')"),
            "changed stream scans");
  const StreamInfo& scans = *catalog.stream("scans");
  EXPECT_EQ(scans.definition.retention_ms, int64_t{7} * 24 * 3600 * 1000);
  ASSERT_EQ(scans.type->columns.size(), 5u);
  EXPECT_EQ(scans.type->columns[4].default_json, "\"-\"");
  ASSERT_EQ(scans.schemas.size(), 2u);
  EXPECT_LT(scans.schemas[0].id, scans.schemas[1].id);
  // The older statement lacks a column: that is told, and nothing is taken away.
  const Applied older = catalog.apply(
      std::string(kColumns) + "integer) WITH (key = 'parcel', id = 'scan', partitions = 3, retention = '7 days')");
  EXPECT_EQ(older.what, Applied::What::kUnchanged);
  EXPECT_TRUE(older.note.contains("\"note\"")) << older.note;
}

TEST(CatalogChangeTest, ColumnsAreAdded) {
  TestCatalog catalog(kApp);
  expect_refused(catalog,
                 {"ALTER STREAM scans ADD COLUMN depot text", "has a column \"depot\" already", Code::kConflict});
  expect_refused(catalog, {"ALTER STREAM large ADD COLUMN x text", "come from its query", Code::kRefused});
  expect_refused(
      catalog, {"ALTER STREAM parcels ADD COLUMN x text", "there is no stream or table \"parcels\"", Code::kNotFound});
  expect_refused(catalog, {"ALTER STREAM \"scans.dead\" ADD COLUMN x text", "", Code::kRefused});
  expect_refused(catalog,
                 {"ALTER STREAM nothing ADD COLUMN x text", "there are: depots, large, scans", Code::kNotFound});
  EXPECT_EQ(catalog.did("ALTER STREAM scans ADD COLUMN a text DEFAULT 'x', ADD COLUMN b integer"),
            "changed stream scans");
  const StreamInfo& scans = *catalog.stream("scans");
  EXPECT_EQ(scans.type->columns.size(), 6u);
  EXPECT_EQ(scans.schemas.size(), 3u);
}

TEST(CatalogChangeTest, StarKeepsTheWidthItHad) {
  TestCatalog catalog(kApp);
  catalog.apply("CREATE STREAM copy AS SELECT * FROM scans");
  catalog.apply("ALTER TABLE depots ADD COLUMN lat real; ALTER STREAM scans ADD COLUMN note text");
  EXPECT_EQ(catalog.columns("all_depots"), "depot city");
  EXPECT_EQ(catalog.stream("copy")->type->columns.size(), 4u);
  catalog.apply("CREATE MATERIALIZED VIEW newer AS SELECT * FROM depots");
  EXPECT_EQ(catalog.columns("newer"), "depot city lat");
  // Said again it means what it meant; OR REPLACE means it anew.
  EXPECT_EQ(catalog.did("CREATE MATERIALIZED VIEW all_depots AS SELECT * FROM depots"), "unchanged view all_depots");
  EXPECT_EQ(catalog.did("CREATE OR REPLACE MATERIALIZED VIEW all_depots AS SELECT * FROM depots"),
            "replaced view all_depots");
  catalog.finish({{"all_depots", catalog.state().replacements.at("all_depots")->tables.first}});
  EXPECT_EQ(catalog.columns("all_depots"), "depot city lat");
  EXPECT_EQ(describe(catalog.restarted()), describe(catalog.state()));
}

TEST(CatalogChangeTest, WhatIsReadIsNotDropped) {
  TestCatalog catalog(kApp);
  catalog.apply(
      "CREATE MATERIALIZED VIEW accidents AS SELECT error, count(*) AS n FROM \"parcels.dead\" GROUP BY error");
  expect_refused(catalog, {"DROP STREAM scans", "is read by accidents, busy, large, parcels; drop what reads it first",
                           Code::kRefused});
  expect_refused(catalog, {"DROP TABLE depots", "is read by all_depots", Code::kRefused});
  expect_refused(catalog, {"DROP MATERIALIZED VIEW parcels", "is read by accidents, busy", Code::kRefused});
  expect_refused(catalog, {"DROP TABLE scans", "there is no table \"scans\"", Code::kNotFound});
  expect_refused(catalog, {"DROP STREAM depots", "there is no stream \"depots\"", Code::kNotFound});
  expect_refused(catalog, {"DROP STREAM parcels", "there is no stream \"parcels\"", Code::kNotFound});
  expect_refused(catalog, {"DROP MATERIALIZED VIEW large", "there is no view \"large\"", Code::kNotFound});
  const Applied dropped = catalog.apply("DROP STREAM scans CASCADE");
  EXPECT_EQ(dropped.note, "with accidents, busy, large, parcels");
  EXPECT_EQ(catalog.state().records.size(), 2u);
  EXPECT_FALSE(catalog.state().streams.contains("scans.dead"));
}

TEST(CatalogChangeTest, ADeadStreamIsReadWhateverTheNames) {
  TestCatalog catalog("CREATE STREAM m (a bigint)");
  catalog.apply("CREATE MATERIALIZED VIEW a AS SELECT error, count(*) AS n FROM \"m.dead\" GROUP BY error");
  catalog.apply("CREATE MATERIALIZED VIEW z AS SELECT error, count(*) AS n FROM \"m.dead\" GROUP BY error");
  EXPECT_EQ(describe(catalog.restarted()), describe(catalog.state()));
}

TEST(CatalogChangeTest, ViewsAreReplacedBesideTheOldOnes) {
  TestCatalog catalog(kApp);
  const std::string old = describe(catalog.state());
  constexpr std::string_view kNew =
      "CREATE OR REPLACE MATERIALIZED VIEW parcels AS SELECT parcel, count(*) * 2 AS scans FROM scans GROUP BY parcel";
  EXPECT_EQ(catalog.did(kNew), "replaced view parcels");
  // Until it is finished everybody still sees the old ones.
  EXPECT_EQ(catalog.columns("parcels"), "parcel scans amount");
  ASSERT_EQ(catalog.state().replacements.size(), 2u) << "busy reads parcels, so it is rebuilt as well";
  const TableId first = catalog.state().replacements.at("parcels")->tables.first;
  const TableId busy = catalog.state().replacements.at("busy")->tables.first;
  EXPECT_NE(first, catalog.state().view("parcels")->tables.first);
  EXPECT_EQ(catalog.did(kNew), "unchanged view parcels") << "it is under way";
  // A newer one makes the one under way worthless.
  catalog.apply(
      "CREATE OR REPLACE MATERIALIZED VIEW parcels AS SELECT parcel, count(*) * 3 AS scans FROM scans "
      "GROUP BY parcel");
  EXPECT_THROW(catalog.finish({{"parcels", first}, {"busy", busy}}), Error);
  catalog.finish({{"parcels", catalog.state().replacements.at("parcels")->tables.first},
                  {"busy", catalog.state().replacements.at("busy")->tables.first}});
  EXPECT_EQ(catalog.columns("parcels"), "parcel scans");
  EXPECT_TRUE(catalog.state().replacements.empty());
  EXPECT_TRUE(to_text(*catalog.state().view("busy")->plan).contains("3"));
}

TEST(CatalogChangeTest, AReplacementIsRefusedWhereItDoesNotFit) {
  TestCatalog catalog(kApp);
  // What reads the view could not be built any more.
  expect_refused(catalog, {"CREATE OR REPLACE MATERIALIZED VIEW parcels AS SELECT parcel FROM scans",
                           "\"busy\", which reads it, would no longer work: column \"scans\" does not exist"});
  expect_refused(catalog,
                 {"CREATE MATERIALIZED VIEW wrong AS SELECT @nothing FROM scans", "column \"nothing\" does not exist"});
  expect_refused(catalog, {"CREATE MATERIALIZED VIEW wrong AS SELECT a FROM @nowhere", "\"nowhere\"", Code::kNotFound});
  // A replacement under way reads a table that the view itself does not.
  catalog.apply("CREATE OR REPLACE MATERIALIZED VIEW busy AS SELECT depot FROM depots");
  expect_refused(catalog, {"DROP TABLE depots", "is read by all_depots, busy", Code::kRefused});
}

TEST(CatalogChangeTest, RowsOnTheLogKeepTheirQuery) {
  TestCatalog catalog(
      "CREATE STREAM s (id bigint, a integer, b integer) WITH (id = 'id');"
      "CREATE MATERIALIZED VIEW v AS SELECT id, a, b FROM s WHERE a > 1");
  try {
    catalog.apply("CREATE STREAM d AS SELECT * FROM v");
  } catch (const Error&) {
    return;  // no stream is made of a view: then there is nothing to keep
  }
  expect_refused(catalog, {"CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT id, a FROM s WHERE a > 2",
                           "the stream \"d\" is made from the view \"v\"", Code::kRefused});
}

TEST(CatalogChangeTest, NumbersAreNotGivenOutTwice) {
  TestCatalog catalog("CREATE STREAM s (a bigint)");
  const int32_t schema = catalog.stream("s")->schemas[0].id;
  const TableId table = catalog.stream("s")->tables.first;
  catalog.apply("DROP STREAM s; CREATE STREAM s (a bigint)");
  EXPECT_GT(catalog.stream("s")->schemas[0].id, schema);
  EXPECT_NE(catalog.stream("s")->tables.first, table);
}

TEST(CatalogChangeTest, RecordsComeBackAsTheyWere) {
  CatalogRecord record{.statement = "CREATE STREAM \"ü\" (a text DEFAULT 'x\n\"y\"')",
                       .additions = {"ALTER ...", ""},
                       .versions = {{7, 1}, {INT32_MAX, 1000}},
                       .table = UINT32_MAX - 63,
                       .widths = {{"scans", 4}, {"with \"quotes\"", 1}}};
  EXPECT_EQ(CatalogRecord::decode(record.encode()), record);
  record.replacement_statement = "CREATE MATERIALIZED VIEW ...";
  record.replacement_table = 128;
  record.replacement_widths = {{"depots", 2}};
  EXPECT_EQ(CatalogRecord::decode(record.encode()), record);
  const std::string whole = record.encode();
  for (size_t size = 0; size < whole.size(); ++size) {
    try {
      CatalogRecord::decode(std::string_view(whole).substr(0, size));
      ADD_FAILURE() << "a part of a record was taken: " << whole.substr(0, size);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kCorrupt);
    }
  }
}

}  // namespace
}  // namespace headrace
