// What an AvroDecoder runs: one step per field of the writer's record, in the order of the bytes. Everything that
// names, unions and promotions need is settled when the steps are made (avro_resolution.cc); running them
// (avro_decoder.cc) is a switch and an append.
#pragma once

#include <bit>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "schema/avro_node.h"
#include "schema/columns.h"

namespace headrace {

// Values inside of values, in data that is skipped: a record may contain itself.
inline constexpr int kAvroDataDepthMax = 64;
// Values that take no bytes (nulls, empty records) are bounded too, or ten bytes could ask for 2^63 of them.
inline constexpr size_t kAvroFreeValuesMax = 4096;

// Reads Avro's binary form. Like Reader, it throws Error(kCorrupt) with the position; unlike it, it reads a varint of
// up to 8 bytes at once, because timestamps have that many.
class AvroCursor {
 public:
  explicit AvroCursor(std::string_view bytes)
      : begin_(bytes.data()),
        at_(begin_),
        end_(begin_ + bytes.size()),
        values_left_(kAvroFreeValuesMax + bytes.size()) {}

  bool empty() const { return at_ == end_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  size_t position() const { return static_cast<size_t>(at_ - begin_); }

  uint8_t byte() {
    if (at_ == end_) [[unlikely]]
      fail("the bytes end too early");
    return static_cast<uint8_t>(*at_++);
  }

  std::string_view bytes(size_t size) {
    if (size > remaining()) [[unlikely]]
      fail("a value is longer than the bytes that remain");
    return {std::exchange(at_, at_ + size), size};
  }

  // A length that is not negative and at most what remains.
  size_t length() {
    const int64_t value = varint();
    if (static_cast<uint64_t>(value) > remaining()) [[unlikely]]
      fail("a length is negative or larger than the bytes that remain");
    return static_cast<size_t>(value);
  }

  int64_t varint() {
    if (remaining() < sizeof(uint64_t)) [[unlikely]]
      return slow_varint();
    const auto first = static_cast<uint8_t>(*at_);
    if (first < 0x80) {
      ++at_;
      return unzigzag(first);
    }
    uint64_t word;
    std::memcpy(&word, at_, sizeof word);
    const uint64_t ends = ~word & 0x8080808080808080;
    if (ends == 0) [[unlikely]]
      return slow_varint();
    at_ += (std::countr_zero(ends) + 1) / 8;
    // Keeps the bytes up to the first without a continuation bit, then closes the gaps of one bit: 7+7, 14+14, 28+28.
    word &= (ends ^ (ends - 1)) & 0x7f7f7f7f7f7f7f7f;
    word = (word & 0x007f007f007f007f) | ((word & 0x7f007f007f007f00) >> 1);
    word = (word & 0x00003fff00003fff) | ((word & 0x3fff00003fff0000) >> 2);
    word = (word & 0x000000000fffffff) | ((word & 0x0fffffff00000000) >> 4);
    return unzigzag(word);
  }

  template <typename Bits>
  Bits little_endian() {
    Bits bits;
    std::memcpy(&bits, bytes(sizeof bits).data(), sizeof bits);
    return bits;
  }

  // Called once per value whose number the bytes announce.
  void count_value() {
    if (values_left_-- == 0) [[unlikely]]
      fail("there are more values than the bytes can hold");
  }

  [[noreturn]] void fail(const char* what) const;

 private:
  int64_t slow_varint();

  const char* begin_;
  const char* at_;
  const char* end_;
  size_t values_left_;
};

enum class AvroAction : uint8_t {
  kBoolean,
  kInt,   // to smallint, integer, bigint, date
  kLong,  // to bigint
  kMicros,
  kMillis,            // to timestamptz
  kIntegerToFloat,    // int or long to real, double
  kIntegerToDecimal,  // int or long to numeric
  kFloat,
  kDouble,
  kText,
  kBytes,
  kFixed,
  kEnum,
  kUuidText,
  kUuidFixed,
  kDecimal,  // bytes or fixed
  kNumericText,
  kIntervalText,
  kDuration,
  kJson,
  kArray,
  kUnion,
  kNull,
  kSkip,
  kRefuse,  // a union's branch that the column cannot hold
};

struct AvroStep {
  AvroAction action;
  int8_t null_branch = -1;  // of a union with null of two branches; -1: no such union
  bool nullable = true;     // whether the column may be NULL
  uint16_t column = 0;
  Type type;
  int scale = 0;                   // of the writer's decimal
  size_t size = 0;                 // of a fixed
  const AvroNode* node = nullptr;  // kEnum, kSkip
  std::vector<AvroStep> inner;     // the branches of a union, the items of an array
};

struct AvroProgram {
  struct Missing {
    size_t column;
    Value value;
  };
  AvroSchemaPtr writer;
  RowTypePtr reader;
  std::vector<AvroStep> steps;
  std::vector<Missing> missing;  // columns that the writer did not know, with their defaults
};

// How a value written as `writer` becomes one of `reader`; nullopt when Avro's rules have no way.
std::optional<AvroStep> resolve(const AvroNode& writer, const Type& reader);

// Takes one value and appends it to `column`.
void run_step(const AvroStep& step, AvroCursor& in, ColumnData& column, Arena& arena);

void skip_value(const AvroNode& node, AvroCursor& in, int depth);

}  // namespace headrace
