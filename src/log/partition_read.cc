// Reading a partition: from the cached tail if it is there, else from the segment that holds the offset, whose index
// and file are opened when they are first needed.
#include <algorithm>

#include "base/trace.h"
#include "fmt/format.h"
#include "log/partition.h"

namespace headrace {
namespace {

constexpr size_t kReadBytesMax = size_t{32} << 20;
// An index of less is rebuilt as fast as its file is found, and would double the files of small segments.
constexpr uint64_t kIndexedBytesMin = uint64_t{1} << 20;
constexpr size_t kTimeSearchBytes = size_t{256} << 10;

[[noreturn]] void outside(const std::string& name, Offset offset, const Bounds& bounds) {
  throw Error(Code::kNotFound, fmt::format("offset {} is outside of {}, which has the offsets {} to {}", offset.value,
                                           name, bounds.start.value, bounds.end.value));
}

}  // namespace

Partition::SegmentPointer Partition::find_segment(Offset offset) const {
  const auto after = std::ranges::upper_bound(segments_, offset, {}, [](const auto& segment) { return segment->base; });
  return *std::prev(after);
}

awaitable<void> Partition::load_tail(SegmentPointer segment) {
  if (segment->tail_loaded) co_return;
  const std::shared_ptr<File> file = co_await services_.open_files.open(segment);
  // It is not the last one: that one's tail was loaded when the log was opened.
  const auto next =
      std::ranges::upper_bound(segments_, segment->base, {}, [](const auto& other) { return other->base; });
  if (segment->tail_loaded || next == segments_.end()) co_return;
  const Offset end = (*next)->base;
  const std::string path = segment->path();
  const SegmentTail tail = co_await on_pool(
      services_.pool, [&] { return read_sealed_tail(*file, path, segment->identity, segment->base, end); });
  if (segment->tail_loaded) co_return;
  segment->tail = tail;
  segment->tail_loaded = true;
}

awaitable<void> Partition::load_index(SegmentPointer segment) {
  co_await load_tail(segment);
  if (segment->index_loaded) co_return;
  const std::shared_ptr<File> file = co_await services_.open_files.open(segment);
  SegmentPoint end = segment->tail.end;
  bool rebuilt = false;
  SegmentIndex index = co_await on_pool(services_.pool, [&] {
    return headrace::load_index(services_.files, *file, folder_, segment->base, end, rebuilt);
  });
  const std::string path = segment->path();
  // The last segment may have grown meanwhile.
  while (!segment->index_loaded && index.covered().position < segment->tail.end.position) {
    end = segment->tail.end;
    co_await on_pool(services_.pool, [&] { extend_index(index, *file, path, end); });
  }
  if (segment->index_loaded) co_return;
  segment->index = std::move(index);
  segment->index_loaded = true;
  // It may be needed again after it was dropped.
  if (rebuilt && segment->closed) save_index_later(segment);
}

awaitable<ReadBatches> Partition::read_segment(SegmentPointer segment, Offset from, size_t bytes_max) {
  co_await load_index(segment);
  const std::shared_ptr<File> file = co_await services_.open_files.open(segment);
  const SegmentPoint end = segment->tail.end;
  const SegmentIndex::Place place = segment->index.find(from);
  const std::string path = segment->path();
  co_return co_await on_pool(services_.pool, [&] { return read_batches(*file, path, place, end, from, bytes_max); });
}

awaitable<Fetched> Partition::read(Offset from, size_t bytes_max) {
  const auto self = shared_from_this();
  bytes_max = std::min(bytes_max, kReadBytesMax);
  for (;;) {
    check_removed();
    if (from < start_ || from > durable_end_) outside(name_, from, bounds());
    if (from == durable_end_) co_return Fetched{nullptr, {}, bounds()};
    if (auto slice = cached_->find(from, bytes_max)) co_return Fetched{std::move(slice->owner), slice->bytes, bounds()};
    const SegmentPointer segment = find_segment(from);
    if (segment->swapping) {
      co_await changed_.wait();
      continue;
    }
    try {
      auto read = std::make_shared<ReadBatches>(co_await read_segment(segment, from, bytes_max));
      if (read->size > 0) co_return Fetched{read, read->batches(), bounds()};
      throw Error(Code::kCorrupt, fmt::format("segment {} has no batch with offset {}", segment->path(), from.value));
    } catch (const Error&) {
      // Retention or compaction took the segment away while it was read: look again.
      const bool stays = !removed_ && from >= start_ && find_segment(from) == segment && !segment->swapping;
      if (stays && swap_failed_) {
        throw Error(Code::kIo, fmt::format("offset {} of {} cannot be read before the next start, because the disk "
                                           "failed while the segment was being replaced",
                                           from.value, name_));
      }
      if (stays) throw;
    }
  }
}

awaitable<std::optional<Located>> Partition::locate_in(SegmentPointer segment, Offset from, size_t bytes_max) {
  co_await load_index(segment);
  const std::shared_ptr<File> file = co_await services_.open_files.open(segment);
  if (file->descriptor() < 0) co_return std::nullopt;
  const SegmentPoint end = segment->tail.end;
  const SegmentIndex::Place place = segment->index.find(from);
  const std::string path = segment->path();
  std::optional<BatchPlace> first = try_find_batch(*file, path, place, end, from);
  if (!first) first = co_await on_pool(services_.pool, [&] { return find_batch(*file, path, place, end, from); });
  const size_t size = std::min<uint64_t>(end.position - first->position, std::max<uint64_t>(first->size, bytes_max));
  segment->lent = true;
  co_return Located{segment, {}, {file, first->position, size}, bounds()};
}

awaitable<Located> Partition::locate(Offset from, size_t bytes_max) {
  const auto self = shared_from_this();
  check_removed();
  const bool on_disk = from >= start_ && from < durable_end_ && !cached_->find(from, 1);
  if (const SegmentPointer segment = on_disk ? find_segment(from) : nullptr; segment && !segment->swapping) {
    try {
      auto located = co_await locate_in(segment, from, std::min(bytes_max, kReadBytesMax));
      // While it waited, compaction may have given the segment's name to another file, which must not be paired with
      // what is known of this one: no one looks at the bytes before they are sent.
      const bool stays = !removed_ && !swap_failed_ && from >= start_ && find_segment(from) == segment;
      if (located && stays && !segment->swapping) co_return *located;
    } catch (const Error&) {
      // read() looks again, and says what is wrong.
    }
  }
  const Fetched fetched = co_await read(from, bytes_max);
  co_return Located{fetched.owner, fetched.bytes, {}, fetched.bounds};
}

awaitable<Bounds> Partition::wait_beyond(Offset offset, SteadyTime deadline) {
  const auto self = shared_from_this();
  while (durable_end_ <= offset) {
    check_removed();
    if (!co_await changed_.wait_until(services_.timers, deadline)) break;
  }
  co_return bounds();
}

awaitable<std::optional<Offset>> Partition::find_time(SegmentPointer segment, int64_t timestamp_ms) {
  co_await load_index(segment);
  Offset at = std::max(segment->index.find_time(timestamp_ms).offset, start_);
  const Offset end = segment->tail.end.offset;
  std::string scratch;
  while (at < end) {
    const ReadBatches read = co_await read_segment(segment, at, kTimeSearchBytes);
    std::string_view rest = read.batches();
    while (!rest.empty()) {
      const BatchHeader header = read_batch_header(rest);
      if (header.max_timestamp_ms >= timestamp_ms) {
        try {
          RecordReader reader(rest, scratch);
          for (Record record; reader.next(record);) {
            if (record.timestamp_ms >= timestamp_ms && record.offset >= start_) co_return record.offset;
          }
        } catch (const Error&) {
          co_return std::max(header.base, start_);  // not readable, as its producer made it
        }
      }
      at = header.end();
      rest.remove_prefix(header.bytes());
    }
  }
  co_return std::nullopt;
}

awaitable<std::optional<Offset>> Partition::offset_at(int64_t timestamp_ms) {
  const auto self = shared_from_this();
  for (Offset at = start_; at < durable_end_;) {
    check_removed();
    const SegmentPointer segment = find_segment(std::max(at, start_));
    if (segment->swapping) {
      co_await changed_.wait();
      continue;
    }
    try {
      co_await load_tail(segment);
      if (segment->tail.max_timestamp_ms >= timestamp_ms) {
        if (const auto found = co_await find_time(segment, timestamp_ms)) co_return found;
      }
      at = segment->tail.end.offset;
    } catch (const Error&) {
      const bool stays = !removed_ && find_segment(std::max(segment->base, start_)) == segment;
      if (stays && !segment->swapping) throw;
    }
  }
  co_return std::nullopt;
}

void Partition::save_index_later(SegmentPointer segment) {
  if (!segment->index_loaded || services_.background.closed()) return;
  services_.shard.spawn(save_index(std::move(segment), services_.background.enter()));
}

awaitable<void> Partition::save_index(SegmentPointer segment, Gate::Pass pass) {
  const auto self = shared_from_this();
  if (!segment->index_loaded || segment->tail.end.position <= kIndexedBytesMin || removed_) co_return;
  if (segment->gone || segment->swapping) co_return;
  const SegmentIndex index = segment->index;
  const uint32_t digest = segment->tail.end.digest;
  ++saving_;
  try {
    co_await on_pool(services_.pool, [&] { write_index(services_.files, folder_, segment->base, index, digest); });
  } catch (const Error& error) {
    trace::warn("the index of segment {} cannot be saved, and is rebuilt when it is needed: {}", segment->path(),
                error.message());
  }
  --saving_;
  changed_.notify_all();
}

awaitable<void> Partition::save_indexes() {
  const auto self = shared_from_this();
  if (!segments_.empty()) co_await save_index(segments_.back(), services_.background.enter());
}

awaitable<uint64_t> Partition::stored_bytes() {
  const auto self = shared_from_this();
  uint64_t bytes = 0;
  const std::deque<SegmentPointer> segments = segments_;
  for (const SegmentPointer& segment : segments) {
    try {
      if (!segment->swapping) co_await load_tail(segment);
    } catch (const Error&) {
      const bool stays = !removed_ && !segment->swapping && std::ranges::find(segments_, segment) != segments_.end();
      if (stays) throw;
    }
    bytes += segment->tail.end.position;
  }
  co_return bytes;
}

}  // namespace headrace
