// How many rows a second one core takes through typical flows of flights, RocksDB commits included: batches of 64k
// rows, sixteen of them an epoch, as when a view catches up. Items per second are input rows.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "base/random.h"
#include "flow/flow.h"
#include "flow/testing_plans.h"
#include "runtime/files.h"
#include "store/memory_store.h"

namespace headrace {
namespace {

using namespace headrace::testing;

constexpr size_t kBatchRows = 64 * 1024;
constexpr size_t kBatches = 16;
constexpr int64_t kStart = 978'307'200'000'000;  // 2001-01-01

RowTypePtr flight_type() {
  return row_type({column("id", Kind::kBigint, false), column("scheduled", Kind::kTimestamptz, false),
                   column("origin", Kind::kText, false), column("destination", Kind::kText, false),
                   column("delay", Kind::kInteger, false), column("distance", Kind::kInteger, false)});
}

// Sixteen batches of flights between 250 airports, some much busier than others, in the order of their times.
const std::vector<Batch>& flights() {
  static const std::vector<Batch> batches = [] {
    Random random(42);
    std::vector<std::string> airports;
    for (int i = 0; i < 250; ++i)
      airports.push_back(
          {static_cast<char>('A' + i % 26), static_cast<char>('A' + i / 26), static_cast<char>('A' + i * 7 % 26)});
    const auto airport = [&] { return std::string_view(airports[random.below(1 + random.below(airports.size()))]); };
    std::vector<Batch> result;
    int64_t id = 0;
    for (size_t n = 0; n < kBatches; ++n) {
      BatchBuilder builder(flight_type());
      for (size_t row = 0; row < kBatchRows; ++row, ++id) {
        builder.column(0).ints.push_back(id);
        builder.column(1).ints.push_back(kStart + id * 10'000'000);
        builder.column(2).bytes.push_back(builder.arena().add(airport()));
        builder.column(3).bytes.push_back(builder.arena().add(airport()));
        builder.column(4).ints.push_back(static_cast<int64_t>(random.below(60)) - 30);
        builder.column(5).ints.push_back(static_cast<int64_t>(100 + random.below(2500)));
        builder.end_row();
      }
      result.push_back(builder.finish());
    }
    return result;
  }();
  return batches;
}

PlanPtr source() {
  return stream("flights", flight_type());
}

QueryPlanPtr by_id() {
  return query(source(), {"id"});
}

QueryPlanPtr by_origin() {
  const PlanPtr from = source();
  auto late = std::make_shared<Expression>();
  late->op = Expression::Op::kCase;
  late->type = Type{.kind = Kind::kInteger};
  late->arguments = {call(">", {ref(from, "delay"), literal(Kind::kInteger, 15)}), literal(Kind::kInteger, 1),
                     literal(Kind::kInteger, 0)};
  const PlanPtr rows = project(from, {{"origin", ref(from, "origin")},
                                      {"delay", ref(from, "delay")},
                                      {"late", late},
                                      {"distance", ref(from, "distance")}});
  const PlanPtr groups = aggregate(rows, {"origin"},
                                   {{"flights", "count", {}},
                                    {"delay", "avg", {"delay"}},
                                    {"late", "avg", {"late"}},
                                    {"miles", "sum", {"distance"}}});
  return query(
      project(groups, {{"origin", ref(groups, "origin")},
                       {"flights", ref(groups, "flights")},
                       {"delay", ref(groups, "delay")},
                       {"late", ref(groups, "late")},
                       {"revenue", call("*", {ref(groups, "miles"), literal(Kind::kNumeric, Decimal{12, 2})})}}),
      {"origin"});
}

QueryPlanPtr by_hour() {
  const PlanPtr from = source();
  // TUMBLE, by arithmetic that needs no function of its own here.
  const auto hour = call("/", {ref(from, "id"), literal(Kind::kBigint, int64_t{360})});
  const PlanPtr rows =
      project(from, {{"hour", hour}, {"route", call("||", {ref(from, "origin"), ref(from, "destination")})}});
  return query(aggregate(rows, {"hour"}, {{"flights", "count", {}}, {"routes", "approx_count_distinct", {"route"}}}),
               {"hour"});
}

QueryPlanPtr by_route() {
  return query(aggregate(source(), {"origin", "destination"},
                         {{"flights", "count", {}},
                          {"last_delay", "arg_max", {"delay", "scheduled"}},
                          {"least", "min", {"delay"}},
                          {"most", "max", {"delay"}}}),
               {"origin", "destination"});
}

QueryPlanPtr late_ones() {
  const PlanPtr from = source();
  return query(filter(from, call(">", {ref(from, "delay"), literal(Kind::kInteger, 15)})), {}, false);
}

void run(benchmark::State& state, const QueryPlanPtr& plan, bool derives_stream, size_t batches_per_epoch) {
  const std::string folder = std::filesystem::temp_directory_path() / "headrace_flow_bench";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::unique_ptr<Files> files = make_system_files();
  {
    const std::unique_ptr<Store> store = open_rocksdb_store(*files, {.folder = folder});
    Flow flow(plan, *store, {TableId{10}}, derives_stream);
    const std::vector<Batch>& batches = flights();
    Offset at;
    size_t rows = 0;
    for (auto _ : state) {
      // Ids go on, so that every row of the view by id is new.
      for (size_t first = 0; first < batches.size(); first += batches_per_epoch) {
        std::vector<FlowInput> input;
        for (size_t n = first; n < first + batches_per_epoch; ++n) {
          auto batch = std::make_shared<SourceBatch>();
          batch->rows = batches[n];
          if (at.value >= static_cast<int64_t>(kBatches * kBatchRows)) {
            state.PauseTiming();
            ColumnData ids = *batches[n].columns[0];
            for (int64_t& id : ids.ints)
              id +=
                  at.value / static_cast<int64_t>(kBatches * kBatchRows) * static_cast<int64_t>(kBatches * kBatchRows);
            batch->rows.columns[0] = std::make_shared<const ColumnData>(std::move(ids));
            state.ResumeTiming();
          }
          batch->from = at;
          at = at + static_cast<int64_t>(kBatchRows);
          batch->next = at;
          input.push_back({0, batch});
          rows += kBatchRows;
        }
        if (!flow.advance(input, Frontier{{{at}}}, false).committed) flow.commit();
      }
    }
    state.SetItemsProcessed(static_cast<int64_t>(rows));
  }
  std::filesystem::remove_all(folder);
}

void rows_by_id(benchmark::State& state) {
  run(state, by_id(), false, static_cast<size_t>(state.range(0)));
}
void groups_by_origin(benchmark::State& state) {
  run(state, by_origin(), false, static_cast<size_t>(state.range(0)));
}
void groups_by_hour(benchmark::State& state) {
  run(state, by_hour(), false, static_cast<size_t>(state.range(0)));
}
void groups_by_route(benchmark::State& state) {
  run(state, by_route(), false, static_cast<size_t>(state.range(0)));
}
void derived_stream(benchmark::State& state) {
  run(state, late_ones(), true, static_cast<size_t>(state.range(0)));
}
BENCHMARK(rows_by_id)->Arg(16)->Arg(1)->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(groups_by_origin)->Arg(16)->Arg(1)->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(groups_by_hour)->Arg(16)->Arg(1)->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(groups_by_route)->Arg(16)->Arg(1)->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(derived_stream)->Arg(16)->Arg(1)->Unit(benchmark::kMillisecond)->Iterations(5);

// Point reads: the row as JSON, from a store in memory.
void read_json(benchmark::State& state, const QueryPlanPtr& plan, const std::vector<Row>& keys) {
  const std::unique_ptr<Store> store = make_memory_store(size_t{1} << 30);
  Flow flow(plan, *store, {TableId{10}}, false);
  auto batch = std::make_shared<SourceBatch>();
  batch->rows = flights()[0];
  batch->next = Offset{static_cast<int64_t>(kBatchRows)};
  const FlowInput input{0, batch};
  flow.advance(std::span(&input, 1), Frontier{{{batch->next}}}, false);
  std::string out;
  size_t i = 0;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(flow.read_json(keys[i++ % keys.size()], false, out));
  }
  state.SetItemsProcessed(state.iterations());
}
void read_row(benchmark::State& state) {
  std::vector<Row> keys;
  for (int64_t id = 0; id < 1000; ++id) keys.push_back({id * 61});
  read_json(state, by_id(), keys);
}
std::vector<Row> origins() {
  std::vector<Row> keys;
  for (size_t row = 0; row < 1000; ++row) keys.push_back({std::string(flights()[0].columns[2]->bytes[row])});
  return keys;
}
void read_group_with_expression(benchmark::State& state) {
  read_json(state, by_origin(), origins());
}
void read_group(benchmark::State& state) {
  read_json(state,
            query(aggregate(source(), {"origin"},
                            {{"flights", "count", {}}, {"delay", "avg", {"delay"}}, {"miles", "sum", {"distance"}}}),
                  {"origin"}),
            origins());
}
BENCHMARK(read_row);
BENCHMARK(read_group);
BENCHMARK(read_group_with_expression);

}  // namespace
}  // namespace headrace
