#include "log/embedded_log.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <set>

#include "base/check.h"
#include "base/trace.h"
#include "boost/asio/post.hpp"
#include "fmt/format.h"
#include "log/checkpoint.h"
#include "log/log_shard.h"
#include "log/record_batch.h"
#include "log/recovery.h"
#include "log/topic_file.h"

namespace headrace {
namespace {

constexpr std::chrono::seconds kCheckpointInterval{5};
// A checkpoint is written when this many times its own size has been appended since the last one.
constexpr uint64_t kCheckpointRatio = 4;

void check_keys(std::string_view topic, std::string_view batch) {
  std::string scratch;
  RecordReader reader(batch, scratch);
  Record record;
  while (reader.next(record)) {
    if (!record.key) {
      throw Error(Code::kInvalid,
                  fmt::format("topic \"{}\" is compacted, so every record needs a key, and record {} of "
                              "a batch has none",
                              topic, record.offset.value));
    }
  }
}

// What a producer may send: anything else is an error of the caller, not of the disk. The CRC comes first: without it,
// nothing else that the batch says means anything.
BatchHeader check_batch(const std::string& topic, const PartitionBatch& batch, bool compact) {
  if (is_damaged(batch.bytes)) {
    throw Error(Code::kCorrupt, fmt::format("the batch for partition {} of \"{}\" was damaged on its way: its CRC is "
                                            "not that of its bytes; send it again",
                                            batch.partition, topic));
  }
  try {
    const BatchHeader header = read_batch_header(batch.bytes);
    if (header.bytes() != batch.bytes.size()) throw Error(Code::kCorrupt, "there are bytes after the batch");
    if (header.records == 0 || header.records != header.last_offset_delta + 1) {
      throw Error(Code::kCorrupt,
                  fmt::format("a batch has {} records and {} offsets", header.records, header.last_offset_delta + 1));
    }
    if (header.producer_id != kNoProducer && header.base_sequence < 0) {
      throw Error(Code::kCorrupt, "a batch of an idempotent producer has no sequence");
    }
    if (compact) check_keys(topic, batch.bytes);
    return header;
  } catch (const Error& error) {
    if (error.code() != Code::kCorrupt) throw;
    throw Error(Code::kInvalid, fmt::format("the batch for partition {} of \"{}\" is malformed: {}", batch.partition,
                                            topic, error.message()));
  }
}

class EmbeddedLogImpl final : public EmbeddedLog {
 public:
  EmbeddedLogImpl(Runtime& runtime, Timers& timers, Files& files, EmbeddedLogOptions options)
      : runtime_(runtime),
        timers_(timers),
        files_(files),
        options_(std::move(options)),
        topic_files_(files, options_.folder),
        gate_(runtime.shard(0)),
        changed_(runtime.shard(0)) {
    for (size_t i = 0; i < runtime.shard_count(); ++i) {
      shards_.push_back(std::make_unique<LogShard>(disk_, runtime.shard(i), timers, files, options_));
    }
    recover();
    for (const auto& shard : shards_) shard->start();
    // Inside from now on: close() may come before the first step of it.
    // Checkpoints go on while a long cleaning is under way.
    runtime_.shard(0).spawn(repeat(kCheckpointInterval, [this] { return write_checkpoint(false); }, gate_.enter()));
    runtime_.shard(0).spawn(repeat(options_.retention_interval, [this] { return clean_here(); }, gate_.enter()));
  }

  ~EmbeddedLogImpl() override { check(closed_, "the log was closed before it is destroyed"); }

  awaitable<void> create(std::string topic, TopicConfig config) override {
    check_topic_name(topic);
    check_topic_config(config);
    return on(runtime_.shard(0), [this, topic = std::move(topic), config] { return create_here(topic, config); });
  }

  awaitable<void> alter(std::string topic, TopicConfig config) override {
    check_topic_config(config);
    return on(runtime_.shard(0), [this, topic = std::move(topic), config] { return alter_here(topic, config); });
  }

