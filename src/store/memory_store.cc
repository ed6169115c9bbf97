// A table is a map. Snapshots and cursors share the maps of the state they see; a commit to a table that is shared
// copies it first. That suits queries, which take few snapshots between many commits.
#include "store/memory_store.h"

#include <algorithm>
#include <compare>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "fmt/format.h"
#include "runtime/guarded.h"

namespace headrace {
namespace {

constexpr size_t kEntryOverhead = 96;  // two strings and a node of the map

struct Table {
  std::map<std::string, std::string, std::less<>> rows;
  size_t bytes = 0;
};

size_t bytes_of(std::string_view key, std::string_view value) {
  return key.size() + value.size() + kEntryOverhead;
}

using Tables = std::map<TableId, std::shared_ptr<Table>>;

struct Operation {
  TableId table;
  std::string key;
  std::optional<std::string> value;  // none: removed
  size_t sequence = 0;               // in its write
};

class MemorySnapshot final : public Snapshot {
 public:
  explicit MemorySnapshot(Tables tables) : tables_(std::move(tables)) {}
  std::shared_ptr<const Table> find(TableId table) const {
    const auto found = tables_.find(table);
    return found == tables_.end() ? nullptr : found->second;
  }

 private:
  const Tables tables_;
};

class MemoryWrite final : public StoreWrite {
 public:
  void put(TableId table, std::string_view key, std::string_view value) override {
    bytes_ += key.size() + value.size();
    operations_.push_back({table, std::string(key), std::string(value), operations_.size()});
  }
  void remove(TableId table, std::string_view key) override {
    bytes_ += key.size();
    operations_.push_back({table, std::string(key), std::nullopt, operations_.size()});
  }
  size_t bytes() const override { return bytes_; }

  // In order of table and key, one for each: the last.
  std::vector<Operation>& sorted() {
    const auto compare = [](const Operation& left, const Operation& right) {
      return left.table != right.table ? left.table <=> right.table : left.key <=> right.key;
    };
    const auto before = [&](const Operation& left, const Operation& right) {
      const auto order = compare(left, right);
      return order != 0 ? order < 0 : left.sequence < right.sequence;
    };
    if (!std::is_sorted(operations_.begin(), operations_.end(), before)) {
      std::sort(operations_.begin(), operations_.end(), before);
    }
    size_t kept = 0;
    for (size_t i = 0; i < operations_.size(); ++i) {
      if (i + 1 < operations_.size() && compare(operations_[i], operations_[i + 1]) == 0) continue;
      if (kept != i) operations_[kept] = std::move(operations_[i]);
      ++kept;
    }
    operations_.resize(kept);
    return operations_;
  }
  void clear() {
    operations_.clear();
    bytes_ = 0;
  }

 private:
  std::vector<Operation> operations_;
  size_t bytes_ = 0;
};

class MemoryCursor final : public StoreCursor {
 public:
  MemoryCursor(std::shared_ptr<const Table> table, std::string_view from, std::string_view end)
      : table_(std::move(table)) {
    if (table_ == nullptr) return;
    at_ = table_->rows.lower_bound(from);
    end_ = end.empty() ? table_->rows.end() : table_->rows.lower_bound(std::max(from, end));
  }

  bool valid() const override { return table_ != nullptr && at_ != end_; }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }
  void next() override { ++at_; }

 private:
  const std::shared_ptr<const Table> table_;
  decltype(Table::rows)::const_iterator at_;
  decltype(Table::rows)::const_iterator end_;
};

class State {
 public:
  explicit State(size_t bytes_max) : bytes_max_(bytes_max) {}

  const Tables& tables() const { return tables_; }

  std::shared_ptr<const Table> find(TableId table) const {
    const auto found = tables_.find(table);
    return found == tables_.end() ? nullptr : found->second;
  }

  void commit(std::vector<Operation>& operations) {
    require_room(operations);
    for (auto from = operations.begin(); from != operations.end();) {
      Table& table = own(from->table);
      auto hint = table.rows.lower_bound(from->key);
      const TableId id = from->table;
      for (; from != operations.end() && from->table == id; ++from) {
        if (hint != table.rows.end() && hint->first < from->key) hint = table.rows.lower_bound(from->key);
        const bool exists = hint != table.rows.end() && hint->first == from->key;
        const size_t bytes_before = exists ? bytes_of(hint->first, hint->second) : 0;
        size_t bytes_after = 0;
        if (from->value.has_value()) {
          bytes_after = bytes_of(from->key, *from->value);
          if (exists) {
            hint->second = std::move(*from->value);
          } else {
            hint = table.rows.emplace_hint(hint, std::move(from->key), std::move(*from->value));
          }
          ++hint;
        } else if (exists) {
          hint = table.rows.erase(hint);
        }
        table.bytes += bytes_after - bytes_before;
        bytes_ += bytes_after - bytes_before;
      }
    }
  }

