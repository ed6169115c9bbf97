#include "kafka/wire.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "fmt/format.h"

namespace headrace::kafka {

void KafkaReader::fail(std::string_view what) const {
  throw Error(Code::kInvalid, fmt::format("byte {} of a Kafka message: {}", position(), what),
              Where{.position = static_cast<int64_t>(position())});
}

void KafkaReader::fail_short(size_t size) const {
  fail(fmt::format("{} bytes are needed and {} remain", size, remaining()));
}

void KafkaReader::fail_null(std::string_view type) const {
  fail(fmt::format("null stands for a {} that must have a value", type));
}

double KafkaReader::float64() {
  return std::bit_cast<double>(int64());
}

Uuid KafkaReader::uuid() {
  Uuid result;
  std::ranges::copy(take(result.bytes.size()), result.bytes.begin());
  return result;
}

template <typename T>
T KafkaReader::unsigned_number() {
  constexpr int kBits = std::numeric_limits<T>::digits;
  T value = 0;
  for (int shift = 0; shift < kBits; shift += 7) {
    const auto next = static_cast<uint8_t>(int8());
    const int room = kBits - shift;
    if (room < 7 && (next >> room) != 0) break;
    value |= static_cast<T>(next & 0x7f) << shift;
    if (next < 0x80) return value;
  }
  fail(fmt::format("a varint has more than {} bits", kBits));
}

uint32_t KafkaReader::unsigned_varint() {
  return unsigned_number<uint32_t>();
}
uint64_t KafkaReader::unsigned_varlong() {
  return unsigned_number<uint64_t>();
}
int32_t KafkaReader::varint() {
  return static_cast<int32_t>(unzigzag(unsigned_varint()));
}
int64_t KafkaReader::varlong() {
  return unzigzag(unsigned_varlong());
}

std::optional<size_t> KafkaReader::string_length() {
  if (flexible_) {
    const std::optional<size_t> length = long_length();
    if (length && *length > kStringBytesMax) fail(fmt::format("a string has {} bytes", *length));
    return length;
  }
  const int16_t length = int16();
  if (length < -1) fail(fmt::format("a string has the length {}", length));
  if (length < 0) return std::nullopt;
  return static_cast<size_t>(length);
}

std::optional<size_t> KafkaReader::long_length() {
  if (flexible_) {
    const uint32_t length = unsigned_varint();
    if (length == 0) return std::nullopt;
    return length - 1;
  }
  const int32_t length = int32();
  if (length < -1) fail(fmt::format("a length is {}", length));
  if (length < 0) return std::nullopt;
  return static_cast<size_t>(length);
}

std::string_view KafkaReader::string() {
  const std::optional<size_t> length = string_length();
  if (!length) fail_null("string");
  return take(*length);
}

std::optional<std::string_view> KafkaReader::nullable_string(bool allowed) {
  const std::optional<size_t> length = string_length();
  if (length) return take(*length);
  if (!allowed) fail_null("string");
  return std::nullopt;
}

std::string_view KafkaReader::bytes() {
  const std::optional<size_t> length = long_length();
  if (!length) fail_null("byte string");
  return take(*length);
}

std::optional<std::string_view> KafkaReader::nullable_bytes(bool allowed) {
  const std::optional<size_t> length = long_length();
  if (length) return take(*length);
  if (!allowed) fail_null("byte string");
  return std::nullopt;
}

std::optional<size_t> KafkaReader::nullable_count(size_t least, size_t least_flexible, bool allowed) {
  const std::optional<size_t> count = long_length();
  if (!count) {
    if (!allowed) fail_null("list");
    return std::nullopt;
  }
  if (*count > remaining() / (flexible_ ? least_flexible : least)) {
    fail(fmt::format("a list of {} elements cannot be in the {} bytes that remain", *count, remaining()));
  }
  if (*count > elements_left_) {
    throw Error(Code::kTooLarge,
                fmt::format("byte {} of a Kafka message: too many list elements; ask for less at once", position()),
                Where{.position = static_cast<int64_t>(position())});
  }
  elements_left_ -= *count;
  return count;
}

size_t KafkaReader::count(size_t least, size_t least_flexible) {
  return *nullable_count(least, least_flexible, false);
}

uint32_t KafkaReader::tag_count() {
  const uint32_t count = unsigned_varint();
  if (count > remaining() / 2) fail(fmt::format("{} tagged fields cannot be in the bytes that remain", count));
  return count;
}

uint32_t KafkaReader::next_tag(int64_t& last) {
  const uint32_t tag = unsigned_varint();
  if (tag <= last) fail("tagged fields are not in ascending order");
  last = tag;
  return tag;
}

size_t KafkaReader::tag_size() {
  const uint32_t size = unsigned_varint();
  if (size > remaining()) fail_short(size);
  return size;
}

void check_version(std::string_view name, int16_t version, int16_t min, int16_t max) {
  if (version >= min && version <= max) return;
  throw Error(Code::kUnsupported,
              fmt::format("version {} of Kafka's {} is not served; use {} to {}", version, name, min, max));
}

void KafkaWriter::unsigned_varlong(uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
}

void KafkaWriter::string_length(size_t size) {
  if (size > kStringBytesMax) {
    throw Error(Code::kTooLarge,
                fmt::format("a string of {} bytes exceeds the {} of Kafka's protocol", size, kStringBytesMax));
  }
  if (flexible_) {
    unsigned_varint(static_cast<uint32_t>(size + 1));
  } else {
    int16(static_cast<int16_t>(size));
  }
}

void KafkaWriter::long_length(size_t size) {
  if (size > std::numeric_limits<int32_t>::max()) {
    throw Error(Code::kTooLarge, fmt::format("the length {} exceeds what Kafka's protocol can say", size));
  }
  if (flexible_) {
    unsigned_varint(static_cast<uint32_t>(size + 1));
  } else {
    int32(static_cast<int32_t>(size));
  }
}

void KafkaWriter::null_count(bool allowed) {
  if (!allowed) return long_length(0);
  if (flexible_) {
    unsigned_varint(0);
  } else {
    int32(-1);
  }
}

void KafkaWriter::string(std::string_view value) {
  string_length(value.size());
  out_.append(value);
}

void KafkaWriter::nullable_string(std::optional<std::string_view> value, bool allowed) {
  if (value || !allowed) return string(value.value_or(""));
  if (flexible_) {
    unsigned_varint(0);
  } else {
    int16(-1);
  }
}

void KafkaWriter::bytes(std::string_view value) {
  long_length(value.size());
  out_.append(value);
}

void KafkaWriter::nullable_bytes(std::optional<std::string_view> value, bool allowed) {
  if (!value) return null_count(allowed);
  bytes(*value);
}

void KafkaWriter::nullable_records(std::optional<RecordsView> value, bool allowed) {
  if (!value) return null_count(allowed);
  check(splices_ || !value->range(), "records of a file are not copied");
  if (!splices_) return bytes(value->bytes());
  long_length(value->size());
  if (!value->empty()) splices_->push_back({out_.size(), *value});
}

void KafkaWriter::insert_size(size_t start) {
  std::string size;
  KafkaWriter(size).unsigned_varint(static_cast<uint32_t>(out_.size() - start));
  out_.insert(start, size);
}

}  // namespace headrace::kafka
