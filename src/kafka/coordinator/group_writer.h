// Writes the records of a shard's groups to `_groups`. While one append is on its way to the disk, what comes in waits
// and shares the next one, so that a thousand commits cost a few fsyncs. The records of a group become durable in the
// order in which they were written, and their callers hear of it in that order.
//
// Belongs to its shard.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kafka/error_code.h"
#include "log/log.h"
#include "runtime/signal.h"

namespace headrace {

class GroupWriter {
 public:
  struct Record {
    std::string key;
    std::optional<std::string> value;  // nullopt: remove
  };
  using Done = std::move_only_function<void(ErrorCode)>;

  GroupWriter(Shard& shard, const Clock& clock, Log& log, size_t bytes_max)
      : shard_(shard), clock_(clock), log_(log), bytes_max_(bytes_max), written_(shard) {}

  // What it takes in memory while it waits.
  static size_t bytes_of(const Record& record);
  // Whether so many bytes more may wait: always when nothing does, because a record may be larger than the limit.
  bool has_room(size_t bytes) const {
    return queued_bytes_ == 0 || (bytes <= bytes_max_ && queued_bytes_ <= bytes_max_ - bytes);
  }
  // Calls `done` later, when all records are durable (kNone), or are not known to be. They lie in one batch if they
  // fit.
  void write(PartitionId partition, std::vector<Record> records, Done done);
  // Waits until all that has been written so far is done with.
  awaitable<void> flush();

 private:
  struct Item {
    PartitionId partition;
    Record record;
    std::optional<Done> done;  // with the last record of a write
    bool first;                // of its write
  };

  static awaitable<void> run(GroupWriter* self);
  awaitable<void> write_some();

  Shard& shard_;
  const Clock& clock_;
  Log& log_;
  const size_t bytes_max_;
  std::deque<Item> queue_;
  size_t queued_bytes_ = 0;
  bool running_ = false;
  ErrorCode failed_ = ErrorCode::kNone;  // a part of the write whose records are being appended
  uint64_t accepted_ = 0;                // records
  uint64_t finished_ = 0;
  Signal written_;
};

// The answer to a client whose records could not be written. All but TOO_LARGE make it try again.
ErrorCode group_error_of(const Error& error);

}  // namespace headrace
