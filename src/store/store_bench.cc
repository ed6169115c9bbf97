// The store as flows use it: sorted batches in, batched lookups that mostly miss (has this id been seen?), single reads
// for HTTP. And our file system under RocksDB next to RocksDB's own, in the same run.
#include "store/store.h"

#include <stdlib.h>

#include <algorithm>
#include <cstdarg>
#include <filesystem>
#include <string>

#include "base/check.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "fmt/format.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/table.h"
#include "runtime/files.h"
#include "store/files_environment.h"
#include "store/memory_store.h"

namespace headrace {
namespace {

constexpr TableId kTable{1};
constexpr size_t kRows = 1'000'000;
constexpr size_t kBatch = 1'000;
constexpr size_t kValueBytes = 60;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "headrace-bench-XXXXXX").string();
    check(mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made");
    path_ = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Even numbers are in the store, odd ones are not.
std::string key_of(uint64_t number) {
  return fmt::format("flight-{:016x}", number);
}

std::vector<std::string> random_keys(Random& random, size_t count, uint64_t odd) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < count; ++i) keys.push_back(key_of(2 * random.below(kRows) + odd));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

void fill(Store& store) {
  const std::string value(kValueBytes, 'v');
  const auto write = store.begin();
  for (uint64_t i = 0; i < kRows; ++i) {
    write->put(kTable, key_of(2 * i), value);
    if (i % kBatch == kBatch - 1) store.commit(*write);
  }
  store.flush();
}

struct Opened {
  TemporaryFolder folder;
  std::unique_ptr<Files> files = make_system_files();
  std::unique_ptr<Store> store = open_rocksdb_store(*files, {.folder = folder.path() + "/store"});
};

Opened& filled() {
  static Opened opened;
  static const bool done = [] {
    fill(*opened.store);
    return true;
  }();
  check(done, "the store is filled");
  return opened;
}

// Range argument: 0 for keys that grow, 1 for sorted batches of random keys.
void put_batches(benchmark::State& state, Store& store) {
  Random random(1);
  const std::string value(kValueBytes, 'v');
  const auto write = store.begin();
  uint64_t next = 0;
  std::vector<std::string> keys;
  for (auto _ : state) {
    state.PauseTiming();
    if (state.range(0) == 1) {
      keys = random_keys(random, kBatch, 0);
    } else {
      keys.clear();
      for (size_t i = 0; i < kBatch; ++i) keys.push_back(key_of(next++));
    }
    state.ResumeTiming();
    for (const std::string& key : keys) write->put(kTable, key, value);
    store.commit(*write);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBatch));
}

void rocksdb_put(benchmark::State& state) {
  Opened opened;
  put_batches(state, *opened.store);
}
BENCHMARK(rocksdb_put)->ArgName("random")->Arg(0)->Arg(1)->Iterations(1000)->UseRealTime();

void memory_put(benchmark::State& state) {
  const auto store = make_memory_store(size_t{4} << 30);
  put_batches(state, *store);
}
BENCHMARK(memory_put)->ArgName("random")->Arg(0)->Arg(1)->Iterations(500)->UseRealTime();

void rocksdb_multi_get(benchmark::State& state) {
  Store& store = *filled().store;
  Random random(1);
  std::vector<std::string> values;
  std::vector<bool> found;
  size_t looked_up = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto keys = random_keys(random, kBatch, state.range(0) == 1 ? 0 : 1);
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    state.ResumeTiming();
    store.multi_get(kTable, views, values, found);
    looked_up += keys.size();
  }
  check(found.front() == (state.range(0) == 1), "hits hit and misses miss");
  state.SetItemsProcessed(static_cast<int64_t>(looked_up));
}
BENCHMARK(rocksdb_multi_get)->ArgName("hit")->Arg(0)->Arg(1);

