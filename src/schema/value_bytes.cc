// Values on the value side of tables: short and lossless, in no order. Unlike a key, a value comes back exactly as it
// was, the scale of a numeric and the parts of an interval included. Format: docs/formats.md.
#include <bit>

#include "base/bytes.h"
#include "schema/key.h"

namespace headrace {
namespace {

// For forms without room of their own for NULL.
constexpr uint8_t kNull = 0;
constexpr uint8_t kPresent = 1;

using Uint128 = unsigned __int128;
constexpr size_t kWideVarintBytesMax = 19;

// Seven bits a byte, least significant first; up to 128 bits.
void append_varint(std::string& out, Uint128 value) {
  char buffer[kWideVarintBytesMax];
  char* to = buffer;
  while (value >= 0x80) {
    *to++ = static_cast<char>(static_cast<uint8_t>(value) | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  out.append(buffer, to);
}

void append_varint(std::string& out, uint64_t value) {
  char buffer[kVarintBytesMax];
  char* to = buffer;
  while (value >= 0x80) {
    *to++ = static_cast<char>(static_cast<uint8_t>(value) | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  out.append(buffer, to);
}

Uint128 take_varint(Reader& reader) {
  Uint128 value = 0;
  for (int shift = 0; shift < 128; shift += 7) {
    const uint8_t next = reader.byte();
    if (shift == 126 && next > 3) reader.fail("a varint has more than 128 bits");
    value |= static_cast<Uint128>(next & 0x7f) << shift;
    if (next < 0x80) return value;
  }
  reader.fail("a varint has more than 19 bytes");
}

Uint128 zigzag_wide(__int128 value) {
  return static_cast<Uint128>(value) << 1 ^ static_cast<Uint128>(value >> 127);
}
__int128 unzigzag_wide(Uint128 value) {
  return static_cast<__int128>(value >> 1 ^ (~(value & 1) + 1));
}

// NULL is 0, so that everything else is its zigzag form plus one.
void append_int(std::string& out, int64_t value) {
  const uint64_t encoded = zigzag(value) + 1;
  if (encoded != 0) [[likely]]
    return append_varint(out, encoded);
  append_varint(out, Uint128{1} << 64);
}

void append_float(std::string& out, double value, const Type& type) {
  Writer writer(out);
  writer.byte(kPresent);
  if (type.kind == Kind::kReal) return writer.big_endian(std::bit_cast<uint32_t>(static_cast<float>(value)));
  writer.big_endian(std::bit_cast<uint64_t>(value));
}

void append_decimal(std::string& out, const Decimal& value) {
  out.push_back(static_cast<char>(value.scale + 1));
  append_varint(out, zigzag_wide(value.coefficient));
}

void append_bytes(std::string& out, std::string_view bytes) {
  append_varint(out, static_cast<uint64_t>(bytes.size()) + 1);
  out.append(bytes);
}

void append_interval(std::string& out, const Interval& interval) {
  Writer writer(out);
  writer.byte(kPresent);
  writer.varint(interval.months);
  writer.varint(interval.days);
  writer.varint(interval.micros);
}

bool take_present(Reader& reader) {
  const uint8_t mark = reader.byte();
  if (mark > kPresent) reader.fail("a value has a wrong mark");
  return mark == kPresent;
}

Value take_int(Reader& reader) {
  const Uint128 encoded = take_varint(reader);
  if (encoded == 0) return {};
  if (encoded - 1 > UINT64_MAX) reader.fail("an integer has more than 64 bits");
  return unzigzag(static_cast<uint64_t>(encoded - 1));
}

Value take_float(Reader& reader, const Type& type) {
  if (!take_present(reader)) return {};
  if (type.kind == Kind::kReal) return static_cast<double>(std::bit_cast<float>(reader.big_endian<uint32_t>()));
  return std::bit_cast<double>(reader.big_endian<uint64_t>());
}

Value take_decimal(Reader& reader) {
  const uint8_t mark = reader.byte();
  if (mark == kNull) return {};
  const Decimal value{unzigzag_wide(take_varint(reader)), mark - 1};
  if (value.scale > Decimal::kDigitsMax || Decimal{value.coefficient, 0}.integer_digits() > Decimal::kDigitsMax) {
    reader.fail("a numeric has more than 38 digits");
  }
  return value;
}

Value take_bytes(Reader& reader) {
  const Uint128 size = take_varint(reader);
  if (size == 0) return {};
  if (size - 1 > reader.remaining()) reader.fail("a length exceeds the bytes that remain");
  return std::string(reader.bytes(static_cast<size_t>(size - 1)));
}

Value take_interval(Reader& reader) {
  if (!take_present(reader)) return {};
  const int64_t months = reader.varint();
  const int64_t days = reader.varint();
  const int64_t micros = reader.varint();
  if (months != static_cast<int32_t>(months) || days != static_cast<int32_t>(days)) {
    reader.fail("an interval is out of range");
  }
  return Interval{static_cast<int32_t>(months), static_cast<int32_t>(days), micros};
}

}  // namespace

void append_value(std::string& out, const Value& value, const Type& type) {
  if (is_null(value)) {
    out.push_back(static_cast<char>(kNull));
    return;
  }
  switch (type.form()) {
    case Form::kInt: return append_int(out, std::get<int64_t>(value));
    case Form::kFloat: return append_float(out, std::get<double>(value), type);
    case Form::kDecimal: return append_decimal(out, std::get<Decimal>(value));
    case Form::kBytes: return append_bytes(out, std::get<std::string>(value));
    case Form::kInterval: return append_interval(out, std::get<Interval>(value));
  }
}

void append_value(std::string& out, const ColumnData& column, size_t row) {
  if (column.null_at(row)) {
    out.push_back(static_cast<char>(kNull));
    return;
  }
  switch (column.type.form()) {
    case Form::kInt: return append_int(out, column.ints[row]);
    case Form::kFloat: return append_float(out, column.floats[row], column.type);
    case Form::kDecimal: return append_decimal(out, column.decimals[row]);
    case Form::kBytes: return append_bytes(out, column.bytes[row]);
    case Form::kInterval: return append_interval(out, column.intervals[row]);
  }
}

Value take_value(std::string_view& bytes, const Type& type) {
  Reader reader(bytes);
  Value result;
  switch (type.form()) {
    case Form::kInt: result = take_int(reader); break;
    case Form::kFloat: result = take_float(reader, type); break;
    case Form::kDecimal: result = take_decimal(reader); break;
    case Form::kBytes: result = take_bytes(reader); break;
    case Form::kInterval: result = take_interval(reader); break;
  }
  bytes.remove_prefix(reader.position());
  return result;
}

}  // namespace headrace
