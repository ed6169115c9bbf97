// How far the log is from the disk and from memory: each figure stands beside what the machine does without it, in the
// same run. `HEADRACE_BENCH_FOLDER` chooses the disk.
#include <cstdlib>
#include <filesystem>

#include "benchmark/benchmark.h"
#include "log/embedded_log.h"
#include "log/record_batch.h"
#include "runtime/files.h"
#include "runtime/signal.h"

namespace headrace {
namespace {

constexpr size_t kRecordBytes = 100;

std::string bench_folder() {
  const char* folder = std::getenv("HEADRACE_BENCH_FOLDER");
  return std::string(folder == nullptr ? "/tmp" : folder) + "/headrace_log_bench";
}

std::string batch_of_size(size_t bytes) {
  RecordBatchBuilder builder;
  const std::string value(kRecordBytes, 'v');
  do {
    builder.append(1000, "key-of-a-record", value);
  } while (builder.bytes() + kRecordBytes < bytes);
  return builder.finish();
}

class BenchLog {
 public:
  explicit BenchLog(PartitionId partitions) : runtime_({.shards = 1, .pool_threads = 4}), files_(make_system_files()) {
    std::filesystem::remove_all(bench_folder());
    log_ = open_embedded_log(runtime_, timers_, *files_, {.folder = bench_folder()});
    runtime_.block_on([&] { return log_->create("t", {.partitions = partitions}); });
  }
  ~BenchLog() {
    runtime_.block_on([&] { return log_->close(); });
    log_.reset();
    runtime_.stop();
    std::filesystem::remove_all(bench_folder());
  }

  EmbeddedLog& log() { return *log_; }

  // `count` appends by each of `clients` at once, to partitions in turn.
  void append(int clients, int count, PartitionId partitions, const std::string& batch) {
    runtime_.block_on([&]() -> awaitable<void> {
      Signal done(runtime_.shard(0));
      int running = clients;
      for (int i = 0; i < clients; ++i) {
        runtime_.shard(0).spawn(client(i % partitions, count, batch, running, done));
      }
      while (running > 0) co_await done.wait();
    });
  }

  size_t read_all(size_t bytes_max) {
    return runtime_.block_on([&]() -> awaitable<size_t> {
      size_t bytes = 0;
      const Bounds bounds = co_await log_->bounds("t", 0);
      for (Offset at = bounds.start; at < bounds.end;) {
        const Fetched fetched = co_await log_->read("t", 0, at, bytes_max);
        bytes += fetched.bytes.size();
        for (std::string_view rest = fetched.bytes; !rest.empty();) {
          const BatchHeader header = read_batch_header(rest);
          at = header.end();
          rest.remove_prefix(header.bytes());
        }
      }
      co_return bytes;
    });
  }

 private:
  awaitable<void> client(PartitionId partition, int count, const std::string& batch, int& running, Signal& done) {
    for (int i = 0; i < count; ++i) {
      std::vector<PartitionBatch> batches;
      batches.push_back({.partition = partition, .bytes = batch});
      co_await log_->append("t", std::move(batches));
    }
    if (--running == 0) done.notify_all();
  }

  Runtime runtime_;
  SystemTimers timers_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<EmbeddedLog> log_;
};

// The limit: one thread that writes and syncs a preallocated file.
void BM_RawWriteSync(benchmark::State& state) {
  std::filesystem::create_directories(bench_folder());
  const auto files = make_system_files();
  const size_t size = static_cast<size_t>(state.range(0));
  constexpr uint64_t kFileBytes = uint64_t{64} << 20;
  {
    const auto file = files->open(bench_folder() + "/raw", Files::Mode::kCreate);
    file->preallocate(kFileBytes);
    file->sync();
    const std::string bytes(size, 'x');
    uint64_t at = 0;
    for (auto _ : state) {
      if (at + size > kFileBytes) at = 0;
      file->write_at(at, bytes);
      file->sync();
      at += size;
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * size));
  state.SetItemsProcessed(state.iterations());
  std::filesystem::remove_all(bench_folder());
}
BENCHMARK(BM_RawWriteSync)->Arg(200)->Arg(64 << 10)->Arg(1 << 20)->UseRealTime();

void BM_Append(benchmark::State& state) {
  const int clients = static_cast<int>(state.range(0));
  const auto partitions = static_cast<PartitionId>(state.range(1));
  const std::string batch = batch_of_size(static_cast<size_t>(state.range(2)));
  BenchLog log(partitions);
  constexpr int kEach = 20;
  log.append(clients, kEach, partitions, batch);
  for (auto _ : state) log.append(clients, kEach, partitions, batch);
  state.SetItemsProcessed(state.iterations() * clients * kEach);
  state.SetBytesProcessed(state.iterations() * clients * kEach * static_cast<int64_t>(batch.size()));
}
BENCHMARK(BM_Append)
    ->ArgNames({"clients", "partitions", "bytes"})
    ->Args({1, 1, 200})
    ->Args({64, 1, 200})
    ->Args({64, 8, 200})
    ->Args({512, 8, 200})
    ->Args({8, 1, 64 << 10})
    ->Args({8, 8, 64 << 10})
    ->Args({8, 8, 1 << 20})
    ->UseRealTime();

void BM_Read(benchmark::State& state) {
  BenchLog log(1);
  const std::string batch = batch_of_size(64 << 10);
  for (int i = 0; i < 256; ++i) log.append(8, 1, 1, batch);  // far more than the cached tail
  size_t bytes = 0;
  for (auto _ : state) bytes += log.read_all(static_cast<size_t>(state.range(0)));
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(BM_Read)->Arg(64 << 10)->Arg(1 << 20)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_Build(benchmark::State& state) {
  constexpr int kRecords = 1000;
  const std::string value(kRecordBytes, 'v');
  for (auto _ : state) {
    RecordBatchBuilder builder(static_cast<Compression>(state.range(0)));
    for (int i = 0; i < kRecords; ++i) builder.append(1000 + i, "a-key", value);
    benchmark::DoNotOptimize(builder.finish());
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}
BENCHMARK(BM_Build)->DenseRange(0, 4);

void BM_ReadRecords(benchmark::State& state) {
  constexpr int kRecords = 1000;
  const std::string value(kRecordBytes, 'v');
  RecordBatchBuilder builder(static_cast<Compression>(state.range(0)));
  for (int i = 0; i < kRecords; ++i) builder.append(1000 + i, "a-key", value);
  const std::string batch = builder.finish();
  std::string scratch;
  Record record;
  for (auto _ : state) {
    RecordReader reader(batch, scratch);
    size_t bytes = 0;
    while (reader.next(record)) bytes += record.value->size();
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}
BENCHMARK(BM_ReadRecords)->DenseRange(0, 4);

}  // namespace
}  // namespace headrace
