#include "schema/key.h"

#include <bit>
#include <cmath>

#include "base/bytes.h"
#include "base/error.h"
#include "fmt/format.h"
#include "schema/interval.h"
#include "schema/key_bytes.h"
#include "schema/key_json.h"
#include "schema/key_number.h"

namespace headrace {
namespace {

// Before every value of a key. NULL is the greater mark, and so sorts last.
constexpr char kPresent = 1;
constexpr char kNull = 2;

constexpr size_t kUuidBytes = 16;

template <typename Unsigned>
void append_big_endian(std::string& out, Unsigned value) {
  char buffer[1 + sizeof value];
  buffer[0] = kPresent;
  store_big_endian(buffer + 1, value);
  out.append(buffer, sizeof buffer);
}

// The sign bit turned over: unsigned order is then signed order.
template <typename Signed>
void append_signed(std::string& out, int64_t value, const Type& type) {
  using Unsigned = std::make_unsigned_t<Signed>;
  if (value != static_cast<Signed>(value)) [[unlikely]]
    throw Error(Code::kInvalid, fmt::format("{} is out of range for {}", value, type.name()));
  append_big_endian(out,
                    static_cast<Unsigned>(static_cast<Unsigned>(value) ^ (Unsigned{1} << (sizeof(Unsigned) * 8 - 1))));
}

void append_int_key(std::string& out, int64_t value, const Type& type) {
  switch (type.kind) {
    case Kind::kBoolean: return append_big_endian(out, static_cast<uint8_t>(value != 0));
    case Kind::kSmallint: return append_signed<int16_t>(out, value, type);
    case Kind::kInteger:
    case Kind::kDate: return append_signed<int32_t>(out, value, type);
    default: return append_signed<int64_t>(out, value, type);
  }
}

// Positive numbers get their sign bit set; negative ones are inverted, so that larger sizes sort first. One bit pattern
// stands for both zeros, and one for every NaN, which is above infinity.
template <typename Float, typename Unsigned>
void append_float_key(std::string& out, Float value) {
  constexpr Unsigned kSign = Unsigned{1} << (sizeof(Unsigned) * 8 - 1);
  if (std::isnan(value)) return append_big_endian(out, static_cast<Unsigned>(~Unsigned{0}));
  const auto bits = std::bit_cast<Unsigned>(value == 0 ? Float{0} : value);
  append_big_endian(out, static_cast<Unsigned>((bits & kSign) != 0 ? ~bits : bits | kSign));
}

void append_bytes_of(std::string& out, std::string_view bytes, const Type& type) {
  out.push_back(kPresent);
  switch (type.kind) {
    case Kind::kUuid:
      if (bytes.size() != kUuidBytes) throw Error(Code::kInvalid, "a uuid has 16 bytes");
      out.append(bytes);
      return;
    case Kind::kJsonb: return append_jsonb_key(out, bytes);
    case Kind::kArray: return append_array_key(out, bytes, type.element);
    default: return append_bytes_key(out, bytes);
  }
}

void append_interval_key(std::string& out, const Interval& interval) {
  const auto span =
      static_cast<unsigned __int128>(interval_span(interval)) ^ (static_cast<unsigned __int128>(1) << 127);
  append_big_endian(out, static_cast<uint64_t>(span >> 64));
  char low[sizeof(uint64_t)];
  store_big_endian(low, static_cast<uint64_t>(span));
  out.append(low, sizeof low);
}

void append_float_of(std::string& out, double value, const Type& type) {
  if (type.kind == Kind::kReal) return append_float_key<float, uint32_t>(out, static_cast<float>(value));
  append_float_key<double, uint64_t>(out, value);
}

void append_decimal_of(std::string& out, const Decimal& value) {
  out.push_back(kPresent);
  append_decimal_key(out, value);
}

template <typename Signed>
int64_t take_signed(Reader& reader) {
  using Unsigned = std::make_unsigned_t<Signed>;
  constexpr auto kSign = static_cast<Unsigned>(Unsigned{1} << (sizeof(Unsigned) * 8 - 1));
  return static_cast<Signed>(static_cast<Unsigned>(reader.big_endian<Unsigned>() ^ kSign));
}

template <typename Float, typename Unsigned>
double take_float(Reader& reader) {
  constexpr Unsigned kSign = Unsigned{1} << (sizeof(Unsigned) * 8 - 1);
  const auto bits = reader.big_endian<Unsigned>();
  return std::bit_cast<Float>(static_cast<Unsigned>((bits & kSign) != 0 ? bits ^ kSign : ~bits));
}

Value take_fixed(Reader& reader, const Type& type) {
  switch (type.kind) {
    case Kind::kBoolean: {
      const uint8_t value = reader.byte();
      if (value > 1) reader.fail("a boolean in a key is neither 0 nor 1");
      return static_cast<int64_t>(value);
    }
    case Kind::kSmallint: return take_signed<int16_t>(reader);
    case Kind::kInteger:
    case Kind::kDate: return take_signed<int32_t>(reader);
    case Kind::kReal: return take_float<float, uint32_t>(reader);
    case Kind::kDouble: return take_float<double, uint64_t>(reader);
    case Kind::kUuid: return std::string(reader.bytes(kUuidBytes));
    case Kind::kInterval: {
      const auto high = static_cast<uint64_t>(take_signed<int64_t>(reader));
      const auto low = reader.big_endian<uint64_t>();
      const auto span = static_cast<__int128>(static_cast<unsigned __int128>(high) << 64 | low);
      const Interval interval = interval_of_span(span);
      if (interval_span(interval) != span) reader.fail("an interval in a key is out of range");
      return interval;
    }
    default: return take_signed<int64_t>(reader);
  }
}

}  // namespace

void append_key(std::string& out, const Value& value, const Type& type) {
  if (is_null(value)) {
    out.push_back(kNull);
    return;
  }
  switch (type.form()) {
    case Form::kInt: return append_int_key(out, std::get<int64_t>(value), type);
    case Form::kFloat: return append_float_of(out, std::get<double>(value), type);
    case Form::kDecimal: return append_decimal_of(out, std::get<Decimal>(value));
    case Form::kBytes: return append_bytes_of(out, std::get<std::string>(value), type);
    case Form::kInterval: return append_interval_key(out, std::get<Interval>(value));
  }
}

void append_key(std::string& out, const ColumnData& column, size_t row) {
  if (column.null_at(row)) {
    out.push_back(kNull);
    return;
  }
  switch (column.type.form()) {
    case Form::kInt: return append_int_key(out, column.ints[row], column.type);
    case Form::kFloat: return append_float_of(out, column.floats[row], column.type);
    case Form::kDecimal: return append_decimal_of(out, column.decimals[row]);
    case Form::kBytes: return append_bytes_of(out, column.bytes[row], column.type);
    case Form::kInterval: return append_interval_key(out, column.intervals[row]);
  }
}

Value take_key(std::string_view& bytes, const Type& type) {
  if (bytes.empty()) Reader(bytes).fail("a key ends too early");
  const char mark = bytes.front();
  if (mark != kPresent && mark != kNull) Reader(bytes).fail("a value in a key has a wrong mark");
  std::string_view rest = bytes.substr(1);
  Value result;
  if (mark == kPresent) {
    std::string text;
    switch (type.kind) {
      case Kind::kNumeric: result = take_decimal_key(rest); break;
      case Kind::kText:
      case Kind::kBytea:
        take_bytes_key(rest, text);
        result = std::move(text);
        break;
      case Kind::kJsonb:
        take_jsonb_key(rest, text);
        result = std::move(text);
        break;
      case Kind::kArray:
        take_array_key(rest, type.element, text);
        result = std::move(text);
        break;
      default: {
        Reader reader(rest);
        result = take_fixed(reader, type);
        rest.remove_prefix(reader.position());
      }
    }
  }
  bytes = rest;
  return result;
}

std::string prefix_end(std::string_view prefix) {
  std::string result(prefix);
  while (!result.empty() && static_cast<uint8_t>(result.back()) == 0xff) result.pop_back();
  if (!result.empty()) result.back() = static_cast<char>(static_cast<uint8_t>(result.back()) + 1);
  return result;
}

}  // namespace headrace
