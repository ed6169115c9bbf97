#include "flow/cursor.h"

#include <array>

#include "flow/state_bytes.h"

#define XXH_INLINE_ALL
#include "xxhash.h"

namespace headrace {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kCursorTextMax = size_t{64} * 1024;
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// RFC 4648 section 5, without padding.
std::string to_base64url(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 4 / 3 + 2);
  uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(byte);
    for (count += 8; count >= 6;) out += kDigits[bits >> (count -= 6) & 63];
  }
  if (count > 0) out += kDigits[bits << (6 - count) & 63];
  return out;
}

bool from_base64url(std::string_view text, std::string& bytes) {
  uint32_t bits = 0;
  int count = 0;
  for (const char digit : text) {
    const size_t value = kDigits.find(digit);
    if (value == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) bytes += static_cast<char>(bits >> (count -= 8));
  }
  return count < 6 && (bits & ((1U << count) - 1)) == 0;
}

uint32_t check_of(std::string_view bytes) {
  return static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

}  // namespace

std::string Cursor::to_string(TableId table) const {
  std::string bytes;
  Writer writer(bytes);
  writer.byte(kFormat);
  writer.big_endian(static_cast<uint32_t>(table));
  writer.varint(repeats);
  writer.bytes(key);
  writer.big_endian(check_of(bytes));
  return to_base64url(bytes);
}

Cursor Cursor::parse(std::string_view text, TableId table) {
  const auto bad = [](const char* why) {
    return Error(Code::kInvalid, std::string("the cursor ") + why +
                                     "; send back the one that the previous page of this view answered, or none");
  };
  std::string bytes;
  if (text.size() > kCursorTextMax || !from_base64url(text, bytes) || bytes.size() < 10) throw bad("is damaged");
  const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - 4);
  Reader reader(body);
  if (load_big_endian<uint32_t>(bytes.data() + body.size()) != check_of(body) || reader.byte() != kFormat)
    throw bad("is damaged");
  if (reader.big_endian<uint32_t>() != static_cast<uint32_t>(table)) throw bad("is of another view");
  Cursor cursor;
  cursor.repeats = reader.varint();
  if (cursor.repeats < 0) throw bad("is damaged");
  cursor.key = reader.bytes(reader.remaining());
  return cursor;
}

}  // namespace headrace
