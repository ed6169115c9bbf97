// A partition's rounds of compaction: when, over which segments, and the swap. The swap is crash-safe (recovery.h):
// the new file is whole and synced before it gets the name that makes it count, and the producers' sequences of what it
// replaces stay, because the last batch of each producer does.
#include <algorithm>

#include "fmt/format.h"
#include "log/compaction.h"
#include "log/partition.h"

namespace headrace {
namespace {

SegmentSource source_of(const Segment& segment) {
  return {segment.path(), segment.base, segment.tail.end};
}

}  // namespace

awaitable<void> Partition::compact(const std::atomic<bool>& stop) {
  const auto self = shared_from_this();
  while (cleaning_) co_await changed_.wait();
  const Cleaning cleaning(*this);
  if (removed_ || !config_.compact || segments_.size() < 2 || swap_failed_) co_return;
  std::vector<SegmentPointer> closed(segments_.begin(), std::prev(segments_.end()));
  for (const SegmentPointer& segment : closed) co_await load_tail(segment);
  // After a start: the leading run that compaction wrote, of keys that it had noted.
  for (const SegmentPointer& segment : closed) {
    if (!segment->tail.cleaned) break;
    cleaned_ = std::max(cleaned_, segment->tail.end.offset);
  }
  uint64_t clean_bytes = 0;
  uint64_t dirty_bytes = 0;
  for (const SegmentPointer& segment : closed) {
    (segment->tail.end.offset <= cleaned_ ? clean_bytes : dirty_bytes) += segment->tail.end.position;
  }
  // Each round rewrites everything, so it waits until there is enough that is new.
  if (dirty_bytes == 0 || dirty_bytes < clean_bytes / 2) co_return;

  KeyOffsets newest(services_.key_bytes_max);
  Offset noted = cleaned_;
  for (const SegmentPointer& segment : closed) {
    if (segment->tail.end.offset <= cleaned_) continue;
    const SegmentSource source = source_of(*segment);
    noted =
        co_await on_pool(services_.pool, [&] { return note_keys(services_.files, source, cleaned_, newest, stop); });
    if (noted < source.end.offset) break;  // no more room; the next round goes on from here
  }

  std::vector<SegmentPointer> group;
  uint64_t group_bytes = 0;
  for (const SegmentPointer& segment : closed) {
    if (stop || removed_) co_return;
    if (segment->base >= noted) break;
    // Where the keys are noted in part only, nothing counts as cleaned; so that segment stays alone.
    const bool in_part = segment->tail.end.offset > noted;
    if (!group.empty() && (in_part || group_bytes + segment->tail.end.position > config_.segment_bytes)) {
      co_await compact_group(std::exchange(group, {}), newest, noted, stop);
      group_bytes = 0;
    }
    group.push_back(segment);
    group_bytes += segment->tail.end.position;
  }
  if (stop || removed_) co_return;
  if (!group.empty()) co_await compact_group(group, newest, noted, stop);
  cleaned_ = std::max(cleaned_, noted);
}

awaitable<void> Partition::compact_group(std::vector<SegmentPointer> group, const KeyOffsets& newest, Offset noted,
                                         const std::atomic<bool>& stop) {
  const Offset base = group.front()->base;
  const Offset end = group.back()->tail.end.offset;
  std::vector<SegmentSource> sources;
  sources.reserve(group.size());
  for (const SegmentPointer& segment : group) sources.push_back(source_of(*segment));
  const TombstoneRule tombstones{
      .older_than_ms = services_.timers.clock().wall_ms() - config_.delete_retention_ms,
      .below = std::min(floor_, noted),
  };
  const SegmentPointer fresh = make_segment(base);
  fresh->made = group.front()->made;
  const std::string path = folder_ + "/" + compacted_name(base, end);
  const std::unordered_map<int64_t, Offset> last_batches = producers_.last_batches();
  const Compacted compacted = co_await on_pool(services_.pool, [&] {
    return compact_segments(services_.files, sources, {newest, last_batches, tombstones, end <= noted, stop}, path,
                            fresh->identity);
  });
  if (!compacted.changed || removed_) co_return;
  fresh->tail = compacted.tail;
  fresh->tail_loaded = true;
  fresh->closed = true;

  // Readers of the old segments fail or finish, and look again when the new one is there.
  for (const SegmentPointer& segment : group) {
    segment->swapping = true;
    services_.open_files.close(*segment);
  }
  ++saving_;
  std::exception_ptr error;
  try {
    co_await on_pool(services_.pool, [&] {
      services_.files.rename(path, folder_ + "/" + swap_name(base, end));
      finish_swap(services_.files, folder_, base, end);
    });
    cached_->drop_before(end);
    const auto first = std::ranges::find(segments_, group.front());
    *first = fresh;
    for (const SegmentPointer& segment : group) segment->gone = true;
    segments_.erase(std::next(first), std::next(first) + static_cast<ptrdiff_t>(group.size() - 1));
  } catch (...) {
    error = std::current_exception();
  }
  --saving_;
  // A swap that failed half-way is finished at the next start; until then these offsets cannot be read, and nothing is
  // cleaned here.
  if (error) swap_failed_ = true;
  for (const SegmentPointer& segment : group) segment->swapping = false;
  changed_.notify_all();
  if (error) std::rethrow_exception(error);
}

}  // namespace headrace
