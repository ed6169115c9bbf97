// From rows to the log: parse, check, encode as the stream's schema says, split by key over the partitions, append.
// All rows of a call are checked before the first is appended.
#pragma once

#include <optional>
#include <string>

#include "flow/frontier.h"
#include "schema/row_parser.h"
#include "views/catalog.h"

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
  size_t rows_max = 1'000'000;          // of one request
  size_t row_bytes_max = 1024 * 1024;   // of one row as sent
  size_t inline_bytes_max = 16 * 1024;  // bodies beyond this are parsed in the pool
};

class Appender {
 public:
  Appender(Runtime& runtime, const Clock& clock, Log& log, Catalog& catalog, AppendLimits limits = {});

  // Durable on return (unless relaxed). Error(kInvalid) with row and column for a bad row, and then nothing was
  // appended. Callable on any shard.
  awaitable<AppendResult> append(std::string stream, RowFormat format, std::string body, AppendOptions options);
  // The same for rows that are checked already.
  awaitable<AppendResult> append(std::string stream, Batch rows, AppendOptions options);
  // Tombstones: removes the rows of a table by key.
  awaitable<AppendResult> remove(std::string table, Batch keys);
  // The last sequence of a named producer that all partitions of the stream have seen, or -1.
  awaitable<int32_t> last_sequence(std::string stream, std::string producer);

  uint64_t rows_appended(std::string_view stream) const;  // since start, for metrics

 private:
  Runtime& runtime_;
  const Clock& clock_;
  Log& log_;
  Catalog& catalog_;
  AppendLimits limits_;
};

}  // namespace headrace
