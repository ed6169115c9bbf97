#include "views/appender.h"

#include <algorithm>
#include <map>
#include <optional>

#include "boost/json.hpp"
#include "fmt/format.h"
#include "log/record_batch.h"
#include "views/value_codec.h"
#include "xxhash.h"

namespace headrace {
namespace {

// Ids of producers that Headrace makes from names lie in the upper half of the positive ids, those that it hands out by
// number in the lower. Two names collide with a chance of n²/2^63.
int64_t producer_id_of(std::string_view stream, std::string_view name) {
  const uint64_t hash = XXH3_64bits_withSeed(name.data(), name.size(), XXH3_64bits(stream.data(), stream.size()));
  return static_cast<int64_t>((hash >> 2) | (uint64_t{1} << 62));
}

struct ProducerSequence {
  int64_t id = kNoProducer;
  int32_t sequence = -1;
};

ProducerSequence producer_of(const StreamInfo& stream, const AppendOptions& options) {
  const std::string& name = stream.definition.name;
  if (!options.producer.empty()) return {producer_id_of(name, "p:" + options.producer), options.sequence};
  if (!options.idempotency_key.empty()) return {producer_id_of(name, "k:" + options.idempotency_key), 0};
  return {};
}

// With the parser of this thread's last rows if they were of the same kind: making one costs more than a short body.
Batch parse_short(const RowTypePtr& type, RowFormat format, const RowLimits& limits, std::string_view body) {
  struct Last {
    RowTypePtr type;
    RowFormat format;
    RowLimits limits;
    RowParser parser;
  };
  thread_local std::optional<Last> last;
  if (!last || last->type != type || last->format != format || last->limits.rows_max != limits.rows_max ||
      last->limits.row_bytes_max != limits.row_bytes_max)
    last.emplace(Last{type, format, limits, RowParser(type, format, limits)});
  return last->parser.parse(body);
}

Batch dead_batch(const StreamInfo& stream, std::vector<DeadRow> dead) {
  BatchBuilder builder(stream.type);
  for (DeadRow& row : dead) builder.append_row(std::vector<Value>{std::move(row.error), std::move(row.row_json)});
  return builder.finish();
}

bool all_repeated(const std::vector<Appended>& appended) {
  return std::ranges::all_of(appended, &Appended::duplicate);
}

}  // namespace

struct Appender::Encoded {
  std::vector<PartitionBatch> batches;
};

Appender::Appender(Runtime& runtime, const Clock& clock, Log& log, Catalog& catalog, AppendLimits limits)
    : runtime_(runtime), clock_(clock), log_(log), catalog_(catalog), limits_(limits) {}

awaitable<AppendResult> Appender::append(std::string stream, RowFormat format, std::string body,
                                         AppendOptions options) {
  const StreamInfoPtr info = catalog_.state()->stream(stream);
  if (!info->is_writable())
    throw Error(Code::kRefused, fmt::format("\"{}\" is written by Headrace; append to what it is made from", stream));

  const RowLimits limits{.rows_max = limits_.rows_max, .row_bytes_max = limits_.row_bytes_max};
  std::vector<DeadRow> dead;
  auto parse = [&] {
    std::function<void(BadRow)> collect;
    if (options.bad_rows_to_dead)
      collect = [&dead](const BadRow& bad) { dead.push_back({bad.error.message(), std::string(bad.text)}); };
    return RowParser(info->type, format, limits, std::move(collect)).parse(body);
  };
  Batch rows;
  if (body.size() > limits_.inline_bytes_max) {
    rows = co_await on_pool(runtime_.pool(), parse);
  } else {
    rows = options.bad_rows_to_dead ? parse() : parse_short(info->type, format, limits, body);
  }
  body = {};
  co_return co_await append_rows(info, std::move(rows), std::move(dead), std::move(options));
}

awaitable<AppendResult> Appender::append(std::string stream, Batch rows, AppendOptions options) {
  const StreamInfoPtr info = catalog_.state()->stream(stream);
  if (!info->is_writable())
    throw Error(Code::kRefused, fmt::format("\"{}\" is written by Headrace; append to what it is made from", stream));
  co_return co_await append_rows(info, std::move(rows), {}, std::move(options));
}

awaitable<Appender::Encoded> Appender::encode_rows(StreamInfoPtr stream, Batch rows, AppendOptions options) {
  constexpr size_t kInlineRowsMax = 64;
  auto run = [&] { return encode(stream, rows, options); };
  if (rows.rows <= kInlineRowsMax) co_return run();
  co_return co_await on_pool(runtime_.pool(), run);
}

awaitable<AppendResult> Appender::append_rows(StreamInfoPtr stream, Batch rows, std::vector<DeadRow> dead,
                                              AppendOptions options) {
  if (!options.producer.empty() && options.sequence < 0)
    throw Error(Code::kInvalid, "a named producer numbers its requests 0, 1, 2, ...; the number is missing");
  const size_t count = rows.rows;
  const size_t dead_count = dead.size();
  Encoded encoded = co_await encode_rows(stream, std::move(rows), options);
  bool repeated = count + dead_count > 0;
  if (!dead.empty()) {
    const StreamInfoPtr to = catalog_.state()->stream(stream->definition.name + std::string(kDeadSuffix));
    Encoded bad = co_await encode_rows(to, dead_batch(*to, std::move(dead)), options);
    repeated = all_repeated(co_await log_.append(to->definition.topic, std::move(bad.batches), options.durability)) &&
               repeated;
  }
  const std::vector<Appended> appended =
      co_await log_.append(stream->definition.topic, std::move(encoded.batches), options.durability);
  AppendResult result = result_of(*stream, count, appended);
  result.dead_rows = dead_count;
  result.duplicate = repeated && all_repeated(appended);
  co_return result;
}

// A partition's rows become as many batches as batch_bytes_max asks for; usually one. A producer's sequence could not
// say which of several arrived, so the rows of a numbered request must fit into one.
Appender::Encoded Appender::encode(StreamInfoPtr stream, const Batch& rows, const AppendOptions& options,
                                   const EpochSpan* epoch, std::span<const int64_t> present) const {
  const RowEncoder encoder(stream);
  const auto partitions = stream->definition.partitions;
  const ProducerSequence producer = producer_of(*stream, options);
  const int64_t now_ms = clock_.wall_ms();
  std::optional<EpochHeaders> headers;
  if (epoch) headers.emplace(*epoch);
  // Without key and id the rows of a request go to one partition: any, but for a repeat of it the same.
  const uint64_t spread = headers ? headers->hash()
                          : producer.id != kNoProducer
                              ? static_cast<uint64_t>(producer.id) + static_cast<uint64_t>(producer.sequence)
                              : static_cast<uint64_t>(now_ms);
  const auto keyless = static_cast<PartitionId>(spread % static_cast<uint64_t>(partitions));

  struct Partition {
    std::unique_ptr<RecordBatchBuilder> builder;
    int64_t records = 0;
  };
  std::vector<Partition> to(static_cast<size_t>(partitions));
  Encoded encoded;
  auto finish = [&](size_t partition) {
    PartitionBatch batch;
    batch.partition = static_cast<PartitionId>(partition);
    batch.bytes = to[partition].builder->finish();
    encoded.batches.push_back(std::move(batch));
    to[partition].builder.reset();
  };
  std::string key, value, id;
  for (size_t row = 0; row < rows.rows; ++row) {
    key.clear();
    id.clear();
    const bool has_key = encoder.append_key(key, rows, row);
    const bool by_id = !has_key && encoder.append_id(id, rows, row);
    const auto place = static_cast<size_t>(has_key || by_id ? partition_of(has_key ? key : id, partitions) : keyless);
    Partition& partition = to[place];
    const int64_t before = partition.records++;
    if (place < present.size() && before < present[place]) continue;
    value.clear();
    encoder.append_value(value, rows, row);
    if (partition.builder && partition.builder->bytes() + key.size() + value.size() + 1024 > limits_.batch_bytes_max) {
      if (producer.id != kNoProducer)
        throw Error(Code::kTooLarge, fmt::format("the rows of one numbered request fill more than one record batch of "
                                                 "{} bytes; send fewer rows at a time",
                                                 limits_.batch_bytes_max));
      finish(place);
    }
    const bool first = !partition.builder;
    if (first) {
      partition.builder = std::make_unique<RecordBatchBuilder>();
      if (producer.id != kNoProducer) partition.builder->set_producer(producer.id, 0, producer.sequence);
    }
    partition.builder->append(now_ms, has_key ? std::optional<std::string_view>(key) : std::nullopt, value,
                              first && headers ? headers->of_batch(before) : std::span<const RecordHeader>());
  }
  for (size_t partition = 0; partition < to.size(); ++partition)
    if (to[partition].builder) finish(partition);
  return encoded;
}

AppendResult Appender::result_of(const StreamInfo& stream, size_t rows, const std::vector<Appended>& appended) const {
  AppendResult result;
  result.rows = rows;
  result.token.stream = stream.definition.name;
  for (const Appended& batch : appended) {
    auto& ends = result.token.ends;
    if (!ends.empty() && ends.back().first == batch.partition) {
      ends.back().second = std::max(ends.back().second, batch.end);
    } else {
      ends.emplace_back(batch.partition, batch.end);
    }
  }
  return result;
}

awaitable<AppendResult> Appender::remove(std::string table, Batch keys) {
  const StreamInfoPtr info = catalog_.state()->stream(table);
  if (!info->definition.is_table)
    throw Error(Code::kRefused, fmt::format("\"{}\" is a stream: its rows are events and cannot be deleted", table));
  // The encoder takes key columns from their places in a whole row.
  Batch rows{info->type, std::vector<ColumnPtr>(info->type->columns.size()), keys.rows};
  for (size_t i = 0; i < info->key.size(); ++i) rows.columns[info->key[i]] = keys.columns.at(i);
  const RowEncoder encoder(info);
  std::map<PartitionId, RecordBatchBuilder> builders;
  std::vector<PartitionBatch> batches;
  auto finish = [&](PartitionId partition, RecordBatchBuilder& builder) {
    PartitionBatch batch;
    batch.partition = partition;
    batch.bytes = builder.finish();
    batches.push_back(std::move(batch));
  };
  for (size_t row = 0; row < rows.rows; ++row) {
    std::string key;
    encoder.append_key(key, rows, row);
    const PartitionId partition = partition_of(key, info->definition.partitions);
    RecordBatchBuilder& builder = builders[partition];
    if (builder.records() > 0 && builder.bytes() + key.size() + 1024 > kBatchBytesMax) finish(partition, builder);
    builder.append(clock_.wall_ms(), key, std::nullopt);
  }
  for (auto& [partition, builder] : builders) finish(partition, builder);
  const auto appended = co_await log_.append(info->definition.topic, std::move(batches));
  co_return result_of(*info, keys.rows, appended);
}

awaitable<int32_t> Appender::last_sequence(std::string stream, std::string producer) {
  const StreamInfoPtr info = catalog_.state()->stream(stream);
  const int64_t id = producer_of(*info, {.producer = producer, .sequence = 0}).id;
  int32_t last = -1;
  for (PartitionId partition = 0; partition < info->definition.partitions; ++partition)
    last = std::max(last, co_await log_.last_sequence(info->definition.topic, partition, id));
  co_return last;
}

awaitable<void> Appender::append_epoch(StreamInfoPtr stream, Batch rows, EpochSpan epoch,
                                       std::vector<int64_t> present) {
  Encoded encoded = co_await on_pool(runtime_.pool(), [&] { return encode(stream, rows, {}, &epoch, present); });
  if (!encoded.batches.empty()) co_await log_.append(stream->definition.topic, std::move(encoded.batches));
}

awaitable<void> Appender::append_dead(std::string of, std::vector<DeadRow> dead, EpochSpan epoch,
                                      std::vector<int64_t> present) {
  const StreamInfoPtr stream = catalog_.state()->stream(of + std::string(kDeadSuffix));
  Batch rows = dead_batch(*stream, std::move(dead));
  co_await append_epoch(stream, std::move(rows), std::move(epoch), std::move(present));
}

}  // namespace headrace
