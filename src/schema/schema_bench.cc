// What loading and reading cost per value. Rows are shaped like the flights of the example.
#include <vector>

#include "base/random.h"
#include "benchmark/benchmark.h"
#include "schema/columns.h"
#include "schema/json_text.h"
#include "schema/key.h"
#include "schema/text_form.h"
#include "schema/timestamp.h"
#include "schema/utf8.h"

namespace headrace {
namespace {

constexpr size_t kTexts = 4096;

// Texts of one kind, made once and read in turn.
template <typename Make>
std::vector<std::string> texts(Make make) {
  Random random(1);
  std::vector<std::string> result;
  for (size_t i = 0; i < kTexts; ++i) result.push_back(make(random));
  return result;
}

template <typename Run>
void each(benchmark::State& state, const std::vector<std::string>& inputs, Run run) {
  for (auto _ : state) {
    for (const std::string& input : inputs) benchmark::DoNotOptimize(run(input));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(inputs.size()));
}

std::string random_instant(Random& random) {
  char buffer[kTimestampBytesMax];
  return {buffer, format_timestamptz(buffer, static_cast<int64_t>(random.below(2'000'000'000)) * kMicrosPerSecond)};
}

void parse_timestamps(benchmark::State& state) {
  each(state, texts(random_instant), [](const std::string& text) { return parse_timestamptz(text); });
}
BENCHMARK(parse_timestamps);

void parse_timestamps_with_offset(benchmark::State& state) {
  const auto inputs = texts([](Random& random) {
    std::string text = random_instant(random);
    text.replace(text.size() - 1, 1, ".123456+02:00");
    return text;
  });
  each(state, inputs, [](const std::string& text) { return parse_timestamptz(text); });
}
BENCHMARK(parse_timestamps_with_offset);

void format_timestamps(benchmark::State& state) {
  Random random(1);
  std::vector<int64_t> inputs(kTexts);
  for (int64_t& input : inputs) input = static_cast<int64_t>(random.below(2'000'000'000)) * kMicrosPerSecond;
  char buffer[kTimestampBytesMax];
  for (auto _ : state) {
    for (const int64_t input : inputs) benchmark::DoNotOptimize(format_timestamptz(buffer, input));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(inputs.size()));
}
BENCHMARK(format_timestamps);

void parse_integers(benchmark::State& state) {
  const auto inputs =
      texts([](Random& random) { return std::to_string(static_cast<int64_t>(random.below(3000)) - 500); });
  each(state, inputs, [](const std::string& text) { return parse_integer(text); });
}
BENCHMARK(parse_integers);

void parse_decimals(benchmark::State& state) {
  const auto inputs =
      texts([](Random& random) { return Decimal{static_cast<int64_t>(random.below(1'000'000)), 2}.to_string(); });
  each(state, inputs, [](const std::string& text) { return Decimal::parse(text); });
}
BENCHMARK(parse_decimals);

void parse_doubles(benchmark::State& state) {
  const auto inputs =
      texts([](Random& random) { return Decimal{static_cast<int64_t>(random.below(100'000'000)), 6}.to_string(); });
  each(state, inputs, [](const std::string& text) { return parse_double(text); });
}
BENCHMARK(parse_doubles);

void check_text(benchmark::State& state) {
  const auto inputs = texts([](Random& random) { return std::string(8 + random.below(32), 'a'); });
  each(state, inputs, [](const std::string& text) { return valid_text(text); });
}
BENCHMARK(check_text);

void add_decimals(benchmark::State& state) {
  Decimal sum{0, 2};
  const Decimal amount{1234, 2};
  for (auto _ : state) benchmark::DoNotOptimize(sum = sum + amount);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(add_decimals);

void divide_decimals(benchmark::State& state) {
  const Decimal sum{123'456'789'012, 2};
  Decimal count = Decimal::from_int(98'765);
  for (auto _ : state) {
    benchmark::DoNotOptimize(count);
    benchmark::DoNotOptimize(sum / count);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(divide_decimals);

Batch flights() {
  const auto type =
      std::make_shared<const RowType>(RowType{{{"flight_id", {.kind = Kind::kText}},
                                               {"date", {.kind = Kind::kTimestamptz}},
                                               {"delay", {.kind = Kind::kInteger}},
                                               {"distance", {.kind = Kind::kInteger}},
                                               {"origin", {.kind = Kind::kText}},
                                               {"destination", {.kind = Kind::kText}},
                                               {"revenue", {.kind = Kind::kNumeric, .precision = 12, .scale = 2}},
                                               {"average", {.kind = Kind::kDouble}}}});
  BatchBuilder builder(type);
  Random random(1);
  for (size_t i = 0; i < kTexts; ++i) {
    const std::vector<Value> row = {"flight-" + std::to_string(i),
                                    static_cast<int64_t>(random.below(2'000'000'000)) * kMicrosPerSecond,
                                    static_cast<int64_t>(random.below(200)) - 20,
                                    static_cast<int64_t>(random.below(3000)),
                                    std::string("SAN"),
                                    std::string("PHX"),
                                    Decimal{static_cast<int64_t>(random.below(100'000)), 2},
                                    static_cast<double>(random.below(100'000)) / 100};
    builder.append_row(row);
  }
  return builder.finish();
}

void print_rows_as_json(benchmark::State& state) {
  const Batch batch = flights();
  std::string out;
  for (auto _ : state) {
    out.clear();
    for (size_t row = 0; row < batch.rows; ++row) append_row_json(out, batch, row);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(batch.rows));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(out.size()));
}
BENCHMARK(print_rows_as_json);

// Column by number: a text, an instant, an integer, a numeric.
void encode_keys(benchmark::State& state) {
  const Batch batch = flights();
  const ColumnData& column = *batch.columns[static_cast<size_t>(state.range(0))];
  state.SetLabel(column.type.name());
  std::string out;
  for (auto _ : state) {
    out.clear();
    for (size_t row = 0; row < batch.rows; ++row) append_key(out, column, row);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(batch.rows));
}
BENCHMARK(encode_keys)->Arg(0)->Arg(1)->Arg(2)->Arg(6)->Arg(7);

void encode_values(benchmark::State& state) {
  const Batch batch = flights();
  std::string out;
  for (auto _ : state) {
    out.clear();
    for (size_t row = 0; row < batch.rows; ++row) {
      for (const ColumnPtr& column : batch.columns) append_value(out, *column, row);
    }
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(batch.rows * batch.columns.size()));
}
BENCHMARK(encode_values);

void gather_rows(benchmark::State& state) {
  const Batch batch = flights();
  std::vector<uint32_t> selection;
  for (uint32_t row = 0; row < batch.rows; row += 2) selection.push_back(row);
  for (auto _ : state) benchmark::DoNotOptimize(batch.gather(selection));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(selection.size()));
}
BENCHMARK(gather_rows);

}  // namespace
}  // namespace headrace
