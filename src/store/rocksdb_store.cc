// All tables live in one column family, with the table's number in front of each key. Without a write-ahead log, what a
// crash leaves is what was flushed; memtables of one column family are flushed in the order in which they were filled
// and a batch never spans two of them, so that this is always the state after some prefix of the commits. With a column
// family per table it would be a different prefix for each.
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "base/trace.h"
#include "fmt/format.h"
#include "rocksdb/cache.h"
#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/experimental.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/table.h"
#include "rocksdb/write_batch.h"
#include "rocksdb/write_buffer_manager.h"
#include "store/files_environment.h"
#include "store/rocksdb_key_samples.h"
#include "store/rocksdb_keys.h"
#include "store/store.h"

namespace headrace {
namespace {

using rocksdb::PinnableSlice;
using rocksdb::ReadOptions;
using rocksdb::Slice;
using rocksdb::Status;

constexpr size_t kWriteBytesMax = size_t{1} << 30;  // of one commit
constexpr int kWriteBuffers = 3;                    // one being filled, two being flushed
constexpr size_t kLookupsMax = 256;                 // at once, of one multi_get()
constexpr double kBloomBitsPerKey = 10;             // one false positive in a hundred

// The first key after all of `table`; empty when there is none.
std::string end_of(TableId table) {
  const auto number = static_cast<uint32_t>(table);
  return number == UINT32_MAX ? std::string() : FullKey(TableId{number + 1}, {}).slice().ToString();
}

// What RocksDB has to say to operators.
class TraceLogger final : public rocksdb::Logger {
 public:
  TraceLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    print(rocksdb::InfoLogLevel::WARN_LEVEL, format, arguments);
  }
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level >= GetInfoLogLevel()) print(level, format, arguments);
  }

 private:
  static void print(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
    if (level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    trace::warn("rocksdb: {}", line);
  }
};

// The database and what must outlive it.
struct Database {
  std::unique_ptr<rocksdb::Env> environment;
  std::unique_ptr<rocksdb::DB> db;

  ~Database() {
    // Flushes what is in memory: the next start has less to replay. Without it nothing is lost.
    if (const Status status = db->Close(); !status.ok()) trace::warn("closing the store: {}", status.ToString());
  }
};

class RocksdbSnapshot final : public Snapshot {
 public:
  explicit RocksdbSnapshot(std::shared_ptr<Database> database)
      : database_(std::move(database)), snapshot_(database_->db->GetSnapshot()) {}
  ~RocksdbSnapshot() override { database_->db->ReleaseSnapshot(snapshot_); }

  static const rocksdb::Snapshot* of(const Snapshot* at) {
    return at == nullptr ? nullptr : static_cast<const RocksdbSnapshot*>(at)->snapshot_;
  }

 private:
  const std::shared_ptr<Database> database_;
  const rocksdb::Snapshot* const snapshot_;
};

class RocksdbWrite final : public StoreWrite {
 public:
  explicit RocksdbWrite(RocksdbKeySamples& samples) : sampled_(samples) {}

  void put(TableId table, std::string_view key, std::string_view value) override {
    if (batch_.GetDataSize() + key.size() + value.size() > kWriteBytesMax) {
      throw Error(Code::kTooLarge, fmt::format("one commit to the store exceeds {} bytes", kWriteBytesMax));
    }
    char prefix[kTableBytes];
    store_big_endian(prefix, static_cast<uint32_t>(table));
    const Slice key_parts[] = {Slice(prefix, sizeof prefix), Slice(key.data(), key.size())};
    const Slice value_part(value.data(), value.size());
    require_ok(batch_.Put(nullptr, rocksdb::SliceParts(key_parts, 2), rocksdb::SliceParts(&value_part, 1)),
               "adding to a commit");
    sampled_.see(table, key, true);
  }
  void remove(TableId table, std::string_view key) override {
    require_ok(batch_.Delete(FullKey(table, key).slice()), "adding to a commit");
    sampled_.see(table, key, false);
  }
  size_t bytes() const override { return batch_.GetDataSize(); }

  void commit(rocksdb::DB& db, const rocksdb::WriteOptions& options) {
    batch_.SetSavePoint();
    Status status = sampled_.add_to(batch_);
    if (status.ok()) status = db.Write(options, &batch_);
    if (!status.ok()) [[unlikely]] {
      sampled_.forget();
      require_ok(batch_.RollbackToSavePoint(), "undoing a commit");
      require_ok(status, "committing to the store");
    }
    sampled_.clear();
    batch_.Clear();
  }

