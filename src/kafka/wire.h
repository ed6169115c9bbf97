// The primitive types of Kafka's protocol (kafka.apache.org/protocol, KIP-482). A message has a flexible and an older
// encoding: flexible versions count and measure in unsigned varints, one more than the number so that 0 is null, and
// end each structure with tagged fields; older ones have fixed lengths where -1 is null. Reader and writer are told
// once per message which one it is; the generated codecs (tools/kafka_messages.py) then read the same for both.
//
// What is read comes from strangers. Every length is compared with the bytes that remain before it is used, every count
// with what its elements need at least, and the elements of one message are limited in all, since a decoded element can
// be many times larger than its bytes.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "runtime/files.h"

namespace headrace::kafka {

// Elements of all the arrays of one request together.
inline constexpr size_t kElementsMax = 1 << 18;
// Of a string, in both encodings.
inline constexpr size_t kStringBytesMax = 32767;
// As the first flexible version of an API that has none.
inline constexpr int16_t kNeverFlexible = 32767;

// An identifier of a topic; all zeros says that there is none.
struct Uuid {
  std::array<uint8_t, 16> bytes = {};

  bool operator==(const Uuid&) const = default;
};

// The records of a message: bytes in memory, or, when they are only passed on, of a file. Owns neither.
class RecordsView {
 public:
  RecordsView() = default;
  RecordsView(std::string_view bytes) : bytes_(bytes) {}
  RecordsView(const char* bytes) : bytes_(bytes) {}
  explicit RecordsView(const FileRange& range) : range_(&range) {}

  size_t size() const { return range_ ? range_->size : bytes_.size(); }
  bool empty() const { return size() == 0; }
  // Of records in memory.
  std::string_view bytes() const { return bytes_; }
  // Null for those.
  const FileRange* range() const { return range_; }

  bool operator==(const RecordsView&) const = default;

 private:
  std::string_view bytes_;
  const FileRange* range_ = nullptr;
};

// Reads a message in place: strings, bytes and records are views into `message`, which must outlive them. Every failure
// is Error(kInvalid) that names the position; more than `elements_max` array elements are Error(kTooLarge).
class KafkaReader {
 public:
  explicit KafkaReader(std::string_view message, size_t elements_max = kElementsMax)
      : begin_(message.data()), at_(begin_), end_(begin_ + message.size()), elements_left_(elements_max) {}

  // Whether what follows has the flexible encoding. It has not at first.
  void set_flexible(bool flexible) { flexible_ = flexible; }
  bool flexible() const { return flexible_; }

  size_t position() const { return static_cast<size_t>(at_ - begin_); }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }

  int8_t int8() { return fixed<int8_t>(); }
  int16_t int16() { return fixed<int16_t>(); }
  int32_t int32() { return fixed<int32_t>(); }
  int64_t int64() { return fixed<int64_t>(); }
  double float64();
  bool boolean() { return int8() != 0; }
  Uuid uuid();

  uint32_t unsigned_varint();
  uint64_t unsigned_varlong();
  int32_t varint();
  int64_t varlong();

  // The nullable ones throw for null where the message's version does not have it (`allowed`).
  std::string_view string();
  std::optional<std::string_view> nullable_string(bool allowed = true);
  std::string_view bytes();
  std::optional<std::string_view> nullable_bytes(bool allowed = true);
  std::optional<RecordsView> nullable_records(bool allowed = true) { return nullable_bytes(allowed); }

  // The number of elements of an array whose elements have at least so many bytes in the older and in the flexible
  // encoding.
  size_t count(size_t least, size_t least_flexible);
  std::optional<size_t> nullable_count(size_t least, size_t least_flexible, bool allowed = true);
  // Whether a nullable structure follows.
  bool present() { return int8() >= 0; }

  // The tagged fields at a structure's end: none in the older encoding. `read(tag)` reads the value and returns true,
  // or reads nothing and returns false: then the value is skipped.
  template <typename F>
  void tags(F&& read) {
    if (!flexible_) return;
    int64_t last = -1;
    for (uint32_t left = tag_count(); left > 0; --left) {
      const uint32_t tag = next_tag(last);
      const char* const end = end_;
      const size_t size = tag_size();
      end_ = at_ + size;
      if (!read(tag)) at_ = end_;
      if (at_ != end_) fail("a tagged field is longer than its value");
      end_ = end;
    }
  }
  void skip_tags() {
    if (flexible_) tags([](uint32_t) { return false; });
  }

