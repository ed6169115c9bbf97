#include "log/spare_segments.h"

#include "base/trace.h"
#include "fmt/format.h"
#include "log/segment_file.h"

namespace headrace {
namespace {

// Removes the marks of the file's earlier life, and only then calls it ready.
void wipe_marks(Files& files, const std::string& path, uint64_t capacity) {
  const auto file = files.open(path, Files::Mode::kWrite);
  file->write_at(capacity, std::string(kMarkAreaBytes, '\0'));
  file->sync();
}

}  // namespace

SpareSegments::SpareSegments(Shard& shard, Pool& pool, Files& files, std::string folder, size_t count_max)
    : shard_(shard), pool_(pool), files_(files), folder_(std::move(folder)), count_max_(count_max), gate_(shard) {}

std::optional<std::string> SpareSegments::take(uint64_t capacity) {
  const auto found = ready_.find(capacity);
  if (found == ready_.end()) return std::nullopt;
  std::string path = std::move(found->second);
  ready_.erase(found);
  bytes_ -= capacity;
  return path;
}

void SpareSegments::want(uint64_t capacity) {
  // Few at a time: commits wait for the same pool.
  if (gate_.closed() || in_work_ >= count_max_ || !has_room(capacity) || ready_.contains(capacity)) return;
  ++in_work_;
  bytes_ += capacity;
  shard_.spawn(make(capacity));
}

awaitable<void> SpareSegments::make(uint64_t capacity) {
  if (gate_.closed()) co_return;
  const Gate::Pass pass = gate_.enter();
  const std::string path = fresh_path();
  try {
    co_await on_pool(pool_, [&] { make_segment_file(files_, path, capacity); });
    ready_.emplace(capacity, path);
  } catch (const Error& error) {
    bytes_ -= capacity;
    trace::warn("a spare segment of {} bytes cannot be made ahead: {}", capacity, error.message());
  }
  --in_work_;
}

awaitable<void> SpareSegments::recycle(std::string path, uint64_t capacity) {
  const std::string folder = folder_of(path);
  if (gate_.closed() || !has_room(capacity)) {
    co_await on_pool(pool_, [&] {
      files_.remove(path);
      files_.sync_directory(folder);
    });
    co_return;
  }
  const Gate::Pass pass = gate_.enter();
  ++in_work_;
  bytes_ += capacity;
  const std::string spare = fresh_path();
  try {
    co_await on_pool(pool_, [&] {
      files_.rename(path, spare);
      // Its old name must be gone before its content changes, or a power cut could bring back a broken segment. Its new
      // one need not last.
      try {
        files_.sync_directory(folder);
        wipe_marks(files_, spare, capacity);
      } catch (...) {
        discard_file(files_, spare);
        throw;
      }
    });
    ready_.emplace(capacity, spare);
  } catch (...) {
    --in_work_;
    bytes_ -= capacity;
    throw;
  }
  --in_work_;
}

awaitable<void> SpareSegments::clear() {
  const std::multimap<uint64_t, std::string> spares = std::exchange(ready_, {});
  for (const auto& [capacity, path] : spares) {
    bytes_ -= capacity;
    co_await on_pool(pool_, [&] { discard_file(files_, path); });
  }
}

std::string SpareSegments::fresh_path() {
  return fmt::format("{}/{}-{}", folder_, shard_.index(), ++made_);
}

awaitable<void> SpareSegments::close() {
  co_await gate_.close();
}

}  // namespace headrace