 private:
  rocksdb::WriteBatch batch_;
  RocksdbKeySamples::Changes sampled_;
};

class RocksdbCursor final : public StoreCursor {
 public:
  RocksdbCursor(std::shared_ptr<Database> database, TableId table, std::string_view from, std::string_view end,
                const Snapshot* at)
      : database_(std::move(database)),
        end_(end.empty() ? end_of(table) : FullKey(table, end).slice().ToString()),
        end_slice_(end_) {
    ReadOptions options;
    options.snapshot = RocksdbSnapshot::of(at);
    options.iterate_upper_bound = end_.empty() ? nullptr : &end_slice_;
    options.adaptive_readahead = true;
    iterator_.reset(database_->db->NewIterator(options));
    iterator_->Seek(FullKey(table, from).slice());
    require_sound();
  }

  bool valid() const override { return iterator_->Valid(); }
  std::string_view key() const override { return iterator_->key().ToStringView().substr(kTableBytes); }
  std::string_view value() const override { return iterator_->value().ToStringView(); }
  void next() override {
    iterator_->Next();
    require_sound();
  }

 private:
  void require_sound() const {
    if (!iterator_->Valid()) require_ok(iterator_->status(), "scanning the store");
  }

  const std::shared_ptr<Database> database_;
  const std::string end_;
  const Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// Which keys share an insert hint: those of one table. In RocksDB 7.8 a DeleteRange() looks its hint up by its first
// key in the same map, though its marks are in another skip list, and so spoils the hint. That key is a table's number
// alone, so such keys (a mark, or a row whose key is empty) get no hint.
class HintedTable final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "headrace.HintedTable"; }
  bool InDomain(const Slice& key) const override { return key.size() > kTableBytes; }
  Slice Transform(const Slice& key) const override { return {key.data(), kTableBytes}; }
};

class RocksdbStore final : public Store {
 public:
  explicit RocksdbStore(std::shared_ptr<Database> database)
      : database_(std::move(database)), db_(*database_->db), family_(db_.DefaultColumnFamily()), samples_(db_) {
    write_options_.disableWAL = true;
    cached_only_.read_tier = rocksdb::kBlockCacheTier;
  }

  std::unique_ptr<StoreWrite> begin() override { return std::make_unique<RocksdbWrite>(samples_); }

  void commit(StoreWrite& write) override { static_cast<RocksdbWrite&>(write).commit(db_, write_options_); }

  void flush() override {
    rocksdb::FlushOptions options;
    options.wait = true;
    options.allow_write_stall = true;
    require_ok(db_.Flush(options, family_), "flushing the store");
  }

  bool get(TableId table, std::string_view key, std::string& value, const Snapshot* at) override {
    ReadOptions options;
    options.snapshot = RocksdbSnapshot::of(at);
    PinnableSlice found;
    const Status status = db_.Get(options, family_, FullKey(table, key).slice(), &found);
    if (status.IsNotFound()) return false;
    require_ok(status, "reading from the store");
    value.assign(found.data(), found.size());
    return true;
  }

  std::optional<bool> get_if_cached(TableId table, std::string_view key, std::string& value) override {
    PinnableSlice found;
    const Status status = db_.Get(cached_only_, family_, FullKey(table, key).slice(), &found);
    if (status.IsIncomplete()) return std::nullopt;
    if (status.IsNotFound()) return false;
    require_ok(status, "reading from the store");
    value.assign(found.data(), found.size());
    return true;
  }

  void multi_get(TableId table, std::span<const std::string_view> keys, std::vector<std::string>& values,
                 std::vector<bool>& found) override {
    values.resize(keys.size());
    found.assign(keys.size(), false);
    // RocksDB reads one state per call; several calls need a snapshot for that.
    const std::shared_ptr<const Snapshot> state = keys.size() > kLookupsMax ? snapshot() : nullptr;
    ReadOptions options;
    options.snapshot = RocksdbSnapshot::of(state.get());
    Lookups lookups;
    for (size_t first = 0; first < keys.size(); first += kLookupsMax) {
      const auto part = keys.subspan(first, std::min(kLookupsMax, keys.size() - first));
      lookups.run(db_, options, table, part);
      for (size_t i = 0; i < part.size(); ++i) {
        if (lookups.statuses[i].IsNotFound()) {
          values[first + i].clear();
        } else {
          require_ok(lookups.statuses[i], "reading from the store");
          values[first + i].assign(lookups.results[i].data(), lookups.results[i].size());
          found[first + i] = true;
        }
        lookups.results[i].Reset();
      }
    }
  }

