// The log: topics of partitions of Kafka v2 record batches. This is the interface that everything above is written
// against; engines are the embedded segments (embedded_log.h) and, later, Apache Kafka.
//
// All calls may be made from any shard; they cross to the partition's own and come back.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "log/batch_bytes.h"
#include "runtime/files.h"
#include "runtime/shard.h"

namespace headrace {

// The position of a record in its partition, from 0.
struct Offset {
  int64_t value = 0;

  auto operator<=>(const Offset&) const = default;
  Offset operator+(int64_t records) const { return {value + records}; }
  int64_t operator-(Offset other) const { return value - other.value; }
};
inline constexpr Offset kOffsetMax{INT64_MAX};

using PartitionId = int32_t;

struct TopicConfig {
  PartitionId partitions = 1;
  int64_t retention_ms = -1;     // -1: for ever
  int64_t retention_bytes = -1;  // per partition; -1: no limit
  uint64_t segment_bytes = 64 * 1024 * 1024;
  bool compact = false;  // keep the last record of each key (and tombstones for delete_retention_ms)
  int64_t delete_retention_ms = 24 * 3600 * 1000;

  bool operator==(const TopicConfig&) const = default;
};

// A topic's incarnation: one that is made again after it was removed has another.
struct TopicId {
  uint64_t high = 0;
  uint64_t low = 0;

  auto operator<=>(const TopicId&) const = default;
};

struct TopicInfo {
  std::string name;
  TopicId id;
  TopicConfig config;
};

class TopicTable;

inline constexpr PartitionId kPartitionsMax = 10'000;       // of one topic
inline constexpr size_t kBatchBytesMax = 16 * 1024 * 1024;  // of one record batch

// One encoded v2 batch (record_batch.h) for one partition. Its base offset is filled in by the partition.
struct PartitionBatch {
  PartitionId partition = 0;
  BatchBytes bytes;
  bool gapless = false;  // the producer's sequences count records and leave none out, as Kafka's do
};

enum class Durability : uint8_t {
  kSynced,   // acknowledged after fsync
  kRelaxed,  // acknowledged after the write to the page cache; a power cut may lose it
};

struct Appended {
  PartitionId partition = 0;
  Offset base;             // of the batch's first record
  Offset end;              // after its last
  bool duplicate = false;  // was there already: that batch's `base` and `end`; unknown: -1, the producer's last end
};

// The part of a partition that can be read.
struct Bounds {
  Offset start;  // the oldest record kept
  Offset end;    // after the newest durable one
};

struct Fetched {
  std::shared_ptr<const void> owner;  // keeps `bytes` alive
  std::string_view bytes;             // whole batches in order; the first may begin before the offset asked for
  Bounds bounds;
};

// Where batches stand, for those who pass them on as they are: in memory, or in a file that has a descriptor. The last
// batch of a file's range may be cut off, and readers of the Kafka protocol pass over it.
struct Located {
  std::shared_ptr<const void> owner;  // keeps either from changing
  std::string_view bytes;
  FileRange range;
  Bounds bounds;

  size_t size() const { return bytes.size() + range.size; }
};

struct LogPosition {
  std::string topic;
  PartitionId partition = 0;
  Offset offset;
};

class Log {
 public:
  virtual ~Log() = default;

  // Durable on return. Error(kConflict) if it exists, Error(kInvalid) for a bad name or configuration.
  virtual awaitable<void> create(std::string topic, TopicConfig config) = 0;
  // Error(kRefused) for fewer partitions. More partitions start empty.
  virtual awaitable<void> alter(std::string topic, TopicConfig config) = 0;
  virtual awaitable<void> remove(std::string topic) = 0;
  virtual awaitable<std::optional<TopicConfig>> find(std::string topic) = 0;
  virtual awaitable<std::vector<std::string>> topics() = 0;
  virtual std::optional<TopicId> id_of(const std::string& topic) = 0;
  // All topics, with their ids (topic_table.h), as the calling shard knows them: the same object until one of them is
  // made, altered or removed, so that comparing pointers tells whether something has changed. Made on the first call
  // after a change.
  virtual std::shared_ptr<const TopicTable> topic_table() = 0;

  // Appends each batch to its partition, in call order per partition, and returns when all are durable. A batch whose
  // producer id is not -1 is appended only if its base sequence is greater than the last batch's of that producer in
  // the partition; otherwise it is a duplicate, and the call returns once the original is durable. Throws
  // Error(kCorrupt) for a batch whose CRC is wrong, Error(kInvalid) for a malformed one, Error(kConflict) if a newer
  // epoch of the producer has appended, Error(kRefused) if the batch is gapless and does not follow the producer's last
  // one, Error(kBusy) when the partition's queue is full, Error(kIo) or Error(kOutOfSpace) when it is not known to be
  // durable; it may still turn out to be.
  virtual awaitable<std::vector<Appended>> append(std::string topic, std::vector<PartitionBatch> batches,
                                                  Durability durability = Durability::kSynced) = 0;

  // Durable batches from the one that contains `from`, up to about `bytes_max` (at least one batch if there is one).
  // Error(kNotFound) with the bounds in its message when `from` is outside [start, end].
  virtual awaitable<Fetched> read(std::string topic, PartitionId partition, Offset from, size_t bytes_max) = 0;
  // As read(), without looking at the batches: whoever gets them checks them.
  virtual awaitable<Located> locate(std::string topic, PartitionId partition, Offset from, size_t bytes_max) = 0;
  virtual awaitable<Bounds> bounds(std::string topic, PartitionId partition) = 0;
  // The bytes of the record batches that are kept. Error(kCorrupt) if a segment is damaged.
  virtual awaitable<uint64_t> stored_bytes(std::string topic, PartitionId partition) = 0;
  // Returns when the durable end is beyond `offset`, or at `deadline` at the latest.
  virtual awaitable<Bounds> wait_beyond(std::string topic, PartitionId partition, Offset offset,
                                        SteadyTime deadline) = 0;
  // Returns when the durable end of one of the partitions is beyond its offset, or one is not there (any more), or at
  // `deadline` at the latest.
  virtual awaitable<void> wait_any(std::vector<LogPosition> positions, SteadyTime deadline) = 0;
  // The first offset whose record's timestamp is >= `timestamp_ms`.
  virtual awaitable<std::optional<Offset>> offset_at(std::string topic, PartitionId partition,
                                                     int64_t timestamp_ms) = 0;

  // The base sequence of the last batch that was appended for `producer_id` in the partition, or -1.
  virtual awaitable<int32_t> last_sequence(std::string topic, PartitionId partition, int64_t producer_id) = 0;

  // Deletes the records before `offset`: they cannot be read any more, and retention frees their space. Durable on
  // return; the new start. Error(kInvalid) beyond the durable end, Error(kRefused) for a compacted topic, or beyond the
  // retention floor, which is waited for until `deadline`.
  virtual awaitable<Offset> delete_before(std::string topic, PartitionId partition, Offset offset,
                                          SteadyTime deadline = SteadyTime::min()) = 0;
  // Retention removes nothing at or beyond the floor, because someone may still have to replay it. Until the first call
  // a partition's floor is its start.
  virtual awaitable<void> set_retention_floor(std::string topic, PartitionId partition, Offset floor) = 0;
};

}  // namespace headrace
