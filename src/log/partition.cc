#include "log/partition.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/trace.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr uint64_t kFirstCapacity = uint64_t{64} << 10;
constexpr uint64_t kZerosBytesMax = uint64_t{1} << 20;  // that a roll writes
constexpr size_t kPartBytesMax = size_t{32} << 20;      // of one commit of one partition
// A partition that fills half of a segment in this time gets the next one made ahead, if it is worth writing zeros to.
constexpr std::chrono::seconds kFast{60};

bool has_large_commits(const Segment& segment) {
  const SegmentTail& tail = segment.tail;
  return tail.commits > 0 && tail.end.position >= tail.commits * kLargeCommit;
}

}  // namespace

Partition::Partition(PartitionServices services, const TopicInfo& topic, PartitionId id, std::string folder,
                     RecoveredPartition recovered)
    : services_(services),
      name_(fmt::format("{}-{}", topic.name, id)),
      topic_id_(topic.id),
      id_(id),
      folder_(std::move(folder)),
      config_(topic.config),
      producers_(std::move(recovered.producers)),
      changed_(services.shard) {
  const SteadyTime now = services_.timers.clock().steady();
  for (const Offset base : recovered.bases) {
    segments_.push_back(make_segment(base));
    segments_.back()->made = now;
    segments_.back()->recovered = true;
    segments_.back()->closed = base != recovered.bases.back();
  }
  if (segments_.empty()) return;
  Segment& last = *segments_.back();
  last.tail = recovered.last;
  last.tail_loaded = true;
  last.index_loaded = last.tail.end.position == 0;
  durable_end_ = written_end_ = next_ = last.tail.end.offset;
  start_ = std::clamp(recovered.start, segments_.front()->base, durable_end_);
  floor_ = start_;
}

Partition::SegmentPointer Partition::make_segment(Offset base) const {
  return std::make_shared<Segment>(folder_, base, SegmentIdentity{topic_id_.high, topic_id_.low, id_, base}.hash());
}

void Partition::check_removed() const {
  if (removed_) throw Error(Code::kNotFound, fmt::format("partition {} was removed with its topic", name_));
}

Appended Partition::append(PartitionBatch& batch, BatchHeader header, AppendRequest& request, bool& queued) {
  check_removed();
  if (header.producer_id != kNoProducer) {
    const Producers::Answer answer = producers_.check(header, batch.gapless);
    if (answer.verdict == Producers::Verdict::kFenced) {
      throw Error(Code::kConflict, fmt::format("producer {} appended to {} with epoch {}, and a newer one has; begin "
                                               "again with a new epoch",
                                               header.producer_id, name_, header.producer_epoch));
    }
    if (answer.verdict == Producers::Verdict::kOutOfOrder) {
      throw Error(Code::kRefused, fmt::format("sequence {} of producer {} in {} neither follows its last batch nor "
                                              "repeats one of the last; send again what was not acknowledged, in order",
                                              header.base_sequence, header.producer_id, name_));
    }
    if (answer.verdict == Producers::Verdict::kDuplicate) {
      if (answer.durable_at > durable_end_) {
        durable_waiters_.emplace(answer.durable_at, &request);
        ++request.left;
      }
      // The end must be one that readers can wait for: that of the producer's last batch is not before this one's.
      return {.partition = id_,
              .base = answer.base.value_or(Offset{-1}),
              .end = answer.end.value_or(answer.durable_at),
              .duplicate = true};
    }
  }
  BatchBytes bytes = std::move(batch.bytes);
  header.base = next_;
  header.leader_epoch = 0;
  store_big_endian(bytes.data() + batch_layout::kBaseOffsetAt, next_.value);
  store_big_endian<int32_t>(bytes.data() + batch_layout::kLeaderEpochAt, 0);
  if (header.producer_id != kNoProducer) producers_.appended(header);
  next_ = header.end();
  queue_bytes_ += bytes.size();
  queue_.push_back({std::move(bytes), header});
  auto& waiters = request.durability == Durability::kSynced ? durable_waiters_ : written_waiters_;
  waiters.emplace(header.end(), &request);
  ++request.left;
  queued = true;
  return {.partition = id_, .base = header.base, .end = header.end()};
}

