#include "log/log_shard.h"

#include <algorithm>
#include <map>

#include "base/trace.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr size_t kOpenFilesMax = 128;                   // of a shard
constexpr size_t kIdleIndexBytesMax = size_t{4} << 20;  // of 2 GiB of log whose files are closed
constexpr size_t kCacheBytesMax = size_t{16} << 20;
constexpr size_t kLanesMax = 8;
constexpr size_t kGatherBytesMax = size_t{64} << 10;  // more is worth a commit of its own

}  // namespace

LogShard::LogShard(Pool& disk, Shard& shard, Timers& timers, Files& files, const EmbeddedLogOptions& options)
    : shard_(shard),
      pool_(disk),
      files_(files),
      timers_(timers),
      options_(options),
      gate_(shard),
      background_(shard),
      open_files_(pool_, files, kOpenFilesMax, kIdleIndexBytesMax),
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
  stop_cleaning();
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

void LogShard::set_topic(const TopicInfo& topic, std::vector<LogShard*> owners) {
  ShardTopic& entry = topics_[topic.name];
  topic_table_.reset();
  entry.info = topic;
  entry.owners = std::move(owners);
  entry.partitions.resize(static_cast<size_t>(topic.config.partitions));
  for (const auto& partition : entry.partitions) {
    if (partition) partition->set_config(topic.config);
  }
}

void LogShard::set_partition(const TopicInfo& topic, PartitionId partition, RecoveredPartition recovered) {
  const PartitionServices services{shard_,  pool_,  files_,      timers_,   open_files_,
                                   spares_, cache_, background_, finished_, options_.compaction_key_bytes_max};
  topics_[topic.name].partitions[static_cast<size_t>(partition)] = std::make_shared<Partition>(
      services, topic, partition, partition_folder(options_.folder, topic.name, partition), std::move(recovered));
}

awaitable<void> LogShard::remove_topic(std::string topic) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) co_return;
  const ShardTopic removed = std::move(found->second);
  topics_.erase(found);
  topic_table_.reset();
  while (cleaning_) co_await idle_.wait();
  for (const auto& partition : removed.partitions) {
    if (partition) release(co_await partition->remove());
  }
  tell_finished();
}

const ShardTopic* LogShard::find(const std::string& topic) const {
  const auto found = topics_.find(topic);
  return found == topics_.end() ? nullptr : &found->second;
}

std::shared_ptr<const TopicTable> LogShard::topic_table() const {
  if (!topic_table_) {
    std::vector<TopicInfo> topics;
    topics.reserve(topics_.size());
    for (const auto& [name, topic] : topics_) topics.push_back(topic.info);
    topic_table_ = std::make_shared<const TopicTable>(std::move(topics));
  }
  return topic_table_;
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

void LogShard::watch(const std::shared_ptr<LogWatch>& watch, const std::vector<LogPosition>& positions) {
  try {
    for (const LogPosition& each : positions) partition(each.topic, each.partition)->watch(watch, each.offset);
  } catch (const Error&) {
    LogWatch::wake(watch);
  }
}

void LogShard::append(AppendRequest& request) {
  try {
    if (closing_) throw Error(Code::kUnavailable, "the log is closed");
    request.pass.emplace(gate_.enter());
    if (waiting_bytes_ > 0 && waiting_bytes_ + request.size > options_.waiting_bytes_max) {
      throw Error(Code::kBusy, fmt::format("{} bytes wait for their turn to be written, and the limit is {}; try again "
                                           "later",
                                           waiting_bytes_, options_.waiting_bytes_max));
    }
    if (waiting_.empty() && has_room(request)) {
      enqueue(request);
    } else {
      waiting_bytes_ += request.size;
      waiting_.push_back(&request);
    }
  } catch (...) {
    request.error = std::current_exception();
    finished_.push_back(&request);
  }
  tell_finished();
}

bool LogShard::has_room(const AppendRequest& request) const {
  return unflushed_bytes_ == 0 || unflushed_bytes_ + request.size <= options_.unflushed_bytes_max;
}

void LogShard::enqueue(AppendRequest& request) {
  unflushed_bytes_ += request.size;
  size_t refused = request.size;
  try {
    for (AppendRequest::Item* item : request.items) {
      const auto to = partition(request.topic, item->batch->partition);
      const size_t size = item->batch->bytes.size();
      bool queued = false;
      item->result = to->append(*item->batch, item->header, request, queued);
      if (!queued) continue;
      refused -= size;
      appended_bytes_ += size;
      mark_dirty(to);
    }
  } catch (...) {
    if (!request.error) request.error = std::current_exception();
  }
  unflushed_bytes_ -= refused;
  if (request.left == 0) finished_.push_back(&request);
  if (++gathered_ == expected_) work_.notify_all();
}

void LogShard::release(size_t bytes) {
  unflushed_bytes_ -= bytes;
  while (!waiting_.empty() && has_room(*waiting_.front())) {
    AppendRequest& next = *waiting_.front();
    waiting_.pop_front();
    waiting_bytes_ -= next.size;
    enqueue(next);
  }
}

// Wakes the callers: those of another shard with one message.
void LogShard::tell_finished() {
  if (finished_.empty()) return;
  std::map<Shard*, std::vector<AppendRequest*>> by_home;
  for (AppendRequest* request : std::exchange(finished_, {})) {
    request->pass.reset();
    by_home[&request->call.home].push_back(request);
  }
  for (auto& [home, of_home] : by_home) {
    auto tell_all = [requests = std::move(of_home)] {
      for (AppendRequest* request : requests) tell(*request);
    };
    if (home == &shard_) {
      tell_all();
    } else {
      asio::post(home->executor(), std::move(tell_all));
    }
  }
}

void LogShard::tell(AppendRequest& request) {
  AppendCall& call = request.call;
  if (--call.left == 0) call.finished.notify_all();
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
    co_await gather();
    std::vector<std::unique_ptr<CommitPart>> parts;
    for (const auto& partition : std::exchange(dirty_, {})) {
      partition->dirty = false;
      if (!partition->has_work()) continue;
      if (auto part = partition->take_part()) parts.push_back(std::move(part));
    }
    if (!parts.empty()) co_await commit(parts);
  }
}

awaitable<void> LogShard::gather() {
  const SteadyTime deadline = timers_.clock().steady() + options_.gather_time;
  while (gathered_ < expected_ && unflushed_bytes_ < kGatherBytesMax && !closing_) {
    if (!co_await work_.wait_until(timers_, deadline)) break;
  }
  expected_ = std::exchange(gathered_, 0);
}

awaitable<void> LogShard::commit(std::vector<std::unique_ptr<CommitPart>>& parts) {
  const bool early = std::ranges::any_of(parts, [](const auto& part) { return part->partition->wants_early_notice(); });
  if (early) {
    co_await on_lanes(parts, true, false);
    for (const auto& part : parts) part->partition->written(*part);
    tell_finished();
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
  tell_finished();
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

awaitable<void> LogShard::clean(bool checkpointed) {
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
    if (stop_cleaning_) break;
    try {
      co_await partition->roll_if_old([&] { mark_dirty(partition); });
      co_await partition->apply_retention();
      if (checkpointed) co_await partition->compact(stop_cleaning_);
    } catch (const Error& error) {
      if (stop_cleaning_) break;
      trace::warn("partition {} cannot be cleaned now: {}", partition->name(), error.message());
    }
  }
  if (!checkpointed) co_await spares_.clear();
  cleaning_ = false;
  idle_.notify_all();
  work_.notify_all();
}

}  // namespace headrace
