// Kafka's record batch, version 2 (KIP-98; the layout is in Kafka's DefaultRecordBatch.java documentation and in
// docs/formats.md). What producers send is what lies on disk and what consumers get, byte for byte; the broker fills in
// the base offset and the leader epoch, which the CRC does not cover.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "log/batch_layout.h"
#include "log/compression.h"
#include "log/log.h"

namespace headrace {

struct RecordHeader {
  std::string_view key;
  std::optional<std::string_view> value;
};

struct Record {
  Offset offset;
  int64_t timestamp_ms = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<RecordHeader> headers;
};

inline constexpr size_t kBatchHeaderBytes = 61;
inline constexpr int64_t kNoProducer = -1;

// The fixed fields of a batch.
struct BatchHeader {
  Offset base;
  int32_t length = 0;  // bytes after the length field itself
  int32_t leader_epoch = 0;
  uint32_t crc = 0;
  Compression compression = Compression::kNone;
  bool transactional = false;
  bool control = false;
  bool log_append_time = false;
  int32_t last_offset_delta = 0;
  int64_t base_timestamp_ms = 0;
  int64_t max_timestamp_ms = 0;
  int64_t producer_id = kNoProducer;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  int32_t records = 0;

  Offset end() const { return base + (last_offset_delta + 1); }
  size_t bytes() const { return batch_layout::kLengthEnd + static_cast<size_t>(length); }
};

// The header at the front of `bytes`, checked for sense but not its CRC. Throws Error(kCorrupt).
BatchHeader read_batch_header(std::string_view bytes);
// Whether `batch` has the length that it says, but its bytes have not the CRC32C that it says.
bool is_damaged(std::string_view batch);
// Header, length and CRC32C of the one whole batch at the front of `bytes`. Throws Error(kCorrupt).
BatchHeader verify_batch(std::string_view bytes);
// The CRC32C of what has the CRC32C `before`, followed by a batch that verify_batch() has seen. `batch` may have got
// another offset and leader epoch since then, which its own CRC does not cover; of a large batch, only what stands
// before the covered part is read.
uint32_t crc_with_batch(uint32_t before, std::string_view batch, const BatchHeader& header);

// Calls `f` for each record of a verified batch, in order; stops when it returns false. Views in the Record are into
// `batch`, or into `scratch` when it is compressed: keep that as long as the views are used. Throws Error(kCorrupt);
// decompression is bounded by kBatchBytesMax. A compacted partition has batches without records.
void for_each_record(std::string_view batch, std::string& scratch, const std::function<bool(const Record&)>& f);

// The same for hot loops: no header list, no std::function.
class RecordReader {
 public:
  // Decompresses into `scratch` if needed.
  RecordReader(std::string_view batch, std::string& scratch);
  const BatchHeader& header() const { return header_; }
  // The next record, without its headers, or false at the end.
  bool next(Record& record);
  // The bytes of the record that next() returned, as they stand in the (decompressed) batch.
  std::string_view encoded() const { return encoded_; }

 private:
  BatchHeader header_;
  std::string_view encoded_;
  std::string_view rest_;
  int32_t left_ = 0;
};

// Builds one batch.
class RecordBatchBuilder {
 public:
  explicit RecordBatchBuilder(Compression compression = Compression::kNone);
  void set_producer(int64_t id, int16_t epoch, int32_t base_sequence);
  // Timestamps need not be in order.
  void append(int64_t timestamp_ms, std::optional<std::string_view> key, std::optional<std::string_view> value,
              std::span<const RecordHeader> headers = {});
  size_t bytes() const { return out_.size(); }  // so far, before compression
  int32_t records() const { return records_; }
  // The encoded batch, with base offset 0 and its CRC. The builder is empty afterwards.
  std::string finish();

 private:
  Compression compression_;
  std::string out_;  // header space, then records
  int64_t producer_id_ = kNoProducer;
  int16_t producer_epoch_ = -1;
  int32_t base_sequence_ = -1;
  int64_t base_timestamp_ms_ = 0;
  int64_t max_timestamp_ms_ = 0;
  int32_t records_ = 0;
};

// For compaction. `batch` with only those of its records that `records` holds, encoded as they were.
std::string with_records(std::string_view batch, const BatchHeader& header, std::string_view records, int32_t count);
// A batch without records in the place of the offsets [base, end), as Kafka's compaction leaves them.
std::string empty_batch(Offset base, Offset end);

// The partition of a key: Kafka's default partitioner (murmur2 over the key's bytes, seed 0x9747b28c, positive,
// modulo).
PartitionId partition_of(std::string_view key, PartitionId partitions);

}  // namespace headrace