uint64_t Partition::next_capacity(size_t first_batch) const {
  uint64_t capacity = kFirstCapacity;
  if (!segments_.empty()) {
    const Segment& last = *segments_.back();
    // Twice the size each time it was filled: what is preallocated is never much more than what is stored.
    const bool filled = last.tail.end.position * 2 > last.tail.capacity;
    capacity = filled ? last.tail.capacity * 2 : last.tail.capacity;
  }
  capacity = std::max<uint64_t>(std::min(std::max(capacity, kFirstCapacity), config_.segment_bytes), first_batch);
  return (capacity + kMarkPageBytes - 1) / kMarkPageBytes * kMarkPageBytes;
}

void Partition::finish_one(AppendRequest& request, const std::exception_ptr& failed) {
  if (failed && !request.error) request.error = failed;
  if (--request.left == 0) services_.finished.push_back(&request);
}

void Partition::finish_up_to(std::multimap<Offset, AppendRequest*>& waiters, Offset end) {
  while (!waiters.empty() && waiters.begin()->first <= end) {
    AppendRequest* request = waiters.begin()->second;
    waiters.erase(waiters.begin());
    finish_one(*request, nullptr);
  }
}

void LogWatch::wake(const std::shared_ptr<LogWatch>& watch) {
  if (watch->woken.exchange(true)) return;
  if (watch->home.is_current()) {
    watch->changed.notify_all();
  } else {
    asio::post(watch->home.executor(), [watch] { watch->changed.notify_all(); });
  }
}

void Partition::watch(std::shared_ptr<LogWatch> watch, Offset beyond) {
  std::erase_if(watches_, [](const auto& each) { return each.second->given_up.load(); });
  watches_.emplace_back(beyond, std::move(watch));
  wake_watches();
}

void Partition::wake_watches() {
  std::erase_if(watches_, [this](const auto& each) {
    const bool news = removed_ || durable_end_ > each.first;
    if (news) LogWatch::wake(each.second);
    return news;
  });
}

std::unique_ptr<CommitPart> Partition::take_part() {
  check(has_work(), "a part is taken of a partition that has one");
  const SegmentPointer last = segments_.empty() ? nullptr : segments_.back();
  const bool may_roll_now = last && last->tail.end.position > 0;
  const bool requested = std::exchange(roll_requested_, false) && may_roll_now;
  if (queue_.empty() && !requested) return nullptr;

  auto part = std::make_unique<CommitPart>();
  part->partition = shared_from_this();
  const size_t first = queue_.empty() ? 0 : queue_.front().bytes.size();
  part->roll = requested || !last || last->closed || last->tail.end.position + first > last->tail.capacity;
  if (part->roll) {
    part->make_folder = !last;
    part->segment = make_segment(durable_end_);
    part->segment->lent = false;
    part->segment->made = services_.timers.clock().steady();
    part->segment->tail_loaded = true;
    part->segment->index_loaded = true;
    SegmentTail& tail = part->segment->tail;
    tail.capacity = next_capacity(first);
    tail.end.offset = durable_end_;
    part->spare = services_.spares.take(tail.capacity);
    // Appends wait for the roll, so it writes few zeros.
    const bool quick = tail.capacity <= kZerosBytesMax;
    part->room = quick && !(last && has_large_commits(*last)) ? Room::kWritten : Room::kReserved;
    // From here on its successor may exist.
    if (last) last->closed = true;
  } else {
    part->segment = last;
    part->file = last->file;
  }

  const SegmentTail& tail = part->segment->tail;
  part->mark = {.number = tail.commits + 1,
                .start = tail.end,
                .end = tail.end,
                .max_timestamp_ms = tail.max_timestamp_ms,
                .compacted = false,
                .cleaned = false};
  while (!queue_.empty()) {
    QueuedBatch& batch = queue_.front();
    const size_t size = part->size + batch.bytes.size();
    if (tail.end.position + size > tail.capacity || (part->size > 0 && size > kPartBytesMax)) break;
    part->size = size;
    part->mark.end.offset = batch.header.end();
    part->mark.max_timestamp_ms = std::max(part->mark.max_timestamp_ms, batch.header.max_timestamp_ms);
    part->batches.push_back(std::move(batch));
    queue_.pop_front();
  }
  queue_bytes_ -= part->size;
  in_flight_ = true;
  return part;
}