  void drop(TableId id) {
    const auto found = tables_.find(id);
    if (found == tables_.end()) return;
    bytes_ -= found->second->bytes;
    if (found->second.use_count() > 1) retired_.push_back(found->second);
    tables_.erase(found);
  }

 private:
  // The table, not shared with anyone.
  Table& own(TableId id) {
    std::shared_ptr<Table>& table = tables_[id];
    if (table == nullptr) {
      table = std::make_shared<Table>();
    } else if (table.use_count() > 1) {
      retired_.push_back(table);
      table = std::make_shared<Table>(*table);
    }
    return *table;
  }

  size_t retired_bytes() {
    std::erase_if(retired_, [](const auto& table) { return table.expired(); });
    size_t bytes = 0;
    for (const auto& weak : retired_) {
      if (const auto table = weak.lock()) bytes += table->bytes;
    }
    return bytes;
  }

  void require_room(const std::vector<Operation>& operations) {
    size_t added = 0;
    size_t removed = 0;
    size_t copied = 0;
    std::shared_ptr<const Table> table;
    for (size_t i = 0; i < operations.size(); ++i) {
      const Operation& operation = operations[i];
      if (i == 0 || operations[i - 1].table != operation.table) {
        table = find(operation.table);
        if (table != nullptr && table.use_count() > 2) copied += table->bytes;
      }
      if (operation.value.has_value()) added += bytes_of(operation.key, *operation.value);
      if (table == nullptr) continue;
      const auto found = table->rows.find(operation.key);
      if (found != table->rows.end()) removed += bytes_of(found->first, found->second);
    }
    const size_t needed = bytes_ + retired_bytes() + copied + added - removed;
    if (needed > bytes_max_ && added + copied > removed) {
      throw Error(Code::kTooLarge,
                  fmt::format("this needs {} bytes of memory, and {} are allowed; ask for fewer rows or groups, or "
                              "raise the limit",
                              needed, bytes_max_));
    }
  }

  const size_t bytes_max_;
  Tables tables_;
  size_t bytes_ = 0;
  std::vector<std::weak_ptr<const Table>> retired_;  // versions that snapshots and cursors may hold
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(size_t bytes_max) : state_(bytes_max) {}

  std::unique_ptr<StoreWrite> begin() override { return std::make_unique<MemoryWrite>(); }
  void commit(StoreWrite& write) override {
    auto& memory_write = static_cast<MemoryWrite&>(write);
    std::vector<Operation>& operations = memory_write.sorted();
    state_.with([&](State& state) { state.commit(operations); });
    memory_write.clear();
  }
  void flush() override {}

  bool get(TableId table, std::string_view key, std::string& value, const Snapshot* at) override {
    const auto look = [&](const Table* rows) {
      if (rows == nullptr) return false;
      const auto found = rows->rows.find(key);
      if (found == rows->rows.end()) return false;
      value = found->second;
      return true;
    };
    if (at != nullptr) return look(static_cast<const MemorySnapshot*>(at)->find(table).get());
    return state_.with([&](const State& state) { return look(state.find(table).get()); });
  }
  std::optional<bool> get_if_cached(TableId table, std::string_view key, std::string& value) override {
    return get(table, key, value, nullptr);
  }
  void multi_get(TableId table, std::span<const std::string_view> keys, std::vector<std::string>& values,
                 std::vector<bool>& found) override {
    values.resize(keys.size());
    found.assign(keys.size(), false);
    state_.with([&](const State& state) {
      const auto rows = state.find(table);
      for (size_t i = 0; i < keys.size(); ++i) {
        values[i].clear();
        if (rows == nullptr) continue;
        const auto at = rows->rows.find(keys[i]);
        if (at == rows->rows.end()) continue;
        values[i] = at->second;
        found[i] = true;
      }
    });
  }

  std::unique_ptr<StoreCursor> scan(TableId table, std::string_view from, std::string_view end,
                                    const Snapshot* at) override {
    auto rows = at != nullptr ? static_cast<const MemorySnapshot*>(at)->find(table)
                              : state_.with([&](const State& state) { return state.find(table); });
    return std::make_unique<MemoryCursor>(std::move(rows), from, end);
  }
  std::shared_ptr<const Snapshot> snapshot() override {
    return std::make_shared<MemorySnapshot>(state_.with([](const State& state) { return state.tables(); }));
  }
  void drop(TableId table) override {
    state_.with([&](State& state) { state.drop(table); });
  }
  uint64_t approximate_bytes(TableId table) override {
    return state_.with([&](const State& state) {
      const auto rows = state.find(table);
      return rows == nullptr ? 0 : rows->bytes;
    });
  }
  uint64_t approximate_keys(TableId table) override {
    return state_.with([&](const State& state) {
      const auto rows = state.find(table);
      return rows == nullptr ? 0 : rows->rows.size();
    });
  }

 private:
  Guarded<State> state_;
};

}  // namespace

std::unique_ptr<Store> make_memory_store(size_t bytes_max) {
  return std::make_unique<MemoryStore>(bytes_max);
}

}  // namespace headrace
