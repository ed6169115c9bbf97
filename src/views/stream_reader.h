// Reads a stream for the flows that stand on it: fetches batches from the log, decodes them into columns, drops rows
// whose id was seen before. Flows at the same place share the work: decoded batches are kept for a while, and a batch
// that is being made is waited for.
//
// Repeated ids. Of the rows with one id the first on the log counts, so that what a view holds does not depend on when
// it was built. The reader keeps every id in a table of the store, and the offsets of the repeats (which are few) in
// another, together with how far it has looked: both are written before a flow sees the rows. Because the store keeps
// commits in order, after a crash a flow is never ahead of the ids it depends on.
//
// Belongs to one shard, on which all calls are made.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "flow/flow.h"
#include "runtime/signal.h"
#include "runtime/timers.h"
#include "store/store.h"
#include "views/catalog.h"

namespace headrace {

struct StreamReaderOptions {
  size_t fetch_bytes = 1024 * 1024;           // of log bytes per batch
  size_t cached_bytes_max = 8 * 1024 * 1024;  // of log bytes whose decoded rows are kept, per partition
  size_t cached_batches_max = 512;
};

class StreamReader : public std::enable_shared_from_this<StreamReader> {
 public:
  StreamReader(Runtime& runtime, Shard& shard, Timers& timers, Log& log, Store& store, StreamInfoPtr stream,
               StreamReaderOptions options = {});
  ~StreamReader();

  // Finds the partitions' bounds and starts to watch them.
  awaitable<void> start();
  awaitable<void> stop();
  // The stream has more columns now.
  void update(StreamInfoPtr stream);

  Shard& shard() { return shard_; }
  const StreamInfo& stream() const { return *stream_; }
  size_t partitions() const { return partitions_.size(); }
  // As last seen.
  Bounds bounds(size_t partition) const { return partitions_[partition].bounds; }
  std::vector<Offset> ends() const;

  // The rows from `from` on, up to but without `to`, about fetch_bytes of them; nullptr if there are none. A position
  // that retention has removed moves on to the first record that is left.
  awaitable<SourceBatchPtr> read(PartitionId partition, Offset from, Offset to = kOffsetMax);
  // Notified when an end has moved, and by stop().
  Signal& news() { return news_; }
  bool stopping() const { return stopping_; }

 private:
  struct Cached {
    SourceBatchPtr batch;
    size_t bytes;
  };
  struct Partition {
    Bounds bounds;
    Offset deduplicated;              // ids of all rows before it are in the table
    std::map<Offset, Cached> cached;  // by first offset
    std::deque<Offset> cached_order;  // oldest first
    size_t cached_bytes = 0;
    bool making = false;  // a batch is being fetched and decoded
  };

  // Goes on for up to kWatchInterval after stop(), which does not wait for it.
  static awaitable<void> watch(std::shared_ptr<StreamReader> self, PartitionId id);
  // nullptr as well when retention has removed `from` just now; the partition's bounds then say so.
  awaitable<SourceBatchPtr> make(PartitionId partition, Offset from, Offset to);
  void cache(Partition& partition, SourceBatchPtr batch, size_t bytes);
  SourceBatchPtr decode(const StreamInfoPtr& stream, PartitionId partition, Offset from, Offset to, Offset deduplicated,
                        const Fetched& fetched);
  void drop_repeats(const StreamInfo& stream, SourceBatch& batch, std::vector<Offset>& offsets, Offset deduplicated);

  Runtime& runtime_;
  Shard& shard_;
  Timers& timers_;
  Log& log_;
  Store& store_;
  StreamInfoPtr stream_;
  const StreamReaderOptions options_;
  std::vector<Partition> partitions_;
  Signal news_;
  Signal made_;
  Gate gate_;
  bool stopping_ = false;
};

// The batch with the columns that a query over the stream was planned with: the stream may have got more since, which
// come after them. Error(kUnavailable) if it has fewer, because the reader hears of new ones a moment after the
// catalogue.
SourceBatchPtr with_columns(const SourceBatchPtr& batch, const RowTypePtr& type);

}  // namespace headrace
