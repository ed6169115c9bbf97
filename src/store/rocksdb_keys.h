// How tables and keys become RocksDB's keys, and its failures our errors. Internal to the store.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "fmt/format.h"
#include "rocksdb/slice.h"
#include "rocksdb/status.h"
#include "store/store.h"

namespace headrace {

inline constexpr size_t kTableBytes = sizeof(uint32_t);

inline Code code_of(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return Code::kOutOfSpace;
  if (status.IsCorruption()) return Code::kCorrupt;
  if (status.IsBusy() || status.IsTryAgain()) return Code::kBusy;
  if (status.IsShutdownInProgress()) return Code::kUnavailable;
  if (status.IsMemoryLimit()) return Code::kTooLarge;
  if (status.IsIOError()) return Code::kIo;
  return Code::kInternal;
}

inline void require_ok(const rocksdb::Status& status, const char* doing) {
  if (!status.ok()) [[unlikely]]
    throw Error(code_of(status), fmt::format("{}: {}", doing, status.ToString()));
}

// Table and key as RocksDB's key, without an allocation when it is short.
class FullKey {
 public:
  FullKey(TableId table, std::string_view key) : size_(kTableBytes + key.size()) {
    char* to = short_;
    if (size_ > sizeof short_) {
      long_.resize(size_);
      to = long_.data();
    }
    store_big_endian(to, static_cast<uint32_t>(table));
    std::copy(key.begin(), key.end(), to + kTableBytes);
  }
  rocksdb::Slice slice() const { return {size_ > sizeof short_ ? long_.data() : short_, size_}; }

 private:
  size_t size_;
  char short_[124];
  std::string long_;
};

}  // namespace headrace