void Partition::written(const CommitPart& part) {
  if (part.error) return;
  written_end_ = part.mark.end.offset;
  finish_up_to(written_waiters_, written_end_);
}

size_t Partition::complete(CommitPart& part) {
  in_flight_ = false;
  if (part.error) {
    const size_t released = part.size + fail(part.error);
    changed_.notify_all();
    return released;
  }
  const SegmentPointer& segment = part.segment;
  if (part.roll) {
    if (!segments_.empty()) {
      // A segment whose first commit failed was replaced by one of the same name.
      const SegmentPointer last = segments_.back();
      if (last->base == segment->base) {
        services_.open_files.close(*last);
        last->gone = true;
        segments_.pop_back();
      } else {
        save_index_later(last);
        apply_retention_later();
      }
    } else {
      start_ = segment->base;
    }
    segments_.push_back(segment);
  }
  if (segment->file != part.file) {
    services_.open_files.opened(segment, part.file);
  }
  SegmentTail& tail = segment->tail;
  if (!part.batches.empty()) {
    tail.end = part.mark.end;
    tail.commits = part.mark.number;
    tail.max_timestamp_ms = part.mark.max_timestamp_ms;
  }
  for (const QueuedBatch& batch : part.batches) {
    const BatchHeader& header = batch.header;
    if (segment->index_loaded) {
      segment->index.add(header.base, header.bytes(), header.end(), header.max_timestamp_ms);
    }
    if (header.producer_id != kNoProducer) producers_.durable(header);
  }
  for (TailChunk& chunk : part.chunks) services_.cache.add(cached_, std::move(chunk));
  durable_end_ = written_end_ = tail.end.offset;
  finish_up_to(written_waiters_, durable_end_);
  finish_up_to(durable_waiters_, durable_end_);
  changed_.notify_all();
  wake_watches();

  const bool fast = tail.end.position * 2 > tail.capacity && services_.timers.clock().steady() - segment->made < kFast;
  if (fast && !has_large_commits(*segment)) {
    services_.spares.want(next_capacity(0));
  }
  return part.size;
}

// Forgets what is not durable. Returns how many bytes were queued.
size_t Partition::fail(const std::exception_ptr& error) {
  if (!segments_.empty()) segments_.back()->closed = true;
  const size_t released = std::exchange(queue_bytes_, 0);
  queue_.clear();
  next_ = written_end_ = durable_end_;
  producers_.roll_back();
  for (auto* waiters : {&written_waiters_, &durable_waiters_}) {
    for (const auto& [end, request] : std::exchange(*waiters, {})) finish_one(*request, error);
  }
  return released;
}

std::optional<PartitionCheckpoint> Partition::checkpoint() const {
  if (segments_.empty() || removed_) return std::nullopt;
  const Segment& last = *segments_.back();
  PartitionCheckpoint checkpoint{.segment_base = last.base, .end = last.tail.end, .producers = {}};
  Writer writer(checkpoint.producers);
  producers_.encode(writer);
  return checkpoint;
}

awaitable<size_t> Partition::remove() {
  const auto self = shared_from_this();
  removed_ = true;
  while (in_flight_ || saving_ > 0 || cleaning_) co_await changed_.wait();
  const size_t released =
      fail(std::make_exception_ptr(Error(Code::kNotFound, fmt::format("topic of partition {} was removed", name_))));
  for (const SegmentPointer& segment : segments_) {
    services_.open_files.close(*segment);
    segment->gone = true;
  }
  cached_->clear();
  changed_.notify_all();
  wake_watches();
  co_return released;
}

}  // namespace headrace
