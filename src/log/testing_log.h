// A log on simulated files and time for tests, with calls that block. Sources named testing_* are compiled into every
// test that wants them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/embedded_log.h"
#include "log/record_batch.h"
#include "runtime/faulty_files.h"
#include "runtime/timers.h"

namespace headrace {

inline std::string batch_of(const std::vector<std::string>& values, int64_t timestamp_ms = 1000,
                            Compression compression = Compression::kNone) {
  RecordBatchBuilder builder(compression);
  for (const std::string& value : values) builder.append(timestamp_ms, "key", value);
  return builder.finish();
}

inline std::vector<PartitionBatch> one(PartitionId partition, std::string bytes) {
  std::vector<PartitionBatch> batches;
  batches.push_back({.partition = partition, .bytes = std::move(bytes)});
  return batches;
}

class TestingLog {
 public:
  explicit TestingLog(uint64_t seed = 1, size_t shards = 1)
      : runtime_({.shards = shards, .pool_threads = shards}), files_(seed) {
    options_.gather_time = {};       // simulated time stands still
    options_.disk_threads = shards;  // with one, a seed repeats itself
    open();
  }
  ~TestingLog() {
    close();
    runtime_.stop();
  }

  Runtime& runtime() { return runtime_; }
  FaultyFiles& files() { return files_; }
  ManualTime& time() { return time_; }
  EmbeddedLog& log() { return *log_; }
  EmbeddedLogOptions& options() { return options_; }

  template <typename F>
  auto run(F f) {
    return runtime_.block_on(std::move(f));
  }

  void open() { log_ = open_embedded_log(runtime_, time_, files_, options_); }
  // Ignores that the disk may be gone.
  void close() {
    if (!log_) return;
    try {
      run([&] { return log_->close(); });
    } catch (const Error&) {
    }
    log_.reset();
  }
  void reopen() {
    close();
    open();
  }
  // From here on every call to the disk fails, also those of what still runs.
  void cut_power() {
    files_.power_cut_after(1);
    try {
      files_.sync_directory(".");
    } catch (const Error&) {
    }
  }
  void power_cut() {
    cut_power();
    close();
    files_.restore_power();
    open();
  }

  void create(const std::string& topic, const TopicConfig& config) {
    run([&] { return log_->create(topic, config); });
  }
  Appended append(const std::string& topic, PartitionId partition, const std::string& value) {
    return append_bytes(topic, partition, batch_of({value}));
  }
  Appended append_at(const std::string& topic, PartitionId partition, int64_t timestamp_ms, const std::string& value) {
    return append_bytes(topic, partition, batch_of({value}, timestamp_ms));
  }
  Appended append_from(const std::string& topic, PartitionId partition, int64_t producer, int16_t epoch,
                       int32_t sequence, const std::vector<std::string>& values) {
    RecordBatchBuilder builder;
    builder.set_producer(producer, epoch, sequence);
    for (const std::string& value : values) builder.append(1000, "key", value);
    return append_bytes(topic, partition, builder.finish());
  }
  Appended append_bytes(const std::string& topic, PartitionId partition, std::string bytes) {
    return run([&] { return log_->append(topic, one(partition, std::move(bytes))); }).at(0);
  }
  Bounds bounds(const std::string& topic, PartitionId partition) {
    return run([&] { return log_->bounds(topic, partition); });
  }
  int32_t last_sequence(const std::string& topic, PartitionId partition, int64_t producer) {
    return run([&] { return log_->last_sequence(topic, partition, producer); });
  }
  Fetched read(const std::string& topic, PartitionId partition, Offset from, size_t bytes_max) {
    return run([&] { return log_->read(topic, partition, from, bytes_max); });
  }

  // All batches of the partition, checked: each CRC, and that no offset is missing.
  void for_each_batch(const std::string& topic, PartitionId partition,
                      const std::function<void(const BatchHeader&, std::string_view)>& f) {
    const Bounds range = bounds(topic, partition);
    for (Offset at = range.start; at < range.end;) {
      const Fetched fetched = read(topic, partition, at, 64 * 1024);
      std::string_view rest = fetched.bytes;
      if (rest.empty()) throw Error(Code::kInternal, "a read below the end gave nothing");
      while (!rest.empty()) {
        const BatchHeader header = verify_batch(rest);
        // Compaction may have changed what the batches are while we read.
        const bool first = rest.size() == fetched.bytes.size();
        if (first ? header.base > at || header.end() <= at : header.base != at)
          throw Error(Code::kInternal, "an offset is missing or comes twice");
        f(header, rest.substr(0, header.bytes()));
        at = header.end();
        rest.remove_prefix(header.bytes());
      }
    }
  }
  std::vector<std::string> values(const std::string& topic, PartitionId partition) {
    std::vector<std::string> values;
    std::string scratch;
    for_each_batch(topic, partition, [&](const BatchHeader&, std::string_view batch) {
      for_each_record(batch, scratch, [&](const Record& record) {
        values.emplace_back(record.value.value_or("(none)"));
        return true;
      });
    });
    return values;
  }

  static Code error_of(const std::function<void()>& f) {
    try {
      f();
    } catch (const Error& error) {
      return error.code();
    }
    return Code::kInternal;
  }

 private:
  Runtime runtime_;
  FaultyFiles files_;
  ManualTime time_{WallTime(std::chrono::days(20'000))};
  EmbeddedLogOptions options_{.folder = "log"};
  std::unique_ptr<EmbeddedLog> log_;
};

}  // namespace headrace
