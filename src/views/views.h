// The views that run: each has a flow, a shard, a frontier. Here they are read, waited for and subscribed to. All calls
// may be made from any shard.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/flow.h"
#include "views/catalog.h"

namespace headrace {

// A condition of a scan as it comes from a URL: column, operator, text.
struct ScanFilter {
  enum class Compare : uint8_t { kEqual, kGreater, kGreaterOrEqual, kLess, kLessOrEqual };
  std::string column;
  Compare compare = Compare::kEqual;
  std::string text;
};

struct ScanRequest {
  std::vector<ScanFilter> filters;  // equality on a prefix of the key, then a range on the next key column
  size_t limit = 100;
  std::string cursor;
};

struct ScanResult {
  Batch rows;
  std::string cursor;    // empty: no more
  std::string frontier;  // the position that the rows reflect, exactly
};

// One event of a subscription.
struct ViewEvent {
  enum class Kind : uint8_t {
    kReset,     // a snapshot begins: forget what you have
    kSnapshot,  // rows of the snapshot
    kChange,    // rows inserted (+1) and deleted (-1) by one epoch
    kLive,      // the snapshot is complete; `id` is its frontier
  };
  Kind kind = Kind::kChange;
  std::string id;  // Last-Event-ID to resume after this event; empty within a snapshot
  std::shared_ptr<const Changes> changes;
};

class Subscription {
 public:
  virtual ~Subscription() = default;
  // The next event; waits for it until `deadline`, then nullopt. Throws Error(kBusy) when this subscriber was too slow
  // and was cut off, Error(kNotFound) when the view was dropped. On the shard that subscribed.
  virtual awaitable<std::optional<ViewEvent>> next(SteadyTime deadline) = 0;
};

struct ViewStatus {
  std::string name;
  std::string state;  // "live", "catching up", "rebuilding", "failed: ..."
  uint64_t rows = 0;  // approximate
  uint64_t rows_in = 0;
  uint64_t epochs = 0;
  uint64_t dead_rows = 0;
  int64_t lag_rows = 0;  // records on the log that it has not applied
  double rows_per_second = 0;
  std::string frontier;
  bool replacing = false;  // a replacement is being built
};

struct StreamStatus {
  std::string name;
  bool is_table = false;
  bool is_derived = false;
  int32_t partitions = 0;
  int64_t rows = 0;  // records on the log
  double rows_per_second = 0;
  int64_t lag_rows = 0;  // of a derived stream: records that its query has not seen yet
};

class Views {
 public:
  virtual ~Views() = default;

  // One row by its full key (texts, one per key column) as a JSON object, or nullopt. Error(kNotFound) for an unknown
  // view, Error(kInvalid) for a key that does not fit its columns.
  virtual awaitable<std::optional<std::string>> get(std::string view, std::vector<std::string> key) = 0;
  virtual awaitable<ScanResult> scan(std::string view, ScanRequest request) = 0;
  // The type and the key columns of a view's rows.
  virtual RowTypePtr type(std::string_view view) = 0;
  virtual std::vector<size_t> key(std::string_view view) = 0;

  // Waits until `view` (or, if empty, every view of the token's stream) has applied what the token stands for, also by
  // way of derived streams. False when `deadline` came first. A view that is made of other streams has applied it.
  virtual awaitable<bool> wait(Token token, std::string view, SteadyTime deadline) = 0;

  // Events from now on: a snapshot and then changes, or, when `last_event_id` is recent enough, only the changes after
  // it. Error(kBusy) above the limit of subscribers.
  virtual awaitable<std::shared_ptr<Subscription>> subscribe(std::string view, std::string last_event_id) = 0;

  virtual awaitable<std::vector<ViewStatus>> view_status() = 0;
  virtual awaitable<std::vector<StreamStatus>> stream_status() = 0;
  // Not ready until every view has applied what was on the log at the start.
  virtual bool ready() = 0;
};

}  // namespace headrace
