#include "views/stream_reader.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/trace.h"
#include "fmt/format.h"
#include "log/record_batch.h"
#include "views/seen_ids.h"
#include "views/value_codec.h"

namespace headrace {
namespace {

constexpr std::chrono::seconds kWatchInterval{1};

// The tables of a stream with ids, from its first on.
TableId ids_table(const StreamInfo& stream) {
  return stream.tables.first;
}
TableId repeats_table(const StreamInfo& stream) {
  return TableId{static_cast<uint32_t>(stream.tables.first) + 1};
}
TableId progress_table(const StreamInfo& stream) {
  return TableId{static_cast<uint32_t>(stream.tables.first) + 2};
}

std::string position_key(PartitionId partition, Offset offset = {}) {
  std::string key;
  Writer writer(key);
  writer.big_endian(partition);
  writer.big_endian(offset.value);
  return key;
}

std::string offset_bytes(Offset offset) {
  std::string bytes;
  Writer(bytes).big_endian(offset.value);
  return bytes;
}

Offset load_progress(Store& store, const StreamInfo& stream, PartitionId partition) {
  std::string value;
  if (!store.get(progress_table(stream), position_key(partition), value)) return {};
  return {Reader(value).big_endian<int64_t>()};
}

// Keeps the rows at `kept`.
void keep(SourceBatch& batch, std::vector<Offset>& offsets, const std::vector<uint32_t>& kept) {
  if (kept.size() == batch.rows.rows) return;
  batch.rows = batch.rows.gather(kept);
  std::vector<Offset> kept_offsets;
  std::vector<uint8_t> kept_deleted;
  for (const uint32_t row : kept) {
    kept_offsets.push_back(offsets[row]);
    if (!batch.deleted.empty()) kept_deleted.push_back(batch.deleted[row]);
  }
  offsets = std::move(kept_offsets);
  batch.deleted = std::move(kept_deleted);
}

}  // namespace

StreamReader::StreamReader(Runtime& runtime, Shard& shard, Timers& timers, Log& log, Store& store, StreamInfoPtr stream,
                           StreamReaderOptions options)
    : runtime_(runtime),
      shard_(shard),
      timers_(timers),
      log_(log),
      store_(store),
      stream_(std::move(stream)),
      options_(options),
      partitions_(static_cast<size_t>(stream_->definition.partitions)),
      news_(shard),
      made_(shard),
      gate_(shard) {}

StreamReader::~StreamReader() = default;

awaitable<void> StreamReader::start() {
  for (size_t i = 0; i < partitions_.size(); ++i) {
    const auto partition = static_cast<PartitionId>(i);
    partitions_[i].bounds = co_await log_.bounds(stream_->definition.topic, partition);
    if (stream_->id) {
      partitions_[i].deduplicated =
          co_await on_pool(runtime_.pool(), [&] { return load_progress(store_, *stream_, partition); });
    }
    shard_.spawn(watch(shared_from_this(), partition));
  }
}

awaitable<void> StreamReader::stop() {
  stopping_ = true;
  news_.notify_all();
  co_await gate_.close();
}

void StreamReader::update(StreamInfoPtr stream) {
  stream_ = std::move(stream);
  for (Partition& partition : partitions_) {
    partition.cached.clear();
    partition.cached_order.clear();
    partition.cached_bytes = 0;
  }
}

std::vector<Offset> StreamReader::ends() const {
  std::vector<Offset> ends;
  for (const Partition& partition : partitions_) ends.push_back(partition.bounds.end);
  return ends;
}

// Follows the end of one partition. Errors of the log (a topic that is being dropped) end the watch; flows then see
// no more news.
awaitable<void> StreamReader::watch(std::shared_ptr<StreamReader> self, PartitionId id) {
  Partition& partition = self->partitions_[static_cast<size_t>(id)];
  try {
    while (!self->stopping_) {
      const Bounds bounds = co_await self->log_.wait_beyond(self->stream_->definition.topic, id, partition.bounds.end,
                                                            self->timers_.clock().steady() + kWatchInterval);
      const bool moved = partition.bounds.end < bounds.end;
      partition.bounds = bounds;
      if (moved) self->news_.notify_all();
    }
  } catch (const Error& error) {
    if (!self->stopping_)
      trace::error("reading of {}-{} ends: {}", self->stream_->definition.topic, id, error.message());
  }
}

awaitable<SourceBatchPtr> StreamReader::read(PartitionId id, Offset from, Offset to) {
  const auto pass = gate_.enter();
  Partition& partition = partitions_[static_cast<size_t>(id)];
  for (;;) {
    if (stopping_) throw Error(Code::kUnavailable, "the reader is stopping");
    from = std::max(from, partition.bounds.start);
    if (from >= std::min(partition.bounds.end, to)) co_return nullptr;
    const auto cached = partition.cached.find(from);
    if (cached != partition.cached.end() && cached->second.batch->next <= to) co_return cached->second.batch;
    if (!partition.making) break;
    co_await made_.wait();
  }
  partition.making = true;
  struct Done {
    Partition& partition;
    Signal& made;
    ~Done() {
      partition.making = false;
      made.notify_all();
    }
  } done{partition, made_};

  for (;;) {
    // Rows whose ids nobody has looked at yet are looked at in order.
    while (stream_->id && partition.deduplicated < from) {
      const Offset start = std::max(partition.deduplicated, partition.bounds.start);
      const SourceBatchPtr skipped = start < from ? co_await make(id, start, from) : nullptr;
      if (!skipped && start < partition.bounds.start) continue;
      partition.deduplicated = skipped ? skipped->next : from;
    }
    Offset until = to;
    if (stream_->id && from < partition.deduplicated) until = std::min(until, partition.deduplicated);
    SourceBatchPtr batch = co_await make(id, from, until);
    if (batch && stream_->id) partition.deduplicated = std::max(partition.deduplicated, batch->next);
    if (batch || partition.bounds.start <= from) co_return batch;
    from = partition.bounds.start;
    if (from >= std::min(partition.bounds.end, to)) co_return nullptr;
  }
}

awaitable<SourceBatchPtr> StreamReader::make(PartitionId id, Offset from, Offset to) {
  Partition& partition = partitions_[static_cast<size_t>(id)];
  const StreamInfoPtr stream = stream_;
  Fetched fetched;
  bool outside = false;
  try {
    fetched = co_await log_.read(stream->definition.topic, id, from, options_.fetch_bytes);
  } catch (const Error& error) {
    if (error.code() != Code::kNotFound) throw;
    outside = true;
  }
  if (outside) {
    partition.bounds = co_await log_.bounds(stream->definition.topic, id);
    if (partition.bounds.start <= from)
      throw Error(Code::kCorrupt, fmt::format("partition {} of \"{}\" ends at {}, and {} was to be read", id,
                                              stream->definition.name, partition.bounds.end.value, from.value));
    co_return nullptr;
  }
  if (fetched.bytes.empty()) co_return nullptr;
  SourceBatchPtr batch = co_await on_pool(runtime_.pool(), [&, deduplicated = partition.deduplicated] {
    return decode(stream, id, from, to, deduplicated, fetched);
  });
  if (stream != stream_) co_return batch;
  cache(partition, batch, fetched.bytes.size());
  co_return batch;
}

SourceBatchPtr with_columns(const SourceBatchPtr& batch, const RowTypePtr& type) {
  const size_t wanted = type->columns.size();
  if (batch->rows.columns.size() == wanted) return batch;
  if (batch->rows.columns.size() < wanted)
    throw Error(Code::kUnavailable, "the stream was given a column a moment ago; ask again");
  auto narrow = std::make_shared<SourceBatch>(*batch);
  narrow->rows.type = type;
  narrow->rows.columns.resize(wanted);
  return narrow;
}

void StreamReader::cache(Partition& partition, SourceBatchPtr batch, size_t bytes) {
  const Offset from = batch->from;
  const auto [place, fresh] = partition.cached.insert_or_assign(from, Cached{std::move(batch), bytes});
  if (fresh) {
    partition.cached_order.push_back(from);
    partition.cached_bytes += bytes;
  }
  while (partition.cached_order.size() > 1 && (partition.cached_bytes > options_.cached_bytes_max ||
                                               partition.cached_order.size() > options_.cached_batches_max)) {
    const auto oldest = partition.cached.find(partition.cached_order.front());
    partition.cached_bytes -= std::min(partition.cached_bytes, oldest->second.bytes);
    partition.cached.erase(oldest);
    partition.cached_order.pop_front();
  }
}

SourceBatchPtr StreamReader::decode(const StreamInfoPtr& stream, PartitionId id, Offset from, Offset to,
                                    Offset deduplicated, const Fetched& fetched) {
  auto batch = std::make_shared<SourceBatch>();
  batch->partition = id;
  batch->from = from;
  batch->next = from;
  BatchBuilder builder(stream->type);
  RowDecoder decoder(stream);
  std::vector<Offset> offsets;
  // Views of compressed batches are into what they were decompressed to.
  auto decompressed = std::make_shared<std::deque<std::string>>();
  const auto take = [&](const Record& record) {
    if (record.offset < from || record.offset >= to) return;
    try {
      if (record.value) {
        decoder.decode(*record.value, builder);
      } else if (stream->definition.is_table && record.key) {
        decoder.decode_key(*record.key, builder);
        batch->deleted.resize(builder.rows() - 1, 0);
        batch->deleted.push_back(1);
      } else {
        return;  // a tombstone means nothing in a stream
      }
      offsets.push_back(record.offset);
    } catch (const Error& error) {
      std::string json;
      append_json(json, std::string(record.value.value_or("")), {.kind = Kind::kBytea});
      batch->dead.push_back(
          {fmt::format("record {} of partition {}: {}", record.offset.value, id, error.message()), std::move(json)});
    }
  };
  for (std::string_view rest = fetched.bytes; !rest.empty() && batch->next < to;) {
    const BatchHeader header = read_batch_header(rest);
    try {
      RecordReader reader(rest, decompressed->emplace_back());
      for (Record record; reader.next(record);) take(record);
    } catch (const Error& error) {
      // Its CRC is right, so its producer made it like this: a payload that cannot be decompressed, or is no records.
      batch->dead.push_back({fmt::format("the rest of the batch from offset {} of partition {} is not readable: {}",
                                         header.base.value, id, error.message()),
                             "null"});
    }
    batch->next = std::min(to, std::max(batch->next, header.end()));
    rest.remove_prefix(header.bytes());
  }
  batch->rows = builder.finish();
  if (!batch->deleted.empty()) batch->deleted.resize(batch->rows.rows, 0);
  for (ColumnPtr& column : batch->rows.columns) {
    if (column->type.form() != Form::kBytes) continue;
    auto& buffers = const_cast<ColumnData&>(*column).buffers;  // not shared yet
    buffers.push_back(fetched.owner);
    buffers.push_back(decompressed);
  }
  if (stream->id) drop_repeats(*stream, *batch, offsets, deduplicated);
  return batch;
}

void StreamReader::drop_repeats(const StreamInfo& stream, SourceBatch& batch, std::vector<Offset>& offsets,
                                Offset deduplicated) {
  const size_t rows = batch.rows.rows;
  std::vector<uint32_t> kept;
  kept.reserve(rows);

  if (batch.from < deduplicated) {  // looked at before: the repeats are known
    const auto cursor = store_.scan(repeats_table(stream), position_key(batch.partition, batch.from),
                                    position_key(batch.partition, batch.next));
    size_t row = 0;
    for (; cursor->valid(); cursor->next()) {
      const Offset repeat{load_big_endian<int64_t>(cursor->key().data() + sizeof(PartitionId))};
      for (; row < rows && offsets[row] < repeat; ++row) kept.push_back(static_cast<uint32_t>(row));
      if (row < rows && offsets[row] == repeat) ++row;
    }
    for (; row < rows; ++row) kept.push_back(static_cast<uint32_t>(row));
    keep(batch, offsets, kept);
    return;
  }

  const auto write = store_.begin();
  const std::vector<uint8_t> repeated =
      SeenIds(store_, ids_table(stream)).mark(batch.partition, *batch.rows.columns[*stream.id], *write);
  for (size_t row = 0; row < rows; ++row) {
    if (repeated[row]) {
      write->put(repeats_table(stream), position_key(batch.partition, offsets[row]), {});
    } else {
      kept.push_back(static_cast<uint32_t>(row));
    }
  }
  write->put(progress_table(stream), position_key(batch.partition), offset_bytes(batch.next));
  store_.commit(*write);
  keep(batch, offsets, kept);
}

}  // namespace headrace
