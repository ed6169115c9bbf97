// Small pieces of the encoding of operators' states: varints taken off the front of a view, and 128-bit integers.
// Whatever is read is checked: Error(kCorrupt) for bytes that no operator writes.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace headrace {

inline void append_varint(std::string& out, int64_t value) {
  char buffer[kVarintBytesMax];
  out.append(buffer, static_cast<size_t>(put_varint(buffer, value) - buffer));
}

inline int64_t take_varint(std::string_view& bytes) {
  if (!bytes.empty() && static_cast<uint8_t>(bytes[0]) < 0x80) {
    const int64_t value = unzigzag(static_cast<uint8_t>(bytes[0]));
    bytes.remove_prefix(1);
    return value;
  }
  Reader reader(bytes);
  const int64_t value = reader.varint();
  bytes.remove_prefix(reader.position());
  return value;
}

inline std::string_view take_bytes(std::string_view& bytes, size_t size) {
  if (size > bytes.size()) throw Error(Code::kCorrupt, "the state of an operator ends too early");
  const std::string_view result = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return result;
}

// A string behind its length.
inline void append_sized(std::string& out, std::string_view value) {
  append_varint(out, static_cast<int64_t>(value.size()));
  out.append(value);
}

inline std::string_view take_sized(std::string_view& bytes) {
  const int64_t size = take_varint(bytes);
  if (size < 0) throw Error(Code::kCorrupt, "the state of an operator has a negative length");
  return take_bytes(bytes, static_cast<size_t>(size));
}

// The two halves, the upper one first: it is nearly always one byte.
inline void append_wide(std::string& out, __int128 value) {
  append_varint(out, static_cast<int64_t>(value >> 64));
  append_varint(out, static_cast<int64_t>(static_cast<uint64_t>(value)));
}

inline __int128 take_wide(std::string_view& bytes) {
  const int64_t high = take_varint(bytes);
  const auto low = static_cast<uint64_t>(take_varint(bytes));
  return static_cast<__int128>(static_cast<unsigned __int128>(static_cast<uint64_t>(high)) << 64 | low);
}

}  // namespace headrace
