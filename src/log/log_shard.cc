#include "log/log_shard.h"

#include <algorithm>

#include "base/trace.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr size_t kOpenFilesMax = 128;  // of a shard
constexpr size_t kCacheBytesMax = size_t{16} << 20;
constexpr size_t kLanesMax = 4;

}  // namespace

LogShard::LogShard(Pool& disk, Shard& shard, Timers& timers, Files& files, const EmbeddedLogOptions& options)
    : shard_(shard),
      pool_(disk),
      files_(files),
      timers_(timers),
      options_(options),
      gate_(shard),
      background_(shard),
      open_files_(pool_, files, kOpenFilesMax),
      spares_(shard, pool_, files, options.folder + "/spare", options.spare_segments),
      cache_(kCacheBytesMax),
      work_(shard),
      lanes_(shard),
      idle_(shard) {}

void LogShard::start() {
  committing_ = true;
  shard_.spawn(commit_loop());
}

awaitable<void> LogShard::close() {
  closing_ = true;
  work_.notify_all();
  // Calls that are under way finish: appends with what the commit loop still flushes.
  co_await gate_.close();
  while (committing_) co_await idle_.wait();
  for (const auto& [name, topic] : topics_) {
    for (const auto& partition : topic.partitions) {
      if (partition) co_await partition->save_indexes();
    }
  }
  co_await background_.close();
  co_await spares_.close();
}

void LogShard::set_topic(const TopicInfo& topic) {
  ShardTopic& entry = topics_[topic.name];
  entry.info = topic;
  entry.partitions.resize(static_cast<size_t>(topic.config.partitions));
  for (const auto& partition : entry.partitions) {
    if (partition) partition->set_config(topic.config);
  }
}

void LogShard::set_partition(const TopicInfo& topic, PartitionId partition, RecoveredPartition recovered) {
  const PartitionServices services{shard_, pool_, files_, timers_, open_files_, spares_, cache_, background_};
  topics_[topic.name].partitions[static_cast<size_t>(partition)] = std::make_shared<Partition>(
      services, topic, partition, partition_folder(options_.folder, topic.name, partition), std::move(recovered));
}

awaitable<void> LogShard::remove_topic(std::string topic) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) co_return;
  const ShardTopic removed = std::move(found->second);
  topics_.erase(found);
  while (cleaning_) co_await idle_.wait();
  for (const auto& partition : removed.partitions) {
    if (partition) release(co_await partition->remove());
  }
}

const ShardTopic* LogShard::find(const std::string& topic) const {
  const auto found = topics_.find(topic);
  return found == topics_.end() ? nullptr : &found->second;
}

