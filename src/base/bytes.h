// Reading and writing of binary formats. A Reader never goes past its end and never trusts a length: every failure is
// Error(kCorrupt) with the position. Integers are big-endian where Kafka has them so, varints are Avro's and Kafka's
// zigzag encoding (7 bits a byte, least significant first).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.h"

namespace headrace {

template <typename T>
T load_big_endian(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::byteswap(value);
}

template <typename T>
void store_big_endian(char* to, T value) {
  value = std::byteswap(value);
  std::memcpy(to, &value, sizeof value);
}

inline constexpr size_t kVarintBytesMax = 10;

inline uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

inline size_t varint_size(int64_t value) {
  return (static_cast<size_t>(std::bit_width(zigzag(value) | 1)) + 6) / 7;
}

// Writes `value` at `to`, which has room for kVarintBytesMax, and returns the end of what was written.
inline char* put_varint(char* to, int64_t value) {
  uint64_t rest = zigzag(value);
  while (rest >= 0x80) {
    *to++ = static_cast<char>(rest | 0x80);
    rest >>= 7;
  }
  *to++ = static_cast<char>(rest);
  return to;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  size_t position() const { return static_cast<size_t>(at_ - begin_); }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  bool empty() const { return at_ == end_; }

  std::string_view bytes(size_t size) {
    need(size);
    std::string_view result(at_, size);
    at_ += size;
    return result;
  }

  template <typename T>
  T big_endian() {
    return load_big_endian<T>(bytes(sizeof(T)).data());
  }
  uint8_t byte() { return static_cast<uint8_t>(bytes(1)[0]); }

  int64_t varint() {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) return unzigzag(static_cast<uint8_t>(*at_++));
    return long_varint();
  }

  // A length that must fit in what remains. Throws when it is negative or larger.
  size_t length() {
    const int64_t value = varint();
    if (value < 0 || static_cast<uint64_t>(value) > remaining()) fail("a length exceeds the bytes that remain");
    return static_cast<size_t>(value);
  }

  [[noreturn]] void fail(const char* what) const {
    throw Error(Code::kCorrupt, what, Where{.position = static_cast<int64_t>(position())});
  }

 private:
  void need(size_t size) const {
    if (size > remaining()) fail("the input ends too early");
  }

  int64_t long_varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      need(1);
      const auto next = static_cast<uint8_t>(*at_++);
      value |= static_cast<uint64_t>(next & 0x7f) << shift;
      if (next < 0x80) {
        if (shift == 63 && next > 1) fail("a varint has more than 64 bits");
        return unzigzag(value);
      }
    }
    fail("a varint has more than 10 bytes");
  }

  const char* begin_;
  const char* at_;
  const char* end_;
};

// Appends to a string that it does not own.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void bytes(std::string_view value) { out_.append(value); }
  void byte(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void varint(int64_t value) {
    char buffer[kVarintBytesMax];
    out_.append(buffer, put_varint(buffer, value));
  }
  template <typename T>
  void big_endian(T value) {
    char buffer[sizeof value];
    store_big_endian(buffer, value);
    out_.append(buffer, sizeof value);
  }

 private:
  std::string& out_;
};

}  // namespace headrace
