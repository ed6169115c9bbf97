// Flows against brute force: random rows, upserts and deletes are cut into random epochs, with restarts (a new flow
// over the same store) and failed commits in between; after any epoch the view must be what the query gives over
// everything so far, and its changes must add up to it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/random.h"
#include "flow/flow.h"
#include "flow/testing_oracle.h"
#include "store/memory_store.h"

namespace headrace {
namespace {

using namespace headrace::testing;

// Fails every n-th commit, having done nothing.
class FailingStore final : public Store {
 public:
  explicit FailingStore(uint64_t seed) : random_(seed), store_(make_memory_store(size_t{1} << 30)) {}
  std::unique_ptr<StoreWrite> begin() override { return store_->begin(); }
  void commit(StoreWrite& write) override {
    if (random_.one_in(7)) throw Error(Code::kIo, "the disk fails, as the test wants it");
    store_->commit(write);
  }
  void flush() override { store_->flush(); }
  bool get(TableId table, std::string_view key, std::string& value, const Snapshot* at) override {
    return store_->get(table, key, value, at);
  }
  std::optional<bool> get_if_cached(TableId table, std::string_view key, std::string& value) override {
    return store_->get_if_cached(table, key, value);
  }
  void multi_get(TableId table, std::span<const std::string_view> keys, std::vector<std::string>& values,
                 std::vector<bool>& found) override {
    EXPECT_TRUE(std::ranges::is_sorted(keys));
    store_->multi_get(table, keys, values, found);
  }
  std::unique_ptr<StoreCursor> scan(TableId table, std::string_view from, std::string_view end,
                                    const Snapshot* at) override {
    return store_->scan(table, from, end, at);
  }
  std::shared_ptr<const Snapshot> snapshot() override { return store_->snapshot(); }
  void drop(TableId table) override { store_->drop(table); }
  uint64_t approximate_bytes(TableId table) override { return store_->approximate_bytes(table); }