  std::unique_ptr<StoreCursor> scan(TableId table, std::string_view from, std::string_view end,
                                    const Snapshot* at) override {
    return std::make_unique<RocksdbCursor>(database_, table, from, end, at);
  }

  std::shared_ptr<const Snapshot> snapshot() override { return std::make_shared<RocksdbSnapshot>(database_); }

  void drop(TableId table) override {
    const std::string begin = FullKey(table, {}).slice().ToString();
    std::string end = end_of(table);
    if (end.empty()) throw Error(Code::kInvalid, "the last table number cannot be dropped: it is reserved");
    const Slice begin_slice(begin);
    const Slice end_slice(end);
    // One mark, in order with the commits. Not DeleteFilesInRange(): it takes the rows from snapshots as well, and is
    // durable before the commits that came first.
    rocksdb::WriteBatch batch;
    require_ok(batch.DeleteRange(begin_slice, end_slice), "dropping a table of the store");
    require_ok(samples_.drop(table, batch), "dropping a table of the store");
    require_ok(db_.Write(write_options_, &batch), "dropping a table of the store");
    // The mark goes to a file in the background, and what it covers is compacted with it.
    rocksdb::FlushOptions flush;
    flush.wait = false;
    flush.allow_write_stall = true;
    require_ok(db_.Flush(flush, family_), "dropping a table of the store");
    require_ok(rocksdb::experimental::SuggestCompactRange(&db_, family_, &begin_slice, &end_slice),
               "dropping a table of the store");
  }

  uint64_t approximate_bytes(TableId table) override {
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = true;
    const std::string begin = FullKey(table, {}).slice().ToString();
    std::string end = end_of(table);
    if (end.empty()) end.assign(kTableBytes + 1, '\xff');
    const rocksdb::Range range(begin, end);
    uint64_t size = 0;
    require_ok(db_.GetApproximateSizes(options, family_, &range, 1, &size), "measuring a table of the store");
    return size;
  }

  uint64_t approximate_keys(TableId table) override {
    const std::optional<uint64_t> keys = samples_.estimate(table);
    return keys ? *keys : Store::approximate_keys(table);
  }

 private:
  // Room for one batched lookup.
  struct Lookups {
    std::string bytes;
    std::vector<Slice> slices;
    std::vector<PinnableSlice> results;
    std::vector<Status> statuses;

    void run(rocksdb::DB& db, const ReadOptions& options, TableId table, std::span<const std::string_view> keys) {
      size_t size = 0;
      for (const std::string_view key : keys) size += kTableBytes + key.size();
      bytes.resize(size);
      slices.resize(keys.size());
      if (results.size() < keys.size()) results = std::vector<PinnableSlice>(keys.size());
      statuses.resize(keys.size());
      char* to = bytes.data();
      for (size_t i = 0; i < keys.size(); ++i) {
        store_big_endian(to, static_cast<uint32_t>(table));
        std::copy(keys[i].begin(), keys[i].end(), to + kTableBytes);
        slices[i] = Slice(to, kTableBytes + keys[i].size());
        to += slices[i].size();
      }
      db.MultiGet(options, db.DefaultColumnFamily(), keys.size(), slices.data(), results.data(), statuses.data(),
                  /*sorted_input=*/true);
    }
  };

  const std::shared_ptr<Database> database_;
  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* const family_;
  RocksdbKeySamples samples_;
  rocksdb::WriteOptions write_options_;
  ReadOptions cached_only_;
};

rocksdb::BlockBasedTableOptions table_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions options;
  options.block_cache = std::move(cache);
  options.block_size = 8192;
  options.format_version = 5;
  options.checksum = rocksdb::kXXH3;
  // Most lookups of new keys miss: the filter answers them.
  options.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  options.whole_key_filtering = true;
  // Indexes and filters count against the memory limit, but go last.
  options.cache_index_and_filter_blocks = true;
  options.cache_index_and_filter_blocks_with_high_priority = true;
  options.pin_l0_filter_and_index_blocks_in_cache = true;
  options.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  return options;
}