  awaitable<void> remove(std::string topic) override {
    return on(runtime_.shard(0), [this, topic = std::move(topic)] { return remove_here(topic); });
  }

  awaitable<std::optional<TopicConfig>> find(std::string topic) override {
    const ShardTopic* found = here().find(topic);
    if (found == nullptr) co_return std::nullopt;
    co_return found->info.config;
  }

  awaitable<std::vector<std::string>> topics() override { co_return here().topics(); }
  std::optional<TopicId> id_of(const std::string& topic) override {
    const ShardTopic* found = here().find(topic);
    return found == nullptr ? std::nullopt : std::optional(found->info.id);
  }
  std::shared_ptr<const TopicTable> topic_table() override { return here().topic_table(); }

  awaitable<std::vector<Appended>> append(std::string topic, std::vector<PartitionBatch> batches,
                                          Durability durability) override {
    const ShardTopic& known = topic_of(topic);
    AppendCall call(here().shard());
    std::vector<AppendRequest::Item> items(batches.size());
    std::deque<AppendRequest> requests;
    for (size_t i = 0; i < batches.size(); ++i) {
      PartitionBatch& batch = batches[i];
      check_partition(known, batch.partition);
      items[i] = {.batch = &batch, .header = check_batch(topic, batch, known.info.config.compact), .result = {}};
      LogShard& owner = *known.owners[static_cast<size_t>(batch.partition)];
      auto found = std::ranges::find(requests, &owner, [](const AppendRequest& request) { return &request.shard; });
      if (found == requests.end()) {
        requests.push_back({.shard = owner, .call = call, .topic = topic, .durability = durability});
        found = std::prev(requests.end());
      }
      found->items.push_back(&items[i]);
      found->size += batch.bytes.size();
    }
    call.left = requests.size();
    for (AppendRequest& request : requests) {
      if (&request.shard.shard() == &call.home) {
        request.shard.append(request);
      } else {
        asio::post(request.shard.shard().executor(), [&request] { request.shard.append(request); });
      }
    }
    while (call.left > 0) co_await call.finished.wait();
    for (const AppendRequest& request : requests) {
      if (request.error) std::rethrow_exception(request.error);
    }
    std::vector<Appended> results;
    results.reserve(items.size());
    for (const AppendRequest::Item& item : items) results.push_back(item.result);
    co_return results;
  }

  awaitable<Fetched> read(std::string topic, PartitionId partition, Offset from, size_t bytes_max) override {
    LogShard& owner = owner_of(topic, partition);
    co_return co_await on(owner.shard(), [&] { return owner.partition(topic, partition)->read(from, bytes_max); });
  }

  awaitable<Located> locate(std::string topic, PartitionId partition, Offset from, size_t bytes_max) override {
    LogShard& owner = owner_of(topic, partition);
    co_return co_await on(owner.shard(), [&] { return owner.partition(topic, partition)->locate(from, bytes_max); });
  }

  awaitable<Bounds> bounds(std::string topic, PartitionId partition) override {
    LogShard& owner = owner_of(topic, partition);
    co_return co_await on(owner.shard(), [&] { return owner.partition(topic, partition)->bounds(); });
  }

  awaitable<uint64_t> stored_bytes(std::string topic, PartitionId partition) override {
    LogShard& owner = owner_of(topic, partition);
    co_return co_await on(owner.shard(), [&] { return owner.partition(topic, partition)->stored_bytes(); });
  }

  awaitable<Bounds> wait_beyond(std::string topic, PartitionId partition, Offset offset, SteadyTime deadline) override {
    LogShard& owner = owner_of(topic, partition);
    co_return co_await on(owner.shard(),
                          [&] { return owner.partition(topic, partition)->wait_beyond(offset, deadline); });
  }

