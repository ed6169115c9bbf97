// Fields of the records on `_groups` that more than one kind of them has.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace headrace {

inline void put_text(Writer& writer, std::string_view text) {
  writer.varint(static_cast<int64_t>(text.size()));
  writer.bytes(text);
}
inline void put_optional(Writer& writer, const std::optional<std::string>& text) {
  writer.byte(text ? 1 : 0);
  if (text) put_text(writer, *text);
}

inline std::string take_text(Reader& reader) {
  return std::string(reader.bytes(reader.length()));
}
inline std::optional<std::string> take_optional(Reader& reader) {
  const uint8_t there = reader.byte();
  if (there > 1) reader.fail("a mark is neither 0 nor 1");
  if (there == 0) return std::nullopt;
  return take_text(reader);
}
inline int32_t take_int(Reader& reader) {
  const int64_t value = reader.varint();
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max())
    reader.fail("a number has more than 32 bits");
  return static_cast<int32_t>(value);
}

// The version that every value begins with.
inline Reader versioned(std::string_view bytes, uint8_t version) {
  Reader reader(bytes);
  if (reader.byte() != version) reader.fail("the record is of a version that this program does not know");
  return reader;
}
inline void expect_end(const Reader& reader) {
  if (!reader.empty()) reader.fail("the record goes on after its end");
}

}  // namespace headrace
