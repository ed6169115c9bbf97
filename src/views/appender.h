// From rows to the log: parse, check, encode as the stream's schema says, split by key over the partitions, append.
// All rows of a call are checked before the first is appended.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "flow/flow.h"
#include "flow/frontier.h"
#include "schema/row_parser.h"
#include "views/catalog.h"
#include "views/epoch_span.h"

namespace headrace {

struct AppendOptions {
  // A repeat of the same request has no effect. Kept per partition for the last EmbeddedLogOptions::producers_max keys.
  std::string idempotency_key;
  // Or: a named producer that numbers its requests 0, 1, 2, ... and sends them in order. Any repeat is recognised, for
  // as long as the producer's state is kept.
  std::string producer;
  int32_t sequence = -1;
  Durability durability = Durability::kSynced;
  bool bad_rows_to_dead = false;  // ?on_error=dead
};

struct AppendResult {
  size_t rows = 0;
  size_t dead_rows = 0;
  Token token;
  bool duplicate = false;  // the rows were there already
};

struct AppendLimits {
  size_t rows_max = 1'000'000;              // of one request
  size_t row_bytes_max = 1024 * 1024;       // of one row as sent
  size_t inline_bytes_max = 8 * 1024;       // bodies beyond this are parsed in the pool
  size_t batch_bytes_max = kBatchBytesMax;  // of a record batch; more rows for a partition become several
};

class Appender {
 public:
  Appender(Runtime& runtime, const Clock& clock, Log& log, Catalog& catalog, AppendLimits limits = {});

  // Durable on return (unless relaxed). Error(kInvalid) with row and column for a bad row, and then nothing was
  // appended; Error(kRefused) for a stream that is written by Headrace itself. Callable on any shard.
  awaitable<AppendResult> append(std::string stream, RowFormat format, std::string body, AppendOptions options);
  // The same for rows that are checked already.
  awaitable<AppendResult> append(std::string stream, Batch rows, AppendOptions options);
  // Tombstones: removes rows of a table. `keys` has the key columns of the table, in their order.
  awaitable<AppendResult> remove(std::string table, Batch keys);
  // The last sequence of a named producer that any partition of the stream has seen, or -1.
  awaitable<int32_t> last_sequence(std::string stream, std::string producer);

  // For Headrace's own streams, derived and dead ones: the output of the epoch of a flow, in the order that the flow
  // gives it. Each batch says which epoch it is of; `present` has how many of the epoch's records each partition has
  // already, which are left out (empty: none).
  awaitable<void> append_epoch(StreamInfoPtr stream, Batch rows, EpochSpan epoch, std::vector<int64_t> present);
  awaitable<void> append_dead(std::string of, std::vector<DeadRow> dead, EpochSpan epoch, std::vector<int64_t> present);

 private:
  struct Encoded;
  AppendResult result_of(const StreamInfo& stream, size_t rows, const std::vector<Appended>& appended) const;
  Encoded encode(StreamInfoPtr stream, const Batch& rows, const AppendOptions& options,
                 const EpochSpan* epoch = nullptr, std::span<const int64_t> present = {}) const;
  // In the pool if it takes long.
  awaitable<Encoded> encode_rows(StreamInfoPtr stream, Batch rows, AppendOptions options);
  // Dead rows are of the same request: a repeat of it does not add them again.
  awaitable<AppendResult> append_rows(StreamInfoPtr stream, Batch rows, std::vector<DeadRow> dead,
                                      AppendOptions options);

  Runtime& runtime_;
  const Clock& clock_;
  Log& log_;
  Catalog& catalog_;
  const AppendLimits limits_;
};

}  // namespace headrace
