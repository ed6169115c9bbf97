// How many rows a second expressions evaluate, in batches of 4,096 rows, as a source gives them. memcpy of a column is
// the limit that they are measured against.
#include <benchmark/benchmark.h>

#include <cstring>
#include <random>

#include "flow/testing_functions.h"

namespace headrace {
namespace {

using testing::call;
using testing::cast;
using testing::column;
using testing::literal;
using testing::node;
using testing::type_named;
using Op = Expression::Op;

constexpr size_t kRows = 4096;

const Type kInteger{.kind = Kind::kInteger};
const Type kNumeric = type_named("numeric(12,2)");
const Type kText{.kind = Kind::kText};
const Type kInstant{.kind = Kind::kTimestamptz};

// An integer, a number, a text of few values, an instant: small rows of events.
Batch events() {
  auto type = std::make_shared<RowType>();
  type->columns = {{.name = "delay", .type = kInteger},
                   {.name = "price", .type = kNumeric},
                   {.name = "airport", .type = kText},
                   {.name = "at", .type = kInstant},
                   {.name = "distance", .type = kInteger}};
  BatchBuilder builder(type);
  std::mt19937_64 random(7);
  constexpr std::string_view kAirports[] = {"ATL", "ORD", "DFW", "LAX", "PHX", "DEN", "SLC", "MSP"};
  for (size_t row = 0; row < kRows; ++row) {
    builder.append_row(std::vector<Value>{
        static_cast<int64_t>(random() % 120) - 20, Decimal{static_cast<int64_t>(random() % 100'000), 2},
        std::string(kAirports[random() % 8]), 978'307'200'000'000 + static_cast<int64_t>(row) * 30'000'000,
        static_cast<int64_t>(random() % 3000)});
  }
  return builder.finish();
}

void run(benchmark::State& state, const ExpressionPtr& expression) {
  const Batch batch = events();
  for (auto _ : state) {
    RowErrors errors;
    benchmark::DoNotOptimize(evaluate(*expression, batch, errors));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRows));
}

ExpressionPtr delay() {
  return column(kInteger, 0);
}
ExpressionPtr price() {
  return column(kNumeric, 1);
}
ExpressionPtr airport() {
  return column(kText, 2);
}
ExpressionPtr at() {
  return column(kInstant, 3);
}
ExpressionPtr distance() {
  return column(kInteger, 4);
}
ExpressionPtr number(int64_t value) {
  return literal(kInteger, value);
}
ExpressionPtr is_late() {
  return call(">", {delay(), number(15)});
}

void memcpy_column(benchmark::State& state) {
  const Batch batch = events();
  std::vector<int64_t> copy(kRows);
  for (auto _ : state) {
    std::memcpy(copy.data(), batch.columns[0]->ints.data(), kRows * sizeof copy[0]);
    benchmark::DoNotOptimize(copy.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRows));
}
BENCHMARK(memcpy_column);

// One row at a time is what a flow that keeps up with single events does.
void one_row(benchmark::State& state) {
  const Batch batch = events().gather(std::array{0U});
  const ExpressionPtr expression = is_late();
  for (auto _ : state) {
    RowErrors errors;
    benchmark::DoNotOptimize(evaluate(*expression, batch, errors));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(one_row);

BENCHMARK_CAPTURE(run, int_compare_constant, is_late());
BENCHMARK_CAPTURE(run, int_compare_columns, call("<", {delay(), distance()}));
BENCHMARK_CAPTURE(run, int_add, call("+", {delay(), distance()}));
BENCHMARK_CAPTURE(run, int_multiply_constant, call("*", {distance(), number(3)}));
BENCHMARK_CAPTURE(run, int_divide_constant, call("/", {distance(), number(7)}));
BENCHMARK_CAPTURE(run, bigint_add, call("+", {cast(delay(), type_named("bigint")), distance()}));
BENCHMARK_CAPTURE(run, double_multiply,
                  call("*", {cast(delay(), type_named("double precision")),
                             cast(distance(), type_named("double precision"))}));
BENCHMARK_CAPTURE(run, numeric_multiply, call("*", {price(), literal("numeric", "0.19")}));
BENCHMARK_CAPTURE(run, numeric_compare, call(">", {price(), literal("numeric", "500.00")}));
BENCHMARK_CAPTURE(run, text_equals_constant, call("=", {airport(), literal("text", "LAX")}));
BENCHMARK_CAPTURE(run, text_like_prefix, call("~~", {airport(), literal("text", "L%")}));
BENCHMARK_CAPTURE(run, text_regular_expression, call("~", {airport(), literal("text", "^[A-L]")}));
BENCHMARK_CAPTURE(run, text_join, call("||", {airport(), literal("text", "-x")}));
BENCHMARK_CAPTURE(run, text_lower, call("lower", {airport()}));
BENCHMARK_CAPTURE(run, and_of_two, node(Op::kAnd, {is_late(), call("<", {distance(), number(1000)})}));
BENCHMARK_CAPTURE(run, case_of_constants, node(Op::kCase, {is_late(), number(1), number(0)}, kInteger));
BENCHMARK_CAPTURE(run, case_that_can_fail,
                  node(Op::kCase, {is_late(), call("/", {distance(), delay()}), number(0)}, kInteger));
BENCHMARK_CAPTURE(run, tumble_start, call("tumble_start", {at(), literal("interval", "1 minute")}));
BENCHMARK_CAPTURE(run, date_trunc_hour, call("date_trunc", {literal("text", "hour"), at()}));
BENCHMARK_CAPTURE(run, date_trunc_month, call("date_trunc", {literal("text", "month"), at()}));
BENCHMARK_CAPTURE(run, cast_int_to_text, cast(distance(), kText));
BENCHMARK_CAPTURE(run, cast_int_to_double, cast(distance(), type_named("double precision")));

}  // namespace
}  // namespace headrace