  awaitable<void> wait_any(std::vector<LogPosition> positions, SteadyTime deadline) override {
    const auto watch = std::make_shared<LogWatch>(here().shard());
    std::map<LogShard*, std::vector<LogPosition>> by_owner;
    for (LogPosition& each : positions) by_owner[&owner_of(each.topic, each.partition)].push_back(std::move(each));
    for (auto& [owner, of_owner] : by_owner) {
      asio::post(owner->shard().executor(),
                 [owner, watch, theirs = std::move(of_owner)] { owner->watch(watch, theirs); });
    }
    while (!watch->woken && co_await watch->changed.wait_until(timers_, deadline)) {
    }
    watch->given_up = true;
  }

  awaitable<std::optional<Offset>> offset_at(std::string topic, PartitionId partition, int64_t timestamp_ms) override {
    LogShard& owner = owner_of(topic, partition);
    co_return co_await on(owner.shard(), [&] { return owner.partition(topic, partition)->offset_at(timestamp_ms); });
  }

  awaitable<int32_t> last_sequence(std::string topic, PartitionId partition, int64_t producer_id) override {
    LogShard& owner = owner_of(topic, partition);
    co_return co_await on(owner.shard(), [&] { return owner.partition(topic, partition)->last_sequence(producer_id); });
  }

  awaitable<Offset> delete_before(std::string topic, PartitionId partition, Offset offset,
                                  SteadyTime deadline) override {
    LogShard& owner = owner_of(topic, partition);
    co_return co_await on(owner.shard(),
                          [&] { return owner.partition(topic, partition)->delete_before(offset, deadline); });
  }

  awaitable<void> set_retention_floor(std::string topic, PartitionId partition, Offset floor) override {
    LogShard& owner = owner_of(topic, partition);
    co_await on(owner.shard(), [&] { owner.partition(topic, partition)->set_retention_floor(floor); });
  }

  awaitable<void> close() override {
    return on(runtime_.shard(0), [this] { return close_here(); });
  }

  awaitable<void> clean() override {
    return on(runtime_.shard(0), [this] { return clean_here(); });
  }

 private:
  // One change of the topics at a time.
  class Turn {
   public:
    explicit Turn(EmbeddedLogImpl& log) : log_(log) { log_.changing_ = true; }
    ~Turn() {
      log_.changing_ = false;
      log_.changed_.notify_all();
    }
    Turn(const Turn&) = delete;

   private:
    EmbeddedLogImpl& log_;
  };

  LogShard& here() {
    for (const auto& shard : shards_) {
      if (shard->shard().is_current()) return *shard;
    }
    check(false, "the log is used from a shard");
    std::unreachable();
  }

  LogShard& owner_of(std::string_view topic, PartitionId partition) {
    return *shards_[runtime_.owner_of(fmt::format("{}-{}", topic, partition)).index()];
  }

  std::vector<LogShard*> owners_of(const TopicInfo& topic) {
    std::vector<LogShard*> owners;
    owners.reserve(static_cast<size_t>(topic.config.partitions));
    for (PartitionId i = 0; i < topic.config.partitions; ++i) owners.push_back(&owner_of(topic.name, i));
    return owners;
  }

  const ShardTopic& topic_of(const std::string& topic) {
    const ShardTopic* found = here().find(topic);
    if (found == nullptr) throw Error(Code::kNotFound, fmt::format("there is no topic \"{}\"; create it first", topic));
    return *found;
  }

  static void check_partition(const ShardTopic& topic, PartitionId partition) {
    const auto& [name, id, config] = topic.info;
    if (partition >= 0 && partition < config.partitions) return;
    throw Error(Code::kNotFound, fmt::format("topic \"{}\" has no partition {}; it has 0 to {}", name, partition,
                                             config.partitions - 1));
  }

  awaitable<void> create_here(std::string topic, TopicConfig config) {
    const Gate::Pass pass = gate_.enter();
    while (changing_) co_await changed_.wait();
    const Turn turn(*this);
    if (shards_[0]->find(topic) != nullptr) {
      throw Error(Code::kConflict, fmt::format("topic \"{}\" exists already", topic));
    }
    const TopicInfo info{.name = topic, .id = make_topic_id(), .config = config};
    co_await on_pool(disk_, [&] { topic_files_.create(info); });
    co_await publish(info, 0);
  }

