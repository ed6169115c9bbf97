// Retention: whole segments go from the start of a partition, once all their records are older than retention_ms or
// what follows them is retention_bytes already. Never the last segment, which takes the appends; so that a slow
// partition's records do not stay for ever, the last one is rolled by age. Nothing at or beyond the floor goes, and
// nothing of a compacted topic: it keeps the last record of each key, however old that is and however many there are.
#include <utility>

#include "base/trace.h"
#include "fmt/format.h"
#include "log/partition.h"
#include "log/recovery.h"

namespace headrace {
namespace {

// A segment takes appends for at most this part of retention_ms, so records stay at most that much too long.
constexpr int64_t kRollsPerRetention = 4;
constexpr std::chrono::milliseconds kAgeMax = std::chrono::days(365);
constexpr std::chrono::hours kCompactedAgeMax{1};

}  // namespace

// A process that is started again more often than segments are rolled would never roll one if their age counted from
// its start. So what an earlier process made is as old as its first record, or its newest one if the first has no time
// that can be: producers may leave it out or have wrong clocks.
awaitable<void> Partition::learn_age(SegmentPointer segment) {
  if (!std::exchange(segment->recovered, false)) co_return;
  const std::string path = segment->path();
  const BatchHeader first = co_await on_pool(services_.pool, [&] { return read_first_header(services_.files, path); });
  const Clock& clock = services_.timers.clock();
  for (const int64_t time_ms : {first.max_timestamp_ms, segment->tail.max_timestamp_ms}) {
    if (time_ms <= 0 || time_ms > clock.wall_ms()) continue;
    segment->made =
        std::min<SteadyTime>(segment->made, clock.steady() - std::chrono::milliseconds(clock.wall_ms() - time_ms));
    break;
  }
}

awaitable<void> Partition::roll_if_old(const std::function<void()>& notify) {
  const auto self = shared_from_this();
  if (segments_.empty() || removed_) co_return;
  const SegmentPointer last = segments_.back();
  if (last->tail.end.position == 0) co_return;
  if (config_.retention_ms < 0 && !config_.compact) co_return;
  co_await learn_age(last);
  if (removed_ || segments_.back() != last) co_return;
  SteadyTime due = SteadyTime::max();
  if (config_.retention_ms >= 0 && !config_.compact) {
    due = last->made + std::min(std::chrono::milliseconds(config_.retention_ms / kRollsPerRetention), kAgeMax);
  }
  if (config_.compact) due = std::min<SteadyTime>(due, last->made + kCompactedAgeMax);
  if (services_.timers.clock().steady() < due) co_return;
  roll_requested_ = true;
  notify();
  // A roll that fails is not tried again before the next cleaning.
  while (!removed_ && (roll_requested_ || in_flight_)) co_await changed_.wait();
}

void Partition::apply_retention_later() {
  if (config_.retention_bytes < 0 || config_.compact || cleaning_ || services_.background.closed()) return;
  services_.shard.spawn(apply_retention_after_roll(shared_from_this(), services_.background.enter()));
}

awaitable<void> Partition::apply_retention_after_roll(std::shared_ptr<Partition> /*self*/, Gate::Pass /*pass*/) {
  try {
    co_await apply_retention();
  } catch (const Error& error) {
    trace::warn("retention of {} fails, and is tried again later: {}", name_, error.message());
  }
}

awaitable<void> Partition::apply_retention() {
  const auto self = shared_from_this();
  while (cleaning_) co_await changed_.wait();
  if (removed_) co_return;
  const Cleaning cleaning(*this);
  const int64_t oldest_ms = services_.timers.clock().wall_ms() - config_.retention_ms;
  const bool by_time = config_.retention_ms >= 0 && !config_.compact;
  const bool by_size = config_.retention_bytes >= 0 && !config_.compact;
  uint64_t bytes = by_size ? co_await stored_bytes() : 0;
  while (!removed_ && !swap_failed_ && segments_.size() > 1 && segments_[1]->base <= floor_) {
    SegmentPointer oldest = segments_.front();
    co_await load_tail(oldest);
    const uint64_t size = oldest->tail.end.position;
    const bool expired = by_time && oldest->tail.max_timestamp_ms < oldest_ms;
    const bool too_much = by_size && bytes >= size && bytes - size >= static_cast<uint64_t>(config_.retention_bytes);
    const bool deleted = segments_[1]->base <= start_;
    if (!expired && !too_much && !deleted) break;
    if (!co_await remove_oldest(std::move(oldest))) break;
    bytes -= std::min(bytes, size);
  }
}

void Partition::set_retention_floor(Offset floor) {
  if (std::exchange(floor_, floor) != floor) changed_.notify_all();
}

// Whether the floor lets it is not looked at.
void Partition::check_deletable(Offset offset) const {
  check_removed();
  if (offset > durable_end_)
    throw Error(Code::kInvalid, fmt::format("{} ends at {}; nothing before {} can be deleted", name_,
                                            durable_end_.value, offset.value));
  if (config_.compact)
    throw Error(Code::kRefused, fmt::format("{} keeps the last record of each key; delete a key by a record without a "
                                            "value",
                                            name_));
}

awaitable<Offset> Partition::delete_before(Offset offset, SteadyTime deadline) {
  const auto self = shared_from_this();
  for (;;) {
    check_deletable(offset);
    if (deleting_) {
      co_await changed_.wait();
    } else if (offset > floor_ && services_.timers.clock().steady() < deadline) {
      co_await changed_.wait_until(services_.timers, deadline);
    } else {
      break;
    }
  }
  if (offset > floor_)
    throw Error(Code::kRefused, fmt::format("a view of {} may have to read the records from {} again; try again in a "
                                            "moment",
                                            name_, floor_.value));
  if (offset <= start_) co_return start_;
  deleting_ = true;
  ++saving_;
  std::exception_ptr error;
  try {
    co_await on_pool(services_.pool, [&] { store_start(services_.files, folder_, offset); });
  } catch (...) {
    error = std::current_exception();
  }
  --saving_;
  deleting_ = false;
  if (!error) start_ = std::max(start_, offset);
  changed_.notify_all();
  if (error) std::rethrow_exception(error);
  co_return start_;
}

// Returns false if the file could not be removed; the segment then stays.
awaitable<bool> Partition::remove_oldest(SegmentPointer oldest) {
  services_.open_files.close(*oldest);
  segments_.pop_front();
  oldest->gone = true;
  const Offset start_before = start_;
  start_ = std::max(start_, segments_.front()->base);
  changed_.notify_all();
  const std::string path = oldest->path();
  const std::string index = folder_ + "/" + index_name(oldest->base);
  std::string why;
  try {
    co_await on_pool(services_.pool, [&] {
      if (services_.files.exists(index)) services_.files.remove(index);
    });
    // Someone who still reads it must not see another life of the file.
    const bool unused = oldest.use_count() == 1 && !oldest->lent;
    const uint64_t capacity = oldest->tail.capacity;
    if (unused && capacity >= config_.segment_bytes && services_.spares.has_room(capacity)) {
      co_await services_.spares.recycle(path, capacity);
    } else {
      co_await on_pool(services_.pool, [&] {
        services_.files.remove(path);
        // Segment by segment, so that no power cut leaves a gap.
        services_.files.sync_directory(folder_);
      });
    }
    co_return true;
  } catch (const Error& error) {
    why = error.message();
  }
  trace::warn("segment {} cannot be removed: {}", path, why);
  const bool exists = co_await on_pool(services_.pool, [&] { return services_.files.exists(path); });
  if (exists && !removed_) {
    oldest->gone = false;
    segments_.push_front(oldest);
    start_ = start_before;
  }
  co_return false;
}

}  // namespace headrace