std::vector<std::string> LogShard::topics() const {
  std::vector<std::string> names;
  names.reserve(topics_.size());
  for (const auto& [name, topic] : topics_) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

std::shared_ptr<Partition> LogShard::partition(const std::string& topic, PartitionId id) const {
  if (gate_.closed() || closing_) throw Error(Code::kUnavailable, "the log is closed");
  const ShardTopic* found = find(topic);
  if (found == nullptr) throw Error(Code::kNotFound, fmt::format("there is no topic \"{}\"", topic));
  if (id < 0 || id >= found->info.config.partitions || !found->partitions[static_cast<size_t>(id)]) {
    throw Error(Code::kNotFound, fmt::format("topic \"{}\" has no partition {}; it has 0 to {}", topic, id,
                                             found->info.config.partitions - 1));
  }
  return found->partitions[static_cast<size_t>(id)];
}

awaitable<void> LogShard::append(const std::string& topic, std::vector<Item*> items, Durability durability) {
  if (closing_) throw Error(Code::kUnavailable, "the log is closed");
  const Gate::Pass pass = gate_.enter();
  size_t size = 0;
  for (const Item* item : items) size += item->batch->bytes.size();
  const size_t pending = unflushed_bytes_ + waiting_bytes_;
  if (pending > 0 && pending + size > 2 * options_.unflushed_bytes_max) {
    throw Error(Code::kBusy, fmt::format("{} bytes wait to be written, and the limit is {}; try again later", pending,
                                         2 * options_.unflushed_bytes_max));
  }
  AppendRequest request(shard_);
  const Waiting waiting{request, topic, items, durability, size};
  if (waiting_.empty() && (unflushed_bytes_ == 0 || unflushed_bytes_ + size <= options_.unflushed_bytes_max)) {
    enqueue(waiting);
  } else {
    waiting_bytes_ += size;
    waiting_.push_back(waiting);
  }
  while (!request.done()) co_await request.changed.wait();
  if (request.error) std::rethrow_exception(request.error);
}

void LogShard::enqueue(const Waiting& waiting) {
  unflushed_bytes_ += waiting.size;
  size_t refused = waiting.size;
  waiting.request.started = true;
  try {
    for (Item* item : waiting.items) {
      const auto to = partition(waiting.topic, item->batch->partition);
      const size_t size = item->batch->bytes.size();
      bool queued = false;
      item->result =
          to->append(std::move(item->batch->bytes), item->header, waiting.durability, waiting.request, queued);
      if (!queued) continue;
      refused -= size;
      appended_bytes_ += size;
      mark_dirty(to);
    }
  } catch (...) {
    if (!waiting.request.error) waiting.request.error = std::current_exception();
  }
  unflushed_bytes_ -= refused;
  if (waiting.request.left == 0) waiting.request.changed.notify_all();
}

void LogShard::release(size_t bytes) {
  unflushed_bytes_ -= bytes;
  while (!waiting_.empty()) {
    const Waiting next = waiting_.front();
    if (unflushed_bytes_ > 0 && unflushed_bytes_ + next.size > options_.unflushed_bytes_max) return;
    waiting_.pop_front();
    waiting_bytes_ -= next.size;
    enqueue(next);
  }
}

void LogShard::mark_dirty(std::shared_ptr<Partition> partition) {
  if (std::exchange(partition->dirty, true)) return;
  dirty_.push_back(std::move(partition));
  work_.notify_all();
}

awaitable<void> LogShard::commit_loop() {
  for (;;) {
    while (dirty_.empty()) {
      if (closing_ && waiting_.empty() && !cleaning_) {
        committing_ = false;
        idle_.notify_all();
        co_return;
      }
      co_await work_.wait();
    }
    std::vector<std::unique_ptr<CommitPart>> parts;
    for (const auto& partition : std::exchange(dirty_, {})) {
      partition->dirty = false;
      if (!partition->has_work()) continue;
      if (auto part = partition->take_part()) parts.push_back(std::move(part));
    }
    if (!parts.empty()) co_await commit(parts);
  }
}

awaitable<void> LogShard::commit(std::vector<std::unique_ptr<CommitPart>>& parts) {
  const bool early = std::ranges::any_of(parts, [](const auto& part) { return part->partition->wants_early_notice(); });
  if (early) {
    co_await on_lanes(parts, true, false);
    for (const auto& part : parts) part->partition->written(*part);
    co_await on_lanes(parts, false, true);
  } else {
    co_await on_lanes(parts, true, true);
  }
  size_t released = 0;
  for (const auto& part : parts) {
    released += part->partition->complete(*part);
    if (part->partition->has_work()) mark_dirty(part->partition);
  }
  release(released);
}

awaitable<void> LogShard::on_lanes(std::vector<std::unique_ptr<CommitPart>>& parts, bool write, bool sync) {
  const size_t lanes = std::min(kLanesMax, parts.size());
  size_t running = lanes;
  for (size_t lane = 0; lane < lanes; ++lane) {
    std::vector<CommitPart*> mine;
    for (size_t i = lane; i < parts.size(); i += lanes) mine.push_back(parts[i].get());
    if (lanes == 1) {
      co_await run_lane(std::move(mine), write, sync, running);
    } else {
      shard_.spawn(run_lane(std::move(mine), write, sync, running));
    }
  }
  while (running > 0) co_await lanes_.wait();
}

awaitable<void> LogShard::run_lane(std::vector<CommitPart*> parts, bool write, bool sync, size_t& running) {
  co_await on_pool(pool_, [&] {
    if (write) {
      for (CommitPart* part : parts) part->write(files_);
    }
    if (sync) {
      for (CommitPart* part : parts) part->sync();
    }
  });
  if (--running == 0) lanes_.notify_all();
}

void LogShard::add_to_checkpoint(Checkpoint& checkpoint) const {
  for (const auto& [name, topic] : topics_) {
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
      if (!topic.partitions[i]) continue;
      if (auto entry = topic.partitions[i]->checkpoint()) {
        checkpoint.partitions.emplace(Checkpoint::key(topic.info.id, static_cast<PartitionId>(i)), std::move(*entry));
      }
    }
  }
}

awaitable<void> LogShard::clean() {
  while (cleaning_) co_await idle_.wait();
  if (closing_) co_return;
  const Gate::Pass pass = background_.enter();
  cleaning_ = true;
  std::vector<std::shared_ptr<Partition>> partitions;
  for (const auto& [name, topic] : topics_) {
    for (const auto& partition : topic.partitions) {
      if (partition) partitions.push_back(partition);
    }
  }
  for (const auto& partition : partitions) {
    if (closing_) break;
    try {
      co_await partition->roll_if_old([&] { mark_dirty(partition); });
      co_await partition->apply_retention();
      co_await partition->compact(closing_);
    } catch (const Error& error) {
      trace::warn("partition {} cannot be cleaned now: {}", partition->name(), error.message());
    }
  }
  cleaning_ = false;
  idle_.notify_all();
  work_.notify_all();
}

awaitable<uint64_t> LogShard::disk_bytes() {
  const Gate::Pass pass = background_.enter();
  std::vector<std::shared_ptr<Partition>> partitions;
  for (const auto& [name, topic] : topics_) {
    for (const auto& partition : topic.partitions) {
      if (partition) partitions.push_back(partition);
    }
  }
  uint64_t bytes = 0;
  for (const auto& partition : partitions) bytes += co_await partition->disk_bytes();
  co_return bytes;
}

}  // namespace headrace