void rocksdb_get(benchmark::State& state) {
  Store& store = *filled().store;
  Random random(1);
  const auto keys = random_keys(random, 10'000, 0);
  std::string value;
  for (const std::string& key : keys) store.get(kTable, key, value);
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(store.get(kTable, keys[next++ % keys.size()], value));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(rocksdb_get);

void rocksdb_get_if_cached(benchmark::State& state) {
  Store& store = *filled().store;
  Random random(1);
  const auto keys = random_keys(random, 10'000, 0);
  std::string value;
  for (const std::string& key : keys) store.get(kTable, key, value);
  size_t next = 0;
  int64_t answered = 0;
  for (auto _ : state) {
    if (store.get_if_cached(kTable, keys[next++ % keys.size()], value).has_value()) ++answered;
  }
  check(answered == state.iterations(), "what was read before is cached");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(rocksdb_get_if_cached);

void rocksdb_scan(benchmark::State& state) {
  Store& store = *filled().store;
  Random random(1);
  size_t rows = 0;
  for (auto _ : state) {
    const auto cursor = store.scan(kTable, key_of(2 * random.below(kRows)), {});
    for (int i = 0; i < 1000 && cursor->valid(); ++i, cursor->next()) ++rows;
  }
  state.SetItemsProcessed(static_cast<int64_t>(rows));
}
BENCHMARK(rocksdb_scan);

class NoLogger final : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// RocksDB's own file system (0) against ours (1): writes and syncs files, then reads them without a block cache.
class FileSystemBench {
 public:
  explicit FileSystemBench(bool ours) {
    if (ours) environment_ = make_environment(*files_);
    rocksdb::Options options;
    options.create_if_missing = true;
    options.info_log = std::make_shared<NoLogger>();
    options.env = ours ? environment_.get() : rocksdb::Env::Default();
    options.write_buffer_size = 32 << 20;
    options.disable_auto_compactions = true;
    options.compression = rocksdb::kNoCompression;
    rocksdb::BlockBasedTableOptions table;
    table.no_block_cache = true;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* db = nullptr;
    const rocksdb::Status opened = rocksdb::DB::Open(options, folder_.path() + "/db", &db);
    check(opened.ok(), opened.ToString().c_str());
    db_.reset(db);
  }

  void write(uint64_t rows, uint64_t from) {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    const std::string value(200, 'v');
    for (uint64_t i = 0; i < rows; i += kBatch) {
      rocksdb::WriteBatch batch;
      for (uint64_t j = 0; j < kBatch; ++j) batch.Put(key_of(from + i + j), value);
      check(db_->Write(options, &batch).ok(), "a batch is written");
    }
    check(db_->Flush(rocksdb::FlushOptions()).ok(), "the database is flushed");
  }
  rocksdb::DB& db() { return *db_; }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Files> files_ = make_system_files();
  std::unique_ptr<rocksdb::Env> environment_;
  std::unique_ptr<rocksdb::DB> db_;
};

void file_system_write(benchmark::State& state) {
  FileSystemBench bench(state.range(0) == 1);
  uint64_t from = 0;
  for (auto _ : state) {
    bench.write(100'000, from);
    from += 100'000;
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * 100'000 * 223);
}
BENCHMARK(file_system_write)->ArgName("ours")->Arg(0)->Arg(1)->Arg(0)->Arg(1)->Iterations(5)->UseRealTime();

void file_system_read(benchmark::State& state) {
  FileSystemBench bench(state.range(0) == 1);
  bench.write(100'000, 0);
  Random random(1);
  rocksdb::PinnableSlice value;
  for (auto _ : state) {
    check(bench.db()
              .Get(rocksdb::ReadOptions(), bench.db().DefaultColumnFamily(), key_of(random.below(100'000)), &value)
              .ok(),
          "the row is there");
    value.Reset();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(file_system_read)->ArgName("ours")->Arg(0)->Arg(1)->Arg(0)->Arg(1);

}  // namespace
}  // namespace headrace