 private:
  Random random_;
  std::unique_ptr<Store> store_;
};

RowTypePtr all_types() {
  return row_type({column("id", Kind::kBigint, false), column("name", Kind::kText), column("number", Kind::kInteger),
                   column("price", Kind::kNumeric), column("ratio", Kind::kDouble), column("at", Kind::kTimestamptz),
                   column("good", Kind::kBoolean), column("length", Kind::kInterval)});
}

// Few different values, so that groups, ties and equal rows are common.
Row random_row(Random& random, int64_t id) {
  static const std::string kNames[] = {"",    "a",       "ab",       std::string("a\0b", 3),           "JFK",
                                       "LAX", "seven..", "eight...", "a name that is longer than most"};
  const auto maybe = [&](Value value) { return random.one_in(6) ? Value() : value; };
  const auto small = [&](uint64_t bound) {
    return static_cast<int64_t>(random.below(bound)) - static_cast<int64_t>(bound / 2);
  };
  const Interval lengths[] = {{0, 1, 0}, {1, 0, 0}, {0, 0, 5'000'000}, {0, -3, 7}};
  return {id,
          maybe(kNames[random.below(std::size(kNames))]),
          maybe(small(6)),
          maybe(Decimal{small(50), static_cast<int32_t>(random.below(3))}),
          maybe(static_cast<double>(small(40)) / 4 + 0.0),
          maybe(1'600'000'000'000'000 + small(20) * 1'000'000),
          maybe(static_cast<int64_t>(random.below(2))),
          maybe(lengths[random.below(std::size(lengths))])};
}

const std::vector<Aggregation> kEverything = {
    {"rows", "count", {}},
    {"numbers", "count", {"number"}},
    {"good_rows", "count", {}, "good"},
    {"total", "sum", {"number"}},
    {"good_total", "sum", {"number"}, "good"},
    {"mean", "avg", {"number"}},
    {"paid", "sum", {"price"}},
    {"paid_mean", "avg", {"price"}},
    {"ratios", "sum", {"ratio"}},
    {"ratio_mean", "avg", {"ratio"}},
    {"lengths", "sum", {"length"}},
    {"ids", "sum", {"id"}},
    {"first_name", "min", {"name"}},
    {"last_name", "max", {"name"}},
    {"least", "min", {"number"}, "good"},
    {"greatest_ratio", "max", {"ratio"}},
    {"earliest", "min", {"at"}},
    {"all_good", "bool_and", {"good"}},
    {"any_good", "bool_or", {"good"}},
    {"name_at_first", "arg_min", {"name", "at"}},
    {"number_at_last", "arg_max", {"number", "at"}},
    {"id_of_last_name", "arg_max", {"id", "name"}},
    {"names", "approx_count_distinct", {"name"}},
    {"prices", "approx_count_distinct", {"price"}},
};

struct Case {
  std::string name;
  QueryPlanPtr plan;
};

ExpressionPtr int_literal(int64_t value) {
  return literal(Kind::kBigint, value);
}

std::vector<Case> cases(bool is_table) {
  const PlanPtr source = is_table ? table("things", all_types(), {0}) : stream("things", all_types());
  std::vector<Case> result;
  const PlanPtr picked =
      project(filter(source, call(">", {ref(source, "number"), int_literal(-2)})),
              {{"name", ref(source, "name")}, {"id", ref(source, "id")}, {"price", ref(source, "price")}});
  result.push_back({"rows by id", query(picked, {"id"})});
  result.push_back(
      {"counted rows",
       query(project(source, {{"price", ref(source, "price")}, {"length", ref(source, "length")}}), {}, false)});
  // Fails where number is 0.
  const PlanPtr failing =
      project(source, {{"id", ref(source, "id")}, {"inverse", call("/", {int_literal(12), ref(source, "number")})}});
  result.push_back({"rows that fail", query(failing, {"id"})});
  const PlanPtr by_name = aggregate(source, {"name", "number"}, kEverything);
  result.push_back({"groups", query(by_name, {"number", "name"})});
  result.push_back({"groups by price", query(aggregate(source, {"price", "ratio", "length"}, {{"rows", "count", {}}}),
                                             {"price", "ratio", "length"})});
  result.push_back({"one group", query(aggregate(source, {}, kEverything), {})});
  const PlanPtr having = filter(by_name, call(">", {ref(by_name, "rows"), int_literal(2)}));
  result.push_back(
      {"having", query(project(having, {{"n", ref(having, "number")},
                                        {"rows", ref(having, "rows")},
                                        {"name", ref(having, "name")},
                                        {"inverse", call("/", {int_literal(12), ref(having, "good_total")})}}),
                       {"name", "n"})});
  result.push_back({"picked groups", query(project(by_name, {{"n", ref(by_name, "number")},
                                                             {"mean", ref(by_name, "mean")},
                                                             {"name", ref(by_name, "name")}}),
                                           {"n", "name"})});
  result.push_back({"a part of the key", query(project(by_name, {{"rows", ref(by_name, "rows")}}), {}, false)});
  // Aggregates over aggregates: the outer ones get retractions.
  const PlanPtr inner = aggregate(source, {"name", "number"},
                                  {{"price", "max", {"price"}},
                                   {"ratio", "min", {"ratio"}},
                                   {"at", "max", {"at"}},
                                   {"good", "bool_or", {"good"}},
                                   {"length", "sum", {"length"}},
                                   {"id", "count", {}}});
  result.push_back({"groups of groups", query(aggregate(inner, {"number"}, kEverything), {"number"})});
  result.push_back({"one group of groups", query(aggregate(inner, {}, kEverything), {})});
  const PlanPtr total = aggregate(source, {}, {{"rows", "count", {}}, {"least", "min", {"number"}}});
  result.push_back({"a group of one group",
                    query(aggregate(total, {"least"}, {{"n", "count", {}}, {"rows", "sum", {"rows"}}}), {"least"})});
  result.push_back({"rows of one group", query(project(total, {{"rows", ref(total, "rows")}}), {}, false)});
  const PlanPtr large = filter(inner, call(">", {ref(inner, "id"), int_literal(1)}));
  result.push_back({"groups of filtered groups", query(aggregate(large, {"name"}, kEverything), {"name"})});
  return result;
}

std::vector<std::string> scan_all(Flow& flow, Random& random) {
  std::vector<std::string> rows;
  Flow::Range range;
  do {
    range.limit = 1 + random.below(50);
    Flow::Page page = flow.scan(range);
    EXPECT_LE(page.rows.rows, range.limit);
    for (std::string& row : json_rows(page.rows)) rows.push_back(std::move(row));
    range.after = page.cursor;
  } while (!range.after.empty());
  std::ranges::sort(rows);
  return rows;
}

void run_case(const Case& each, uint64_t seed) {
  SCOPED_TRACE(each.name + ", seed " + std::to_string(seed));
  const Plan* source = each.plan->root.get();
  while (source->input) source = source->input.get();
  Random random(seed);
  FailingStore store(seed + 1);
  const FlowTables tables{TableId{100}};
  std::optional<Flow> flow;
  const auto remake = [&] {
    while (true) {
      flow.reset();
      try {
        flow.emplace(each.plan, store, tables, false);
        return;
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), Code::kIo) << error.message();
      }
    }
  };
  remake();

