#include "flow/flow.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "flow/testing_plans.h"
#include "store/memory_store.h"

namespace headrace {
namespace {

using namespace headrace::testing;

constexpr FlowTables kTables{TableId{10}};
constexpr size_t kMemory = size_t{1} << 30;

RowTypePtr flight_type() {
  return row_type({column("id", Kind::kBigint, false), column("origin", Kind::kText), column("delay", Kind::kInteger)});
}

// Feeds one partition of one source, and remembers how far it is.
class Feeder {
 public:
  explicit Feeder(RowTypePtr type) : type_(std::move(type)) {}

  EpochResult advance(Flow& flow, const std::vector<Row>& rows, std::vector<uint8_t> deleted = {},
                      bool changes = true) {
    auto batch = std::make_shared<SourceBatch>();
    batch->rows = batch_of(type_, rows);
    batch->deleted = std::move(deleted);
    batch->from = flow.frontier().offsets.empty() ? Offset{0} : flow.frontier().offsets[0][0];
    batch->next = batch->from + static_cast<int64_t>(rows.size());
    const FlowInput input{0, batch};
    return flow.advance(std::span(&input, 1), Frontier{{{batch->next}}}, changes);
  }

 private:
  RowTypePtr type_;
};

std::vector<std::string> scan(Flow& flow, Flow::Range range = {}) {
  return json_rows(flow.scan(range).rows);
}

using Rows = std::vector<std::string>;

TEST(Flow, KeepsAViewOfRowsAndReadsIt) {
  const PlanPtr source = stream("flights", flight_type());
  const auto store = make_memory_store(kMemory);
  Flow flow(query(source, {"id"}), *store, kTables, false);
  Feeder feeder(flight_type());
  const EpochResult result = feeder.advance(flow, {{1, "JFK", 5}, {2, Value(), Value()}});
  EXPECT_EQ(result.rows_in, 2U);
  EXPECT_TRUE(result.committed);
  EXPECT_EQ(json_rows(result.changes.rows),
            (Rows{R"({"id":1,"origin":"JFK","delay":5})", R"({"id":2,"origin":null,"delay":null})"}));
  EXPECT_EQ(json_rows(flow.read(Row{int64_t{1}}).value()), Rows{R"({"id":1,"origin":"JFK","delay":5})"});
  EXPECT_FALSE(flow.read(Row{int64_t{3}}));
  std::string json = "x";
  EXPECT_EQ(flow.read_json(Row{int64_t{2}}, true, json), true);
  EXPECT_EQ(json, R"(x{"id":2,"origin":null,"delay":null})");
  EXPECT_EQ(flow.read_json(Row{int64_t{3}}, true, json), false);
  EXPECT_EQ(flow.approximate_rows(), 2U);
  EXPECT_THROW(flow.read(Row{}), Error);
  EXPECT_THROW(flow.read(Row{int64_t{1}, int64_t{1}}), Error);
}

TEST(Flow, GoesOnWhereTheStoreIs) {
  const PlanPtr source = stream("flights", flight_type());
  const QueryPlanPtr plan = query(aggregate(source, {"origin"}, {{"n", "count", {}}}), {"origin"});
  const auto store = make_memory_store(kMemory);
  Feeder feeder(flight_type());
  for (int restart = 1; restart <= 3; ++restart) {
    Flow flow(plan, *store, kTables, false);
    EXPECT_EQ(flow.frontier().offsets.empty(), restart == 1);
    feeder.advance(flow, {{1, "JFK", 5}});
    EXPECT_EQ(scan(flow), Rows{R"({"origin":"JFK","n":)" + std::to_string(restart) + "}"});
  }
}

TEST(Flow, ReadsASnapshotWhileItAdvances) {
  const PlanPtr source = stream("flights", flight_type());
  const auto store = make_memory_store(kMemory);
  Flow flow(query(aggregate(source, {"origin"}, {{"n", "count", {}}}), {"origin"}), *store, kTables, false);
  Feeder feeder(flight_type());
  feeder.advance(flow, {{1, "JFK", 5}});
  const auto before = store->snapshot();
  feeder.advance(flow, {{2, "JFK", 5}, {3, "LAX", 1}});
  EXPECT_EQ(json_rows(flow.scan({}, before.get()).rows), Rows{R"({"origin":"JFK","n":1})"});
  EXPECT_EQ(json_rows(flow.read(Row{"JFK"}, before.get()).value()), Rows{R"({"origin":"JFK","n":1})"});
  EXPECT_EQ(scan(flow).size(), 2U);
}

TEST(Flow, ScansPrefixesAndRangesInPages) {
  const PlanPtr source = stream("flights", flight_type());
  const auto store = make_memory_store(kMemory);
  Flow flow(query(source, {"origin", "delay", "id"}), *store, kTables, false);
  Feeder feeder(flight_type());
  std::vector<Row> rows;
  for (int64_t id = 0; id < 300; ++id)
    rows.push_back({id, id % 3 == 0 ? Value("JFK") : Value("LAX"), id % 7 == 0 ? Value() : Value(id % 50 - 25)});
  feeder.advance(flow, rows);

  const auto expect = [&](Flow::Range range, auto belongs) {
    Rows expected;
    for (const Row& row : rows)
      if (belongs(row)) expected.push_back(json_rows(batch_of(flight_type(), {row}))[0]);
    std::ranges::sort(expected);
    for (const size_t limit : {1UL, 7UL, 1000UL}) {
      range.limit = limit;
      range.after.clear();
      Rows found;
      do {
        const Flow::Page page = flow.scan(range);
        for (const std::string& row : json_rows(page.rows)) found.push_back(row);
        range.after = page.cursor;
      } while (!range.after.empty());
      std::ranges::sort(found);
      EXPECT_EQ(found, expected) << "limit " << limit;
    }
  };
  const auto is_jfk = [](const Row& row) { return row[1] == Value("JFK"); };
  const auto delay = [](const Row& row) { return is_null(row[2]) ? INT64_MIN : std::get<int64_t>(row[2]); };
  expect({}, [](const Row&) { return true; });
  expect({.prefix = {"JFK"}}, is_jfk);
  expect({.prefix = {"XXX"}}, [](const Row&) { return false; });
  expect({.prefix = {"JFK"}, .from = 3}, [&](const Row& row) { return is_jfk(row) && delay(row) >= 3; });
  expect({.prefix = {"JFK"}, .from = 3, .from_exclusive = true},
         [&](const Row& row) { return is_jfk(row) && delay(row) > 3; });
  expect({.prefix = {"JFK"}, .to = 3},
         [&](const Row& row) { return is_jfk(row) && !is_null(row[2]) && delay(row) <= 3; });
  expect({.prefix = {"JFK"}, .from = -3, .to = 3, .to_exclusive = true},
         [&](const Row& row) { return is_jfk(row) && delay(row) >= -3 && delay(row) < 3; });
  expect({.prefix = {"JFK"}, .from = 5, .to = 3}, [](const Row&) { return false; });
  expect({.prefix = {"JFK", Value()}}, [&](const Row& row) { return is_jfk(row) && is_null(row[2]); });
  EXPECT_THROW(flow.scan({.prefix = {"JFK", 1, 1}, .from = 1}), Error);
  EXPECT_THROW(flow.scan({.prefix = {"JFK"}, .from = Value()}), Error);
}

TEST(Flow, RefusesCursorsThatAreNotItsOwn) {
  const PlanPtr source = stream("flights", flight_type());
  const auto store = make_memory_store(kMemory);
  Flow flow(query(source, {"origin", "id"}), *store, kTables, false);
  Flow other(query(source, {"origin", "id"}), *store, {TableId{500}}, false);
  Feeder feeder(flight_type());
  const std::vector<Row> rows{{1, "JFK", 1}, {2, "JFK", 2}, {3, "LAX", 3}};
  feeder.advance(flow, rows);
  feeder.advance(other, rows);
  const std::string cursor = flow.scan({.prefix = {"JFK"}, .limit = 1}).cursor;
  ASSERT_FALSE(cursor.empty());
  EXPECT_EQ(scan(flow, {.prefix = {"JFK"}, .after = cursor}), Rows{R"({"id":2,"origin":"JFK","delay":2})"});
  const auto refuses = [](Flow& by, const Flow::Range& range) {
    try {
      by.scan(range);
      ADD_FAILURE() << "took " << range.after;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalid);
    }
  };
  refuses(other, {.prefix = {"JFK"}, .after = cursor});
  refuses(flow, {.prefix = {"LAX"}, .after = cursor});
  for (const char* damaged : {"x", "====", "AAAAAAAAAAAAAAAAAAAAAAAA", "\xff\xff", "AQ"})
    refuses(flow, {.after = damaged});
  for (size_t at = 0; at < cursor.size(); ++at) {
    std::string changed = cursor;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    refuses(flow, {.prefix = {"JFK"}, .after = changed});
  }
}

TEST(Flow, PagesThroughEqualRows) {
  const PlanPtr source = stream("flights", flight_type());
  const auto store = make_memory_store(kMemory);
  Flow flow(query(project(source, {{"origin", ref(source, "origin")}}), {}, false), *store, kTables, false);
  Feeder feeder(flight_type());
  feeder.advance(flow, {{1, "JFK", 1}, {2, "LAX", 1}, {3, "JFK", 1}, {4, "JFK", 1}, {5, "JFK", 1}, {6, "JFK", 1}});
  // Pages that end within equal rows, and pages that end with the last of them.
  EXPECT_EQ(flow.scan({.limit = 5}).rows.rows, 5U);
  EXPECT_EQ(json_rows(flow.scan({.after = flow.scan({.limit = 5}).cursor}).rows), Rows{R"({"origin":"LAX"})"});
  Flow::Range range{.limit = 2};
  std::vector<size_t> sizes;
  Rows rows;
  do {
    const Flow::Page page = flow.scan(range);
    sizes.push_back(page.rows.rows);
    for (const std::string& row : json_rows(page.rows)) rows.push_back(row);
    range.after = page.cursor;
  } while (!range.after.empty());
  EXPECT_EQ(sizes, (std::vector<size_t>{2, 2, 2}));
  EXPECT_EQ(std::ranges::count(rows, R"({"origin":"JFK"})"), 5);
  EXPECT_EQ(std::ranges::count(rows, R"({"origin":"LAX"})"), 1);
}

TEST(Flow, LastRowOfAKeyWinsAndOnlyTheNetChangeShows) {
  const PlanPtr source = table("depots", flight_type(), {0});
  const auto store = make_memory_store(kMemory);
  Flow flow(query(source, {"id"}), *store, kTables, false);
  Feeder feeder(flight_type());
  const auto changes = [](const EpochResult& result) {
    std::vector<std::string> rows;
    for (size_t row = 0; row < result.changes.rows.rows; ++row) {
      std::string json = result.changes.weight(row) > 0 ? "+" : "-";
      append_row_json(json, result.changes.rows, row);
      rows.push_back(json);
    }
    return rows;
  };
  EXPECT_EQ(changes(feeder.advance(flow, {{1, "JFK", 1}, {1, "LAX", 2}, {2, "SFO", 3}}, {0, 0, 0})),
            (Rows{R"(+{"id":1,"origin":"LAX","delay":2})", R"(+{"id":2,"origin":"SFO","delay":3})"}));
  EXPECT_EQ(changes(feeder.advance(flow, {{1, "JFK", 1}, {1, "LAX", 2}}, {0, 0})), Rows{});
  EXPECT_EQ(
      changes(feeder.advance(
          flow, {{1, "LAX", 3}, {2, Value(), Value()}, {3, "ORD", 1}, {3, Value(), Value()}, {9, Value(), Value()}},
          {0, 1, 0, 1, 1})),
      (Rows{R"(-{"id":1,"origin":"LAX","delay":2})", R"(+{"id":1,"origin":"LAX","delay":3})",
            R"(-{"id":2,"origin":"SFO","delay":3})"}));
  EXPECT_EQ(scan(flow), Rows{R"({"id":1,"origin":"LAX","delay":3})"});
}

PlanPtr inverse_of_delay(const PlanPtr& source) {
  return project(source, {{"id", ref(source, "id")},
                          {"inverse", call("/", {literal(Kind::kInteger, 100), ref(source, "delay")})}});
}

TEST(Flow, ReportsARowThatFailsOnceAndLeavesItOut) {
  const PlanPtr source = table("depots", flight_type(), {0});
  const auto store = make_memory_store(kMemory);
  Flow flow(query(inverse_of_delay(source), {"id"}), *store, kTables, false);
  Feeder feeder(flight_type());
  EpochResult result = feeder.advance(flow, {{1, "JFK", 0}, {2, "JFK", 4}}, {0, 0});
  EXPECT_FALSE(result.committed);
  ASSERT_EQ(result.dead.size(), 1U);
  EXPECT_EQ(result.dead[0].row_json, R"({"id":1,"origin":"JFK","delay":0})");
  EXPECT_NE(result.dead[0].error.find("zero"), std::string::npos) << result.dead[0].error;
  flow.commit();
  EXPECT_EQ(scan(flow), Rows{R"({"id":2,"inverse":25})"});
  // Its next version fails too, and so does taking it back.
  result = feeder.advance(flow, {{1, "LAX", 0}}, {0});
  EXPECT_EQ(result.dead_count, 0U);
  result = feeder.advance(flow, {{1, "LAX", 5}}, {0});
  EXPECT_EQ(result.dead_count, 0U);
  EXPECT_EQ(scan(flow), (Rows{R"({"id":1,"inverse":20})", R"({"id":2,"inverse":25})"}));
  result = feeder.advance(flow, {{1, "LAX", 0}}, {0});
  EXPECT_EQ(result.dead_count, 1U);
  flow.commit();
  EXPECT_EQ(scan(flow), Rows{R"({"id":2,"inverse":25})"});
}

TEST(Flow, ReportsAViewsRowThatFailsOnReadWhenItBeginsTo) {
  const PlanPtr source = stream("flights", flight_type());
  const PlanPtr groups = aggregate(source, {"origin"}, {{"total", "sum", {"delay"}}});
  const PlanPtr top = project(groups, {{"origin", ref(groups, "origin")},
                                       {"inverse", call("/", {literal(Kind::kBigint, 100), ref(groups, "total")})}});
  const auto store = make_memory_store(kMemory);
  Flow flow(query(top, {"origin"}), *store, kTables, false);
  Feeder feeder(flight_type());
  EpochResult result = feeder.advance(flow, {{1, "JFK", 0}, {2, "LAX", 4}}, {}, false);
  EXPECT_EQ(result.dead_count, 1U);
  EXPECT_EQ(result.changes.rows.rows, 0U);
  flow.commit();
  EXPECT_EQ(scan(flow), Rows{R"({"origin":"LAX","inverse":25})"});
  EXPECT_FALSE(flow.read(Row{"JFK"}));
  std::string json;
  EXPECT_EQ(flow.read_json(Row{"JFK"}, true, json), false);
  result = feeder.advance(flow, {{3, "JFK", 10}}, {}, false);
  EXPECT_EQ(result.dead_count, 0U);
  EXPECT_EQ(flow.read_json(Row{"JFK"}, true, json), true);
  EXPECT_EQ(json, R"({"origin":"JFK","inverse":10})");
}

TEST(Flow, BoundsDeadRowsAndCountsTheRest) {
  const PlanPtr source = stream("flights", flight_type());
  const auto store = make_memory_store(kMemory);
  Flow flow(query(inverse_of_delay(source), {"id"}), *store, kTables, false);
  Feeder feeder(flight_type());
  std::vector<Row> rows;
  for (int64_t id = 0; id < 12'000; ++id) rows.push_back({id, "JFK", 0});
  const EpochResult result = feeder.advance(flow, rows);
  EXPECT_EQ(result.dead.size(), kDeadRowsMax);
  EXPECT_EQ(result.dead_count, 12'000U);
}

TEST(Flow, ShowsNoWrongSumAndComesBackIntoRange) {
  const RowTypePtr wide = row_type({column("id", Kind::kBigint), column("amount", Kind::kNumeric)});
  const PlanPtr numerics = table("payments", wide, {0});
  const auto store = make_memory_store(kMemory);
  Flow flow(query(aggregate(numerics, {}, {{"total", "sum", {"amount"}}, {"rows", "count", {}}}), {}), *store, kTables,
            false);
  Feeder feeder(wide);
  __int128 large = 9;
  for (int i = 0; i < 37; ++i) large = large * 10 + 9;
  EpochResult result = feeder.advance(flow, {{1, Decimal{large, 0}}}, {0});
  EXPECT_EQ(result.dead_count, 0U);
  const Rows before = scan(flow);
  result = feeder.advance(flow, {{2, Decimal{large, 0}}}, {0});
  ASSERT_EQ(result.dead_count, 1U);
  EXPECT_NE(result.dead[0].error.find("out of range"), std::string::npos) << result.dead[0].error;
  flow.commit();
  EXPECT_EQ(scan(flow), Rows{R"({"total":null,"rows":2})"});
  result = feeder.advance(flow, {{3, Decimal{large, 0}}}, {0});
  EXPECT_EQ(result.dead_count, 0U) << "reported when it began";
  result = feeder.advance(flow, {{2, Value()}, {3, Value()}}, {1, 1});
  EXPECT_EQ(scan(flow), before);
}

TEST(Flow, HasTheOnlyGroupBeforeThereAreRows) {
  const PlanPtr source = stream("flights", flight_type());
  const PlanPtr total = aggregate(source, {}, {{"n", "count", {}}, {"sum", "sum", {"delay"}}});
  const auto store = make_memory_store(kMemory);
  Flow flow(query(total, {}), *store, kTables, false);
  EXPECT_EQ(scan(flow), Rows{R"({"n":0,"sum":null})"});
  EXPECT_EQ(json_rows(flow.read(Row{}).value()), Rows{R"({"n":0,"sum":null})"});
  std::string json;
  EXPECT_EQ(flow.read_json(Row{}, false, json), true);
  EXPECT_EQ(json, R"({"n":0,"sum":null})");
  Flow outer(query(aggregate(total, {"n"}, {{"groups", "count", {}}}), {"n"}), *store, {TableId{200}}, false);
  EXPECT_EQ(scan(outer), Rows{R"({"n":0,"groups":1})"});
}

TEST(Flow, DerivesAStreamThatIsCommittedAfterItWasAppended) {
  const PlanPtr source = stream("flights", flight_type());
  const PlanPtr late = filter(source, call(">", {ref(source, "delay"), literal(Kind::kInteger, 15)}));
  const auto store = make_memory_store(kMemory);
  Feeder feeder(flight_type());
  const std::vector<Row> rows{{1, "JFK", 20}, {2, "LAX", 3}, {3, "SFO", 16}};
  const Rows expected{R"({"id":1,"origin":"JFK","delay":20})", R"({"id":3,"origin":"SFO","delay":16})"};
  {
    Flow flow(query(late, {}, false), *store, kTables, true);
    const EpochResult result = feeder.advance(flow, rows);
    EXPECT_FALSE(result.committed);
    EXPECT_EQ(json_rows(result.derived), expected);
    // Here the process dies, before or after the rows were appended.
  }
  Flow flow(query(late, {}, false), *store, kTables, true);
  EXPECT_TRUE(flow.frontier().offsets.empty());
  EXPECT_EQ(json_rows(feeder.advance(flow, rows).derived), expected);
  flow.commit();
  EXPECT_EQ(flow.frontier(), (Frontier{{{Offset{3}}}}));
  EXPECT_TRUE(feeder.advance(flow, {{4, "JFK", 1}}).committed);
  EXPECT_EQ(Flow(query(late, {}, false), *store, kTables, true).frontier(), (Frontier{{{Offset{4}}}}));
  EXPECT_THROW(flow.scan({}), Error);
}

TEST(Flow, RefusesAStreamOfRowsThatAreTakenBack) {
  const PlanPtr source = stream("flights", flight_type());
  const auto store = make_memory_store(kMemory);
  try {
    Flow(query(aggregate(source, {"origin"}, {{"n", "count", {}}}), {"origin"}), *store, kTables, true);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUnsupported);
  }
}

TEST(Flow, PassesOnWhatCouldNotBeDecoded) {
  const auto store = make_memory_store(kMemory);
  Flow flow(query(stream("flights", flight_type()), {"id"}), *store, kTables, false);
  auto batch = std::make_shared<SourceBatch>();
  batch->rows = batch_of(flight_type(), {});
  batch->dead.push_back({"not a row", "{}"});
  batch->next = Offset{1};
  const FlowInput input{0, batch};
  const EpochResult result = flow.advance(std::span(&input, 1), Frontier{{{Offset{1}}}}, false);
  EXPECT_EQ(result.dead_count, 1U);
  EXPECT_EQ(result.dead.at(0).error, "not a row");
  EXPECT_FALSE(result.committed);
}

TEST(Flow, GroupsAsSqlDoes) {
  const RowTypePtr type = row_type({column("price", Kind::kNumeric), column("ratio", Kind::kDouble),
                                    column("length", Kind::kInterval), column("document", Kind::kJsonb)});
  const PlanPtr source = stream("things", type);
  const auto store = make_memory_store(kMemory);
  Flow flow(query(aggregate(source, {"price", "ratio", "length", "document"}, {{"n", "count", {}}}),
                  {"price", "ratio", "length", "document"}),
            *store, kTables, false);
  Feeder feeder(type);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  feeder.advance(flow, {{Decimal{10, 1}, 0.0, Interval{1, 0, 0}, "[1]"},
                        {Decimal{100, 2}, -0.0, Interval{0, 30, 0}, "[1]"},
                        {Decimal{1, 0}, 0.0, Interval{0, 29, 86'400'000'000}, "[1]"},
                        {Value(), nan, Value(), Value()},
                        {Value(), -nan, Value(), Value()}});
  const Flow::Page page = flow.scan({});
  ASSERT_EQ(page.rows.rows, 2U);
  EXPECT_EQ(page.rows.columns[4]->ints, (std::vector<int64_t>{3, 2}));
}

TEST(RunOnce, OrdersSkipsAndCuts) {
  const PlanPtr source = stream("flights", flight_type());
  QueryPlan plan = *query(source, {}, false);
  std::vector<Row> rows;
  for (int64_t id = 0; id < 1000; ++id)
    rows.push_back({id, id % 10 == 0 ? Value() : Value("a" + std::to_string(id % 7)), id % 13});
  const auto run = [&](const QueryPlan& of) {
    return rows_of(run_once(
        of,
        [&](const auto& give) {
          for (size_t from = 0; from < rows.size(); from += 64) {
            auto batch = std::make_shared<SourceBatch>();
            batch->rows =
                batch_of(flight_type(), {rows.begin() + static_cast<ptrdiff_t>(from),
                                         rows.begin() + static_cast<ptrdiff_t>(std::min(rows.size(), from + 64))});
            give({0, batch});
          }
        },
        kMemory));
  };
  EXPECT_EQ(run(plan).size(), 1000U);
  plan.limit = 3;
  EXPECT_EQ(run(plan).size(), 3U);
  plan.order_by = {{.column = 1, .descending = true, .nulls_first = false}, {.column = 0}};
  plan.skip = 1;
  EXPECT_EQ(run(plan),
            (std::vector<Row>{
                {int64_t{13}, "a6", int64_t{0}}, {int64_t{27}, "a6", int64_t{1}}, {int64_t{34}, "a6", int64_t{8}}}));
  plan.order_by[0].nulls_first = true;
  EXPECT_EQ(run(plan).front(), (Row{int64_t{10}, Value(), int64_t{10}}));
  plan.limit = 0;
  EXPECT_TRUE(run(plan).empty());

  const PlanPtr groups = aggregate(source, {"origin"}, {{"n", "count", {}}});
  QueryPlan grouped = *query(groups, {"origin"});
  grouped.order_by = {{.column = 1, .descending = true}, {.column = 0}};
  grouped.limit = 1;
  EXPECT_EQ(run(grouped), (std::vector<Row>{{"a1", int64_t{129}}}));
}

TEST(RunOnce, SeesTheLastRowsOfATable) {
  const PlanPtr source = table("depots", flight_type(), {0});
  const Batch result = run_once(
      *query(aggregate(source, {}, {{"least", "min", {"delay"}}, {"n", "count", {}}}), {}),
      [&](const auto& give) {
        auto batch = std::make_shared<SourceBatch>();
        batch->rows =
            batch_of(flight_type(), {{1, "a", 1}, {2, "a", 2}, {1, Value(), Value()}, {3, "a", 7}, {3, "a", 5}});
        batch->deleted = {0, 0, 1, 0, 0};
        give({0, batch});
      },
      kMemory);
  EXPECT_EQ(json_rows(result), Rows{R"({"least":2,"n":2})"});
}

TEST(RunOnce, SaysWhatItCannotDo) {
  const PlanPtr source = stream("flights", flight_type());
  const auto run = [&](const QueryPlan& plan, size_t memory) {
    try {
      run_once(
          plan,
          [&](const auto& give) {
            for (int64_t round = 0; round < 50; ++round) {
              std::vector<Row> rows;
              for (int64_t id = 0; id < 1000; ++id)
                rows.push_back({round * 1000 + id, "a long text to fill the memory", id});
              auto batch = std::make_shared<SourceBatch>();
              batch->rows = batch_of(flight_type(), rows);
              give({0, batch});
            }
          },
          memory);
    } catch (const Error& error) {
      return error.code();
    }
    return Code::kInternal;
  };
  EXPECT_EQ(run(*query(source, {}, false), 1 << 20), Code::kTooLarge);
  EXPECT_EQ(run(*query(aggregate(source, {"id"}, {{"n", "count", {}}}), {"id"}), 1 << 20), Code::kTooLarge);
  EXPECT_EQ(run(*query(inverse_of_delay(source), {}, false), kMemory), Code::kInvalid);
}

TEST(Plan, IsShownAsText) {
  const PlanPtr source = table("depots", flight_type(), {0});
  const PlanPtr late = filter(source, call(">", {ref(source, "delay"), literal(Kind::kInteger, 15)}));
  const PlanPtr groups = aggregate(late, {"origin"}, {{"n", "count", {}}, {"latest", "arg_max", {"id", "delay"}}});
  const std::string text =
      to_text(*query(project(groups, {{"origin", ref(groups, "origin")}, {"late", ref(groups, "n")}}), {"origin"}));
  EXPECT_EQ(text.substr(0, text.find("    Filter")),
            "Key origin\n"
            "Project origin, n AS late [changes]\n"
            "  Aggregate by origin: count(*) AS n, arg_max(id, delay) AS latest [changes]\n");
  EXPECT_NE(text.find("      Table depots by id [changes]\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace headrace