  awaitable<void> alter_here(std::string topic, TopicConfig config) {
    const Gate::Pass pass = gate_.enter();
    while (changing_) co_await changed_.wait();
    const Turn turn(*this);
    const ShardTopic* found = shards_[0]->find(topic);
    if (found == nullptr) throw Error(Code::kNotFound, fmt::format("there is no topic \"{}\"", topic));
    TopicInfo info = found->info;
    const PartitionId before = info.config.partitions;
    if (config.partitions < before) {
      throw Error(Code::kRefused, fmt::format("topic \"{}\" has {} partitions, and fewer would lose records; make "
                                              "another topic and copy what you want to keep",
                                              topic, before));
    }
    info.config = config;
    co_await on_pool(disk_, [&] { topic_files_.write(info); });
    co_await publish(info, before);
  }

  // Tells all shards about a topic, whose partitions from `first` on are new.
  awaitable<void> publish(const TopicInfo& info, PartitionId first) {
    for (const auto& shard : shards_) {
      co_await on(shard->shard(), [&] {
        shard->set_topic(info, owners_of(info));
        for (PartitionId i = first; i < info.config.partitions; ++i) {
          if (&owner_of(info.name, i) == shard.get()) {
            shard->set_partition(info, i, RecoveredPartition(options_.producers_max));
          }
        }
      });
    }
  }

  awaitable<void> remove_here(std::string topic) {
    const Gate::Pass pass = gate_.enter();
    while (changing_) co_await changed_.wait();
    const Turn turn(*this);
    if (shards_[0]->find(topic) == nullptr) {
      throw Error(Code::kNotFound, fmt::format("there is no topic \"{}\"", topic));
    }
    // Once its name has changed nothing more may be acknowledged, even if the change is not known to be durable.
    std::exception_ptr error;
    co_await on_pool(disk_, [&] {
      try {
        topic_files_.mark_removed(topic);
      } catch (...) {
        if (topic_files_.exists(topic)) throw;
        error = std::current_exception();
      }
    });
    for (const auto& shard : shards_) {
      co_await on(shard->shard(), [&] { return shard->remove_topic(topic); });
    }
    if (error) std::rethrow_exception(error);
    co_await on_pool(disk_, [&] { topic_files_.delete_removed(topic); });
  }

  awaitable<void> close_here() {
    if (closed_) co_return;
    stop_ = true;
    for (const auto& shard : shards_) shard->stop_cleaning();
    changed_.notify_all();
    co_await gate_.close();
    for (const auto& shard : shards_) {
      co_await on(shard->shard(), [&] { return shard->close(); });
    }
    std::exception_ptr error;
    try {
      co_await write_checkpoint(true);
    } catch (...) {
      error = std::current_exception();
    }
    closed_ = true;
    lock_.reset();
    if (error) std::rethrow_exception(error);
  }

  awaitable<void> clean_here() {
    const Gate::Pass pass = gate_.enter();
    // What compaction drops may be the only trace of a producer's sequence, so it waits for a checkpoint. Retention
    // does not: on a full disk it is what makes room for one.
    bool checkpointed = true;
    try {
      co_await write_checkpoint(true);
    } catch (const Error& error) {
      checkpointed = false;
      trace::warn("nothing is compacted, because the checkpoint before it cannot be written: {}", error.message());
    }
    for (const auto& shard : shards_) {
      co_await on(shard->shard(), [&] { return shard->clean(checkpointed); });
    }
    co_await write_checkpoint(true);
  }

