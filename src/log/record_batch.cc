#include "log/record_batch.h"

#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "fmt/format.h"

namespace headrace {
namespace {

using namespace batch_layout;

constexpr size_t kJoinedBytesMin = size_t{16} << 10;  // from here on joining CRCs is faster than reading the bytes
constexpr size_t kFirstBytes = 512;                   // of a builder, before it doubles

[[noreturn]] void corrupt(std::string message) {
  throw Error(Code::kCorrupt, std::move(message));
}

// The fields of one record; `reader` stands after its length and sees nothing beyond it.
void read_fields(Reader& reader, const BatchHeader& header, Record& record) {
  reader.byte();  // attributes: none are defined
  const int64_t timestamp_delta = reader.varint();
  const int64_t offset_delta = reader.varint();
  if (offset_delta < 0 || offset_delta > header.last_offset_delta) {
    reader.fail("a record's offset is outside its batch");
  }
  record.offset = header.base + offset_delta;
  // A sum that overflows is a stranger's nonsense, but must not be undefined.
  record.timestamp_ms = header.log_append_time ? header.max_timestamp_ms
                                               : static_cast<int64_t>(static_cast<uint64_t>(header.base_timestamp_ms) +
                                                                      static_cast<uint64_t>(timestamp_delta));
  const auto nullable = [&reader]() -> std::optional<std::string_view> {
    const int64_t size = reader.varint();
    if (size == -1) return std::nullopt;
    if (size < 0 || static_cast<uint64_t>(size) > reader.remaining()) {
      reader.fail("a key or value exceeds its record");
    }
    return reader.bytes(static_cast<size_t>(size));
  };
  record.key = nullable();
  record.value = nullable();
}

void read_headers(Reader& reader, Record& record) {
  const int64_t count = reader.varint();
  // Each takes at least two bytes, so the count is bounded by what remains before anything is allocated.
  if (count < 0 || static_cast<uint64_t>(count) > reader.remaining() / 2) {
    reader.fail("the number of headers exceeds the record");
  }
  record.headers.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    RecordHeader header;
    header.key = reader.bytes(reader.length());
    const int64_t size = reader.varint();
    if (size != -1) {
      if (size < 0 || static_cast<uint64_t>(size) > reader.remaining()) reader.fail("a header exceeds its record");
      header.value = reader.bytes(static_cast<size_t>(size));
    }
    record.headers.push_back(header);
  }
  if (!reader.empty()) reader.fail("a record has bytes after its headers");
}

// The bytes of the records, decompressed into `scratch` if needed.
std::string_view records_of(std::string_view batch, const BatchHeader& header, std::string& scratch) {
  if (batch.size() < header.bytes()) corrupt("a batch ends too early");
  const std::string_view records = batch.substr(kBatchHeaderBytes, header.bytes() - kBatchHeaderBytes);
  if (header.compression == Compression::kNone || header.records == 0) return records;
  try {
    decompress(header.compression, records, kBatchBytesMax, scratch);
  } catch (const Error& error) {
    corrupt(fmt::format("the batch at offset {}: {}", header.base.value, error.message()));
  }
  return scratch;
}

size_t nullable_size(const std::optional<std::string_view>& value) {
  return value ? varint_size(static_cast<int64_t>(value->size())) + value->size() : 1;
}

char* put_bytes(char* to, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

char* put_nullable(char* to, const std::optional<std::string_view>& value) {
  if (!value) return put_varint(to, -1);
  return put_bytes(put_varint(to, static_cast<int64_t>(value->size())), *value);
}

}  // namespace

BatchHeader read_batch_header(std::string_view bytes) {
  if (bytes.size() < kBatchHeaderBytes) corrupt("a batch header ends too early");
  const char* at = bytes.data();
  if (at[kMagicAt] != kMagic) {
    corrupt(fmt::format("a batch has magic {} instead of {}", static_cast<int>(at[kMagicAt]), kMagic));
  }
  BatchHeader header;
  header.base = {load_big_endian<int64_t>(at + kBaseOffsetAt)};
  header.length = load_big_endian<int32_t>(at + kLengthAt);
  header.leader_epoch = load_big_endian<int32_t>(at + kLeaderEpochAt);
  header.crc = load_big_endian<uint32_t>(at + kCrcAt);
  const auto attributes = load_big_endian<int16_t>(at + kAttributesAt);
  header.last_offset_delta = load_big_endian<int32_t>(at + kLastOffsetDeltaAt);
  header.base_timestamp_ms = load_big_endian<int64_t>(at + kBaseTimestampAt);
  header.max_timestamp_ms = load_big_endian<int64_t>(at + kMaxTimestampAt);
  header.producer_id = load_big_endian<int64_t>(at + kProducerIdAt);
  header.producer_epoch = load_big_endian<int16_t>(at + kProducerEpochAt);
  header.base_sequence = load_big_endian<int32_t>(at + kBaseSequenceAt);
  header.records = load_big_endian<int32_t>(at + kRecordsAt);
  header.log_append_time = (attributes & kLogAppendTimeBit) != 0;
  header.transactional = (attributes & kTransactionalBit) != 0;
  header.control = (attributes & kControlBit) != 0;

  if (header.length < static_cast<int32_t>(kBatchHeaderBytes - kLengthEnd) || header.bytes() > kBatchBytesMax) {
    corrupt(fmt::format("a batch has the impossible length {}", header.length));
  }
  const int compression = attributes & kCompressionMask;
  if (compression > static_cast<int>(Compression::kZstd)) {
    corrupt(fmt::format("a batch has the unknown compression {}", compression));
  }
  header.compression = static_cast<Compression>(compression);
  if (header.base.value < 0 || header.base.value > INT64_MAX - INT32_MAX - 1) {
    corrupt(fmt::format("a batch has the impossible base offset {}", header.base.value));
  }
  if (header.last_offset_delta < 0 || header.records < 0 || header.records - 1 > header.last_offset_delta) {
    corrupt(fmt::format("a batch says that it has {} records in {} offsets", header.records,
                        static_cast<int64_t>(header.last_offset_delta) + 1));
  }
  return header;
}

bool is_damaged(std::string_view batch) {
  if (batch.size() < kBatchHeaderBytes) return false;
  const int64_t length = load_big_endian<int32_t>(batch.data() + kLengthAt);
  if (length + static_cast<int64_t>(kLengthEnd) != static_cast<int64_t>(batch.size())) return false;
  return crc32c(batch.substr(kAttributesAt)) != load_big_endian<uint32_t>(batch.data() + kCrcAt);
}

BatchHeader verify_batch(std::string_view bytes) {
  const BatchHeader header = read_batch_header(bytes);
  if (bytes.size() < header.bytes()) {
    corrupt(fmt::format("a batch of {} bytes ends after {}", header.bytes(), bytes.size()));
  }
  const uint32_t crc = crc32c(bytes.substr(kAttributesAt, header.bytes() - kAttributesAt));
  if (crc != header.crc) {
    corrupt(fmt::format("a batch has the CRC {:08x}, and its bytes have {:08x}", header.crc, crc));
  }
  return header;
}

uint32_t crc_with_batch(uint32_t before, std::string_view batch, const BatchHeader& header) {
  if (batch.size() < kJoinedBytesMin) return crc32c(batch, before);
  return crc32c_joined(crc32c(batch.substr(0, kAttributesAt), before), header.crc, batch.size() - kAttributesAt);
}

RecordReader::RecordReader(std::string_view batch, std::string& scratch)
    : header_(read_batch_header(batch)), rest_(records_of(batch, header_, scratch)), left_(header_.records) {}

bool RecordReader::next(Record& record) {
  if (!record.headers.empty()) record.headers.clear();
  if (left_ == 0) {
    if (!rest_.empty()) corrupt("a batch has bytes after its last record");
    return false;
  }
  Reader reader(rest_);
  Reader body(reader.bytes(reader.length()));
  encoded_ = rest_.substr(0, reader.position());
  rest_.remove_prefix(reader.position());
  --left_;
  read_fields(body, header_, record);
  return true;
}

void for_each_record(std::string_view batch, std::string& scratch, const std::function<bool(const Record&)>& f) {
  const BatchHeader header = read_batch_header(batch);
  Reader reader(records_of(batch, header, scratch));
  Record record;
  for (int32_t i = 0; i < header.records; ++i) {
    Reader body(reader.bytes(reader.length()));
    record.headers.clear();
    read_fields(body, header, record);
    read_headers(body, record);
    if (!f(record)) return;
  }
  if (!reader.empty()) corrupt("a batch has bytes after its last record");
}

RecordBatchBuilder::RecordBatchBuilder(Compression compression) : compression_(compression) {
  out_.resize(kBatchHeaderBytes);
}

void RecordBatchBuilder::set_producer(int64_t id, int16_t epoch, int32_t base_sequence) {
  producer_id_ = id;
  producer_epoch_ = epoch;
  base_sequence_ = base_sequence;
}

void RecordBatchBuilder::append(int64_t timestamp_ms, std::optional<std::string_view> key,
                                std::optional<std::string_view> value, std::span<const RecordHeader> headers) {
  if (records_ == 0) {
    base_timestamp_ms_ = timestamp_ms;
    max_timestamp_ms_ = timestamp_ms;
  }
  max_timestamp_ms_ = std::max(max_timestamp_ms_, timestamp_ms);
  const auto timestamp_delta =
      static_cast<int64_t>(static_cast<uint64_t>(timestamp_ms) - static_cast<uint64_t>(base_timestamp_ms_));

  size_t size = 1 + varint_size(timestamp_delta) + varint_size(records_) + nullable_size(key) + nullable_size(value) +
                varint_size(static_cast<int64_t>(headers.size()));
  for (const RecordHeader& header : headers) {
    size += varint_size(static_cast<int64_t>(header.key.size())) + header.key.size() + nullable_size(header.value);
  }

  const size_t before = out_.size();
  const size_t room = before + kVarintBytesMax + size;
  if (room > out_.capacity()) out_.reserve(std::max({room, out_.capacity() * 2, kFirstBytes}));
  out_.resize_and_overwrite(room, [&](char* begin, size_t) {
    char* at = put_varint(begin + before, static_cast<int64_t>(size));
    *at++ = 0;
    at = put_varint(at, timestamp_delta);
    at = put_varint(at, records_);
    at = put_nullable(at, key);
    at = put_nullable(at, value);
    at = put_varint(at, static_cast<int64_t>(headers.size()));
    for (const RecordHeader& header : headers) {
      at = put_bytes(put_varint(at, static_cast<int64_t>(header.key.size())), header.key);
      at = put_nullable(at, header.value);
    }
    return static_cast<size_t>(at - begin);
  });
  ++records_;
}

std::string with_records(std::string_view batch, const BatchHeader& header, std::string_view records, int32_t count) {
  std::string result(batch.substr(0, kBatchHeaderBytes));
  if (count > 0) {
    compress(header.compression, records, result);
  } else {
    const auto attributes = load_big_endian<int16_t>(result.data() + kAttributesAt);
    store_big_endian(result.data() + kAttributesAt, static_cast<int16_t>(attributes & ~kCompressionMask));
  }
  store_big_endian(result.data() + kLengthAt, static_cast<int32_t>(result.size() - kLengthEnd));
  store_big_endian(result.data() + kRecordsAt, count);
  store_big_endian(result.data() + kCrcAt, crc32c(std::string_view(result).substr(kAttributesAt)));
  return result;
}

std::string empty_batch(Offset base, Offset end) {
  RecordBatchBuilder builder;
  std::string batch = builder.finish();
  store_big_endian(batch.data() + kBaseOffsetAt, base.value);
  store_big_endian(batch.data() + kLastOffsetDeltaAt, static_cast<int32_t>(end - base - 1));
  store_big_endian<int64_t>(batch.data() + kBaseTimestampAt, -1);
  store_big_endian<int64_t>(batch.data() + kMaxTimestampAt, -1);
  store_big_endian(batch.data() + kCrcAt, crc32c(std::string_view(batch).substr(kAttributesAt)));
  return batch;
}

std::string RecordBatchBuilder::finish() {
  std::string batch;
  if (compression_ == Compression::kNone) {
    batch = std::move(out_);
  } else {
    batch.resize(kBatchHeaderBytes);
    compress(compression_, std::string_view(out_).substr(kBatchHeaderBytes), batch);
  }
  const int32_t records = records_;
  const size_t uncompressed = compression_ == Compression::kNone ? batch.size() : out_.size();
  out_.clear();
  out_.resize(kBatchHeaderBytes);
  records_ = 0;
  if (uncompressed > kBatchBytesMax || batch.size() > kBatchBytesMax) {
    throw Error(Code::kTooLarge, fmt::format("a batch of {} bytes exceeds the limit of {}; put fewer records in it",
                                             uncompressed, kBatchBytesMax));
  }

  char* at = batch.data();
  store_big_endian<int64_t>(at + kBaseOffsetAt, 0);
  store_big_endian(at + kLengthAt, static_cast<int32_t>(batch.size() - kLengthEnd));
  store_big_endian<int32_t>(at + kLeaderEpochAt, 0);
  at[kMagicAt] = kMagic;
  store_big_endian(at + kAttributesAt, static_cast<int16_t>(compression_));
  store_big_endian(at + kLastOffsetDeltaAt, std::max(records - 1, 0));
  store_big_endian(at + kBaseTimestampAt, records == 0 ? 0 : base_timestamp_ms_);
  store_big_endian(at + kMaxTimestampAt, records == 0 ? 0 : max_timestamp_ms_);
  store_big_endian(at + kProducerIdAt, producer_id_);
  store_big_endian(at + kProducerEpochAt, producer_epoch_);
  store_big_endian(at + kBaseSequenceAt, base_sequence_);
  store_big_endian(at + kRecordsAt, records);
  store_big_endian(at + kCrcAt, crc32c(std::string_view(batch).substr(kAttributesAt)));
  return batch;
}

}  // namespace headrace
