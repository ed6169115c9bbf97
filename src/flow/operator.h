// An operator is the incremental form of one plan node: it gets changes of its inputs and passes changes of its result
// on. It may keep state in tables of the store. Within an epoch, push() may be called many times on any port, then
// finish() once, inputs before consumers; only after finish() has the operator passed on everything. State changes go
// into the epoch's write and so become visible together with the epoch's frontier. What an operator keeps in memory
// must be rebuildable from the store, and is bounded.
//
// Joins have two ports; aggregates, top-n and windows emit in finish(), so that a group that changes a thousand times
// in an epoch is read, written and passed on once. Operators run on one thread at a time, in the pool.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "flow/changes.h"
#include "flow/expression.h"
#include "store/store.h"

namespace headrace {

// A row that could not be evaluated, and why.
struct DeadRow {
  std::string error;
  std::string row_json;
};

// What operators share during one epoch.
struct Epoch {
  Store& store;
  StoreWrite& write;
  std::vector<DeadRow>& dead;  // bounded by kDeadRowsMax and kDeadBytesMax; beyond them rows are only counted
  uint64_t& dead_count;
  bool want_changes = true;  // whether somebody listens to the changes of the view itself
  size_t dead_bytes = 0;

  bool keeps_dead_rows() const;
  void report(std::string error, std::string row_json);
};
// Per epoch, so that its dead rows fit into one record batch.
inline constexpr size_t kDeadRowsMax = 10'000;
inline constexpr size_t kDeadBytesMax = 8 * 1024 * 1024;

inline bool Epoch::keeps_dead_rows() const {
  return dead.size() < kDeadRowsMax && dead_bytes < kDeadBytesMax;
}
inline void Epoch::report(std::string error, std::string row_json) {
  ++dead_count;
  const size_t bytes = error.size() + row_json.size();
  if (!keeps_dead_rows() || dead_bytes + bytes > kDeadBytesMax) return;
  dead_bytes += bytes;
  dead.push_back({std::move(error), std::move(row_json)});
}

class Operator {
 public:
  virtual ~Operator() = default;
  virtual void push(size_t port, const Changes& changes, Epoch& epoch) = 0;
  virtual void finish(Epoch& epoch) = 0;
  // About how many bytes it holds: caches and what the epoch so far has left in it.
  virtual size_t memory_bytes() const { return 0; }

  // Where the result goes: port `port` of `consumer`. Set once, before the first push.
  void feed(Operator& consumer, size_t port) {
    consumer_ = &consumer;
    port_ = port;
  }

 protected:
  void emit(const Changes& changes, Epoch& epoch) {
    if (changes.rows.rows > 0 && consumer_) consumer_->push(port_, changes, epoch);
  }
  bool has_consumer() const { return consumer_ != nullptr; }

 private:
  Operator* consumer_ = nullptr;
  size_t port_ = 0;
};

}  // namespace headrace