  awaitable<void> write_checkpoint(bool always) {
    while (checkpointing_) co_await changed_.wait();
    checkpointing_ = true;
    std::exception_ptr error;
    try {
      for (const auto& shard : shards_) {
        unchecked_bytes_ += co_await on(shard->shard(), [&] { return shard->take_appended_bytes(); });
      }
      if (unchecked_bytes_ > kCheckpointRatio * checkpoint_bytes_ || always) {
        Checkpoint checkpoint;
        for (const auto& shard : shards_) {
          co_await on(shard->shard(), [&] { shard->add_to_checkpoint(checkpoint); });
        }
        unchecked_bytes_ = 0;
        checkpoint_bytes_ = co_await on_pool(disk_, [&] {
          const std::string encoded = checkpoint.encode();
          Checkpoint::store(files_, options_.folder, encoded);
          return encoded.size();
        });
      }
    } catch (...) {
      error = std::current_exception();
    }
    checkpointing_ = false;
    changed_.notify_all();
    if (error) std::rethrow_exception(error);
  }

  // From time to time, and never twice at once.
  awaitable<void> repeat(std::chrono::milliseconds interval, std::function<awaitable<void>()> tend, Gate::Pass) {
    SteadyTime next = timers_.clock().steady() + interval;
    while (!stop_) {
      co_await changed_.wait_until(timers_, next);
      const SteadyTime now = timers_.clock().steady();
      if (stop_ || now < next) continue;
      next = now + interval;
      try {
        co_await tend();
      } catch (const Error& error) {
        trace::warn("the log cannot be tended now: {}", error.message());
      }
    }
  }

  // Blocks. All partitions are recovered on the pool, side by side.
  void recover() {
    const std::string& folder = options_.folder;
    files_.make_folders(folder);
    lock_ = files_.lock(folder + "/lock");
    const std::string spare = folder + "/spare";
    files_.make_folders(spare);
    for (const std::string& name : files_.list(spare)) files_.remove(spare + "/" + name);

    struct Task {
      const TopicInfo* topic;
      PartitionId partition;
      std::future<RecoveredPartition> result;
    };
    const std::vector<TopicInfo> topics = topic_files_.load();
    const Checkpoint checkpoint = Checkpoint::load(files_, folder);
    std::deque<Task> tasks;
    for (const TopicInfo& topic : topics) {
      for (PartitionId i = 0; i < topic.config.partitions; ++i) {
        std::packaged_task<RecoveredPartition()> task([this, &topic, &checkpoint, i] {
          return recover_partition(files_, partition_folder(options_.folder, topic.name, i), topic.id, i,
                                   checkpoint.find(topic.id, i), options_.producers_max);
        });
        tasks.push_back({&topic, i, task.get_future()});
        asio::post(disk_.executor(), [task = std::move(task)]() mutable { task(); });
      }
    }
    for (Task& task : tasks) task.result.wait();
    std::set<std::string> folders;
    for (const TopicInfo& topic : topics) {
      for (const auto& shard : shards_) shard->set_topic(topic, owners_of(topic));
    }
    for (Task& task : tasks) {
      RecoveredPartition recovered = task.result.get();
      const std::string& topic = task.topic->name;
      if (recovered.is_new) folders.insert(folder_of(partition_folder(options_.folder, topic, task.partition)));
      owner_of(topic, task.partition).set_partition(*task.topic, task.partition, std::move(recovered));
    }
    for (const std::string& each : folders) files_.sync_directory(each);
  }

  Runtime& runtime_;
  Timers& timers_;
  Files& files_;
  const EmbeddedLogOptions options_;
  TopicFiles topic_files_;
  std::unique_ptr<File> lock_;
  Pool disk_{options_.disk_threads};
  std::vector<std::unique_ptr<LogShard>> shards_;

  // On shard 0.
  Gate gate_;
  Signal changed_;
  bool changing_ = false;
  bool checkpointing_ = false;
  bool stop_ = false;
  bool closed_ = false;
  uint64_t unchecked_bytes_ = 0;
  uint64_t checkpoint_bytes_ = 0;
};

}  // namespace

std::unique_ptr<EmbeddedLog> open_embedded_log(Runtime& runtime, Timers& timers, Files& files,
                                               EmbeddedLogOptions options) {
  return std::make_unique<EmbeddedLogImpl>(runtime, timers, files, std::move(options));
}

}  // namespace headrace
