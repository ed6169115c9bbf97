// What a core does with rows: the flights of the example, six columns, as CSV, NDJSON and Avro. Each is shown as rows
// and bytes a second, beside the limit of reading the same bytes once.

#include <benchmark/benchmark.h>

#include <cstring>

#include "base/random.h"
#include "fmt/format.h"
#include "schema/avro.h"
#include "schema/row_parser.h"

namespace headrace {
namespace {

constexpr size_t kRows = 20'000;

RowTypePtr flights(bool nullable) {
  auto type = std::make_shared<RowType>();
  type->columns = {{"flight", {Kind::kBigint}, nullable},    {"scheduled", {Kind::kTimestamptz}, nullable},
                   {"origin", {Kind::kText}, nullable},      {"destination", {Kind::kText}, nullable},
                   {"distance", {Kind::kInteger}, nullable}, {"delay", {Kind::kInteger}, nullable}};
  return type;
}

std::string csv_body() {
  static constexpr std::string_view kAirports[] = {"ANC", "LAX", "ATL", "SAV", "ORD", "DFW", "JFK", "SFO"};
  Random random(1);
  std::string body = "flight,scheduled,origin,destination,distance,delay\n";
  for (size_t row = 1; row <= kRows; ++row) {
    body += fmt::format("{},2001-0{}-{:02}T{:02}:{:02}:00Z,{},{},{},{}\n", row, 1 + random.below(6),
                        1 + random.below(28), random.below(24), random.below(60), kAirports[random.below(8)],
                        kAirports[random.below(8)], 100 + random.below(2500), static_cast<int>(random.below(150)) - 30);
  }
  return body;
}

Batch flights_batch(bool nullable) {
  return RowParser(flights(nullable), RowFormat::kCsv).parse(csv_body());
}

std::string ndjson_body() {
  const Batch batch = flights_batch(true);
  std::string body;
  for (size_t row = 0; row < batch.rows; ++row) {
    append_row_json(body, batch, row);
    body += '\n';
  }
  return body;
}

void report(benchmark::State& state, size_t bytes) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRows));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes));
}

void parse_rows(benchmark::State& state, RowFormat format, std::string body) {
  const size_t size = body.size();
  body.resize(size + 64);
  RowParser parser(flights(true), format);
  for (auto step : state) {
    Batch batch = parser.parse(std::string_view(body).substr(0, size), body.size());
    benchmark::DoNotOptimize(batch);
  }
  report(state, size);
}

void BM_ParseCsv(benchmark::State& state) {
  parse_rows(state, RowFormat::kCsv, csv_body());
}
BENCHMARK(BM_ParseCsv);

void BM_ParseNdjson(benchmark::State& state) {
  parse_rows(state, RowFormat::kNdjson, ndjson_body());
}
BENCHMARK(BM_ParseNdjson);

void BM_ParseJsonArray(benchmark::State& state) {
  std::string body = ndjson_body();
  for (char& c : body) c = c == '\n' ? ',' : c;
  body.back() = ']';
  parse_rows(state, RowFormat::kJson, "[" + body);
}
BENCHMARK(BM_ParseJsonArray);

struct Encoded {
  std::string bytes;
  std::vector<std::string_view> data;
};

Encoded encoded_flights(bool nullable) {
  const Batch batch = flights_batch(nullable);
  const AvroEncoder encoder(batch.type, 1);
  Encoded result;
  std::vector<size_t> ends;
  for (size_t row = 0; row < batch.rows; ++row) {
    encoder.append(result.bytes, batch, row);
    ends.push_back(result.bytes.size());
  }
  size_t start = 0;
  for (const size_t end : ends) {
    result.data.push_back(std::string_view(result.bytes).substr(start + 5, end - start - 5));
    start = end;
  }
  return result;
}

void BM_EncodeAvro(benchmark::State& state) {
  const Batch batch = flights_batch(state.range(0) != 0);
  const AvroEncoder encoder(batch.type, 1);
  std::string out;
  for (auto step : state) {
    out.clear();
    for (size_t row = 0; row < batch.rows; ++row) encoder.append(out, batch, row);
    benchmark::DoNotOptimize(out.data());
  }
  report(state, out.size());
}
BENCHMARK(BM_EncodeAvro)->ArgName("nullable")->Arg(0)->Arg(1);

void BM_DecodeAvro(benchmark::State& state) {
  const bool nullable = state.range(0) != 0;
  const Encoded rows = encoded_flights(nullable);
  const RowTypePtr type = flights(nullable);
  const AvroDecoder decoder(AvroSchema::from_columns("flights", *type), type);
  for (auto step : state) {
    BatchBuilder builder(type);
    for (size_t column = 0; column < type->columns.size(); ++column) builder.column(column).reserve(kRows);
    for (const std::string_view datum : rows.data) decoder.decode(datum, builder);
    Batch batch = builder.finish();
    benchmark::DoNotOptimize(batch);
  }
  report(state, rows.bytes.size());
}
BENCHMARK(BM_DecodeAvro)->ArgName("nullable")->Arg(0)->Arg(1);

// Three of the six columns: what a view that does not need the others pays.
void BM_DecodeAvroProjected(benchmark::State& state) {
  const Encoded rows = encoded_flights(true);
  auto type = std::make_shared<RowType>(*flights(true));
  type->columns.erase(type->columns.begin(), type->columns.begin() + 3);
  const AvroDecoder decoder(AvroSchema::from_columns("flights", *flights(true)), type);
  for (auto step : state) {
    BatchBuilder builder(type);
    for (const std::string_view datum : rows.data) decoder.decode(datum, builder);
    Batch batch = builder.finish();
    benchmark::DoNotOptimize(batch);
  }
  report(state, rows.bytes.size());
}
BENCHMARK(BM_DecodeAvroProjected);

// The limit: looking at every byte of the CSV once.
void BM_LimitFindLines(benchmark::State& state) {
  const std::string body = csv_body();
  for (auto step : state) {
    size_t lines = 0;
    for (size_t at = 0; (at = body.find('\n', at)) != std::string::npos; ++at) ++lines;
    benchmark::DoNotOptimize(lines);
  }
  report(state, body.size());
}
BENCHMARK(BM_LimitFindLines);

}  // namespace
}  // namespace headrace