rocksdb::Options rocksdb_options(const StoreOptions& store, rocksdb::Env* environment) {
  // The write buffers are charged to the cache, so that both together stay within the limit.
  rocksdb::LRUCacheOptions cache;
  cache.capacity = store.memory_bytes;
  cache.num_shard_bits = store.memory_bytes >= size_t{64} << 20 ? 4 : 0;
  cache.strict_capacity_limit = false;  // true would make reads fail instead of making room
  cache.high_pri_pool_ratio = 0.5;
  const std::shared_ptr<rocksdb::Cache> block_cache = rocksdb::NewLRUCache(cache);
  const size_t write_bytes = store.memory_bytes / 3;

  rocksdb::Options options;
  options.env = environment;
  options.create_if_missing = true;
  options.info_log = std::make_shared<TraceLogger>();
  options.max_background_jobs = static_cast<int>(std::max<size_t>(2, store.background_threads));
  options.max_file_opening_threads = 1;
  options.max_open_files = 2000;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;

  options.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(write_bytes, block_cache);
  options.write_buffer_size = write_bytes / kWriteBuffers;
  options.max_write_buffer_number = kWriteBuffers;
  // What an epoch writes to a table is mostly in order: each key is looked for from where the one before it went, which
  // takes two or three comparisons instead of twenty. Hints are for one writer at a time.
  options.memtable_insert_with_hint_prefix_extractor = std::make_shared<HintedTable>();
  options.allow_concurrent_memtable_write = false;
  // Most lookups miss, and a filter is cheaper than a walk through a skip list.
  options.memtable_prefix_bloom_size_ratio = 0.02;
  options.memtable_whole_key_filtering = true;
  options.delayed_write_rate = uint64_t{64} << 20;

  options.compaction_style = rocksdb::kCompactionStyleLevel;
  options.level_compaction_dynamic_level_bytes = false;
  options.max_bytes_for_level_base = 8 * options.write_buffer_size;
  options.target_file_size_base = std::max<uint64_t>(uint64_t{2} << 20, options.write_buffer_size);
  options.compaction_readahead_size = size_t{2} << 20;
  // What is rewritten soon is not worth compressing.
  options.compression = rocksdb::kLZ4Compression;
  options.compression_per_level.assign(static_cast<size_t>(options.num_levels), rocksdb::kLZ4Compression);
  options.compression_per_level[0] = rocksdb::kNoCompression;
  options.compression_per_level[1] = rocksdb::kNoCompression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(block_cache)));
  return options;
}

}  // namespace

std::unique_ptr<Store> open_rocksdb_store(Files& files, StoreOptions options) {
  if (options.memory_bytes < kStoreMemoryMin) {
    throw Error(Code::kInvalid, fmt::format("the store needs at least {} bytes of memory, but was given {}",
                                            kStoreMemoryMin, options.memory_bytes));
  }
  const auto compressions = rocksdb::GetSupportedCompressions();
  check(std::find(compressions.begin(), compressions.end(), rocksdb::kLZ4Compression) != compressions.end(),
        "RocksDB is built with LZ4");
  files.make_folders(options.folder);
  auto environment = make_environment(files);
  rocksdb::DB* db = nullptr;
  const Status status = rocksdb::DB::Open(rocksdb_options(options, environment.get()), options.folder, &db);
  if (status.IsBusy()) throw Error(Code::kUnavailable, fmt::format("opening the store: {}", status.ToString()));
  if (!status.ok()) {
    const bool damaged = status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound() ||
                         status.IsInvalidArgument() || status.IsNotSupported();
    if (!damaged) require_ok(status, "opening the store");
    throw Error(Code::kCorrupt,
                fmt::format("the store in {} is damaged: {}; stop the server and remove that folder: the views are "
                            "rebuilt from the log",
                            options.folder, status.ToString()));
  }
  auto database = std::make_shared<Database>();
  database->environment = std::move(environment);
  database->db.reset(db);
  return std::make_unique<RocksdbStore>(std::move(database));
}

}  // namespace headrace
