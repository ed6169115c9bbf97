// The ordered tables that views and operators keep their state in. A table is a map from byte strings to byte strings,
// ordered by unsigned bytes. Everything that one epoch of a flow changes, its frontier included, is one Write, applied
// all or nothing. There is no write-ahead log, because the log of Headrace is one: after a crash the store is at the
// state after some prefix of the committed writes, and the flows replay from the frontiers they find in it.
//
// Calls block (use them from the pool) and may be made from any thread, except where a comment says otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

// A table is a number that the catalogue gives out and never uses again. 0 is for the store's users' own bookkeeping,
// the last one for the store's.
enum class TableId : uint32_t {};

// A frozen state of all tables. Keeps the store's files open, so let it go soon, and before the store.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
};

class StoreWrite {
 public:
  virtual ~StoreWrite() = default;
  virtual void put(TableId table, std::string_view key, std::string_view value) = 0;
  virtual void remove(TableId table, std::string_view key) = 0;
  virtual size_t bytes() const = 0;
};

// Walks keys in order. Valid while its store (and snapshot) lives. Views end with the next move.
class StoreCursor {
 public:
  virtual ~StoreCursor() = default;
  virtual bool valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual void next() = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual std::unique_ptr<StoreWrite> begin() = 0;
  // Applies all of it, atomically and in the order of commits. Not durable until flush(). Afterwards `write` is empty
  // and may be filled again; when it throws, nothing is applied. What failed in the background since the last call is
  // thrown here too; the store then takes no more writes until it is opened again.
  virtual void commit(StoreWrite& write) = 0;
  // On return, all that was committed before the call is durable.
  virtual void flush() = 0;

  virtual bool get(TableId table, std::string_view key, std::string& value, const Snapshot* at = nullptr) = 0;
  // What can be answered without touching the disk: true/false as get(), nullopt if it would block. For shards.
  virtual std::optional<bool> get_if_cached(TableId table, std::string_view key, std::string& value) = 0;
  // values[i] and found[i] for keys[i], which are sorted; all from one state. Faster than one by one. values[i] is
  // empty when the key is not there; strings that are in `values` already lend their memory.
  virtual void multi_get(TableId table, std::span<const std::string_view> keys, std::vector<std::string>& values,
                         std::vector<bool>& found) = 0;
  // From the first key >= `from`, up to but without `end` (empty: the end of the table). Later commits do not show.
  virtual std::unique_ptr<StoreCursor> scan(TableId table, std::string_view from, std::string_view end,
                                            const Snapshot* at = nullptr) = 0;
  virtual std::shared_ptr<const Snapshot> snapshot() = 0;
  // Removes all keys; space is given back in the background.
  virtual void drop(TableId table) = 0;

  // On disk and in memory, within a few megabytes.
  virtual uint64_t approximate_bytes(TableId table) = 0;
  // How many keys there are: exactly for a few thousand, within about 7 % for more, as of the last commit. A table that
  // has lost nearly all of millions of keys may be further off.
  virtual uint64_t approximate_keys(TableId table);
};

class Files;

inline constexpr size_t kStoreMemoryMin = size_t{4} << 20;

struct StoreOptions {
  std::string folder;
  size_t memory_bytes = size_t{192} << 20;  // write buffers and block cache together; at least kStoreMemoryMin
  size_t background_threads = 2;
};

// RocksDB 7.8 on `files`. Error(kUnavailable) when another process has the folder. Throws Error(kCorrupt) for a damaged
// store, with what to do (remove the folder: views are rebuilt from the log).
std::unique_ptr<Store> open_rocksdb_store(Files& files, StoreOptions options);

}  // namespace headrace