  std::vector<Row> all;                  // of a stream
  std::map<int64_t, Row> current;        // of a table
  std::map<std::string, int64_t> heard;  // a snapshot and changes, added up
  for (const std::string& row : scan_all(*flow, random)) heard[row] += 1;
  bool heard_all = true;
  int64_t next_id = 0;
  Offset at;
  for (int epoch = 0; epoch < 40; ++epoch) {
    if (random.one_in(4)) remake();
    std::vector<FlowInput> input;
    Offset to = at;
    std::vector<Row> new_rows;
    std::map<int64_t, Row> new_current = current;
    for (uint64_t batches = random.below(4); batches > 0; --batches) {
      auto batch = std::make_shared<SourceBatch>();
      std::vector<Row> rows;
      for (uint64_t left = random.below(30); left > 0; --left) {
        const int64_t id = source->is_table ? static_cast<int64_t>(random.below(60)) : next_id++;
        Row row = random_row(random, id);
        const bool deleted = source->is_table && random.one_in(4);
        if (source->is_table) batch->deleted.push_back(deleted);
        if (deleted) {
          new_current.erase(id);
        } else {
          new_current[id] = row;
        }
        rows.push_back(row);
        new_rows.push_back(row);
      }
      batch->rows = batch_of(source->type, rows);
      batch->from = to;
      to = to + static_cast<int64_t>(rows.size());
      batch->next = to;
      input.push_back({0, batch});
    }
    const bool want_changes = heard_all && !random.one_in(30);
    EpochResult result;
    for (bool done = false; !done;) {
      try {
        result = flow->advance(input, Frontier{{{to}}}, want_changes);
        if (!result.committed) flow->commit();
        done = true;
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), Code::kIo) << error.message();
        remake();
        ASSERT_TRUE((Frontier{{{at}}}.covers(flow->frontier())));
      }
    }
    at = to;
    ASSERT_EQ(flow->frontier(), (Frontier{{{to}}}));
    for (const Row& row : new_rows) all.push_back(row);
    current = std::move(new_current);

    std::vector<std::vector<Row>> now(1);
    if (source->is_table) {
      for (const auto& [id, row] : current) now[0].push_back(row);
    } else {
      now[0] = all;
    }
    const std::vector<Row> expected_rows = evaluate_plan(*each.plan->root, now);
    const std::vector<std::string> expected = json_rows(batch_of(each.plan->root->type, expected_rows));
    ASSERT_EQ(scan_all(*flow, random), expected) << "after epoch " << epoch;

    if (!expected_rows.empty() && each.plan->key_is_unique) {
      const Row& row = expected_rows[random.below(expected_rows.size())];
      Row key;
      for (const size_t part : each.plan->key) key.push_back(row[part]);
      std::string json;
      ASSERT_EQ(flow->read_json(key, true, json), true);
      EXPECT_EQ(json, json_rows(batch_of(each.plan->root->type, {row}))[0]);
      EXPECT_EQ(json_rows(flow->read(key).value())[0], json);
    }
    heard_all &= want_changes;
    if (!heard_all) continue;
    for (size_t row = 0; row < result.changes.rows.rows; ++row) {
      std::string json;
      append_row_json(json, result.changes.rows, row);
      heard[json] += result.changes.weight(row);
    }
    std::vector<std::string> sum;
    for (const auto& [row, count] : heard) {
      ASSERT_GE(count, 0) << row;
      sum.insert(sum.end(), static_cast<size_t>(count), row);
    }
    ASSERT_EQ(sum, expected) << "changes after epoch " << epoch;
  }
}

TEST(FlowRandom, StreamsEqualTheirQueriesWhateverTheEpochs) {
  for (const Case& each : cases(false))
    for (uint64_t seed = 1; seed <= 3 && !HasFailure(); ++seed) run_case(each, seed * 1000);
}

TEST(FlowRandom, TablesEqualTheirQueriesWhateverTheEpochs) {
  for (const Case& each : cases(true))
    for (uint64_t seed = 1; seed <= 3 && !HasFailure(); ++seed) run_case(each, seed * 1000 + 1);
}

}  // namespace
}  // namespace headrace