  [[noreturn]] void fail(std::string_view what) const;

 private:
  template <typename T>
  T fixed() {
    return load_big_endian<T>(take(sizeof(T)).data());
  }
  std::string_view take(size_t size) {
    if (size > remaining()) fail_short(size);
    const std::string_view result(at_, size);
    at_ += size;
    return result;
  }
  template <typename T>
  T unsigned_number();
  // A length as the encoding has it; nothing is null. At most INT32_MAX.
  std::optional<size_t> string_length();
  std::optional<size_t> long_length();
  uint32_t tag_count();
  uint32_t next_tag(int64_t& last);
  size_t tag_size();
  [[noreturn]] void fail_short(size_t size) const;
  [[noreturn]] void fail_null(std::string_view type) const;

  const char* begin_;
  const char* at_;
  const char* end_;
  size_t elements_left_;
  bool flexible_ = false;
};

// Records that a KafkaWriter did not copy: they belong before the byte `position` of what it wrote.
struct SplicedRecords {
  size_t position;
  RecordsView records;
};

// Throws Error(kUnsupported) unless `version` of the message `name` is in [min, max].
void check_version(std::string_view name, int16_t version, int16_t min, int16_t max);

// Appends to a string that it does not own. What does not fit the protocol (a string above kStringBytesMax, bytes above
// 2 GiB) is Error(kTooLarge). A null where the version has none is written as empty.
class KafkaWriter {
 public:
  // With `splices`, records are not copied: their length is written, and where they belong is appended to `splices`.
  // That saves a copy where the caller writes to a socket from several buffers.
  explicit KafkaWriter(std::string& out, std::vector<SplicedRecords>* splices = nullptr)
      : out_(out), splices_(splices) {}

  void set_flexible(bool flexible) { flexible_ = flexible; }
  bool flexible() const { return flexible_; }

  void int8(int8_t value) { out_.push_back(static_cast<char>(value)); }
  void int16(int16_t value) { fixed(value); }
  void int32(int32_t value) { fixed(value); }
  void int64(int64_t value) { fixed(value); }
  void float64(double value) { fixed(std::bit_cast<int64_t>(value)); }
  void boolean(bool value) { out_.push_back(value ? 1 : 0); }
  void uuid(const Uuid& value) { out_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()); }

  void unsigned_varint(uint32_t value) { unsigned_varlong(value); }
  void unsigned_varlong(uint64_t value);
  void varint(int32_t value) { unsigned_varint(static_cast<uint32_t>(zigzag(value))); }
  void varlong(int64_t value) { unsigned_varlong(zigzag(value)); }

  void string(std::string_view value);
  void nullable_string(std::optional<std::string_view> value, bool allowed = true);
  void bytes(std::string_view value);
  void nullable_bytes(std::optional<std::string_view> value, bool allowed = true);
  void nullable_records(std::optional<RecordsView> value, bool allowed = true);

  void count(size_t elements) { long_length(elements); }
  void null_count(bool allowed = true);
  void present(bool value) { int8(value ? 1 : -1); }

  // Tagged fields: their number, then tag() for each in ascending order. None in the older encoding.
  void tag_count(size_t tags) {
    if (flexible_) unsigned_varint(static_cast<uint32_t>(tags));
  }
  void no_tags() { tag_count(0); }
  template <typename F>
  void tag(uint32_t number, F&& write) {
    unsigned_varint(number);
    const size_t start = out_.size();
    write();
    insert_size(start);
  }

 private:
  template <typename T>
  void fixed(T value) {
    char buffer[sizeof value];
    store_big_endian(buffer, value);
    out_.append(buffer, sizeof value);
  }
  void string_length(size_t size);
  void long_length(size_t size);
  // Puts the number of bytes since `start` before them.
  void insert_size(size_t start);

  std::string& out_;
  std::vector<SplicedRecords>* splices_;
  bool flexible_ = false;
};

}  // namespace headrace::kafka
