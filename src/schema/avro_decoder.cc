// Running a decoder's steps: the hottest loop of Headrace, since every flow reads its stream through it. A row of plain
// columns is one switch and one append per column; text stays where it is.

#include <limits>
#include <string>

#include "fmt/format.h"
#include "schema/avro_program.h"
#include "schema/interval.h"
#include "schema/json_form.h"
#include "schema/json_text.h"
#include "schema/plain_text.h"
#include "schema/rollback.h"
#include "schema/text_form.h"
#include "schema/timestamp.h"

namespace headrace {

void AvroCursor::fail(const char* what) const {
  throw Error(Code::kCorrupt, what, Where{.position = static_cast<int64_t>(position())});
}

int64_t AvroCursor::slow_varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint8_t next = byte();
    if (shift == 63 && next > 1) fail("a number has more than 64 bits");
    value |= static_cast<uint64_t>(next & 0x7f) << shift;
    if (next < 0x80) return unzigzag(value);
  }
  fail("a number has more than 10 bytes");
}

namespace {

template <typename T>
void push(ColumnData& column, std::vector<T>& values, const T& value) {
  values.push_back(value);
  if (!column.nulls.empty()) column.nulls.push_back(0);
}

void require_text(std::string_view text, const AvroCursor& in) {
  if (!is_text(text)) in.fail("a text is not valid UTF-8 or has a zero byte");
}

int64_t take_int(const AvroStep& step, AvroCursor& in) {
  const int64_t value = in.varint();
  if (value != static_cast<int32_t>(value)) in.fail("an int has more than 32 bits");
  if (step.type.kind == Kind::kSmallint && value != static_cast<int16_t>(value)) {
    in.fail("the value is out of the range of smallint");
  }
  if (step.type.kind == Kind::kDate && (value < kDateMin || value > kDateMax)) in.fail("the date is out of range");
  return value;
}

int64_t take_micros(AvroCursor& in) {
  const int64_t micros = in.varint();
  if (micros < kTimestampMin || micros > kTimestampMax) in.fail("the timestamp is out of range");
  return micros;
}

int64_t take_millis(AvroCursor& in) {
  const int64_t millis = in.varint();
  if (millis < kTimestampMin / 1000 || millis > kTimestampMax / 1000) in.fail("the timestamp is out of range");
  return millis * 1000;
}

// Big-endian two's complement of any length; leading bytes that repeat the sign say nothing.
__int128 take_coefficient(std::string_view bytes, const AvroCursor& in) {
  if (bytes.empty()) return 0;
  const bool negative = static_cast<uint8_t>(bytes.front()) >= 0x80;
  const char sign = static_cast<char>(negative ? 0xff : 0);
  while (bytes.size() > sizeof(__int128)) {
    if (bytes.front() != sign || (static_cast<uint8_t>(bytes[1]) >= 0x80) != negative) {
      in.fail("a decimal has more than 38 digits");
    }
    bytes.remove_prefix(1);
  }
  auto value = static_cast<unsigned __int128>(negative ? -1 : 0);
  for (const char c : bytes) value = (value << 8) | static_cast<uint8_t>(c);
  return static_cast<__int128>(value);
}

Decimal fitted(const Decimal& value, const Type& type, const AvroCursor& in) {
  if (type.precision != 0) {
    if (const auto result = fit_decimal(value, type)) return *result;
  } else if (value.fits(Decimal::kDigitsMax, value.scale)) {
    return value;
  }
  in.fail("the decimal has more digits than the column");
}

std::string_view kept(std::string_view text, Arena& arena) {
  return arena.add(text);
}

void take_array(const AvroStep& step, AvroCursor& in, ColumnData& column, Arena& arena) {
  const AvroStep& item = step.inner.front();
  ColumnData items(item.type);
  while (true) {
    int64_t count = in.varint();
    if (count == 0) break;
    if (count < 0) {
      if (count == std::numeric_limits<int64_t>::min()) in.fail("an array's block has an impossible count");
      count = -count;
      in.length();
    }
    for (; count > 0; --count) {
      in.count_value();
      run_step(item, in, items, arena);
    }
  }
  std::vector<Value> values(items.size());
  for (size_t row = 0; row < values.size(); ++row) values[row] = items.value_at(row);
  push(column, column.bytes, kept(array_json(values, step.type.element), arena));
}

void take_json(AvroCursor& in, ColumnData& column, Arena& arena) {
  std::string canonical;
  if (append_canonical_json(canonical, in.bytes(in.length()))) in.fail("the value is not JSON");
  push(column, column.bytes, kept(canonical, arena));
}

void take_null(const AvroStep& step, const AvroCursor& in, ColumnData& column) {
  if (!step.nullable) in.fail("the column is NOT NULL and the record has null");
  column.append_null();
}

// The rarer conversions, apart from the loop so that it stays small.
void run_rare(const AvroStep& step, AvroCursor& in, ColumnData& column, Arena& arena) {
  switch (step.action) {
    case AvroAction::kMillis: return push(column, column.ints, take_millis(in));
    case AvroAction::kIntegerToFloat: {
      const auto value = in.varint();
      // Rounded once, not by way of double.
      const double rounded =
          step.type.kind == Kind::kReal ? static_cast<double>(static_cast<float>(value)) : static_cast<double>(value);
      return push(column, column.floats, rounded);
    }
    case AvroAction::kIntegerToDecimal:
      return push(column, column.decimals, fitted(Decimal::from_int(in.varint()), step.type, in));
    case AvroAction::kFixed: return push(column, column.bytes, in.bytes(step.size));
    case AvroAction::kEnum: {
      const auto symbol = static_cast<uint64_t>(in.varint());
      if (symbol >= step.node->symbols.size()) in.fail("the enum has no such symbol");
      return push(column, column.bytes, kept(step.node->symbols[symbol], arena));
    }
    case AvroAction::kUuidText: {
      const auto uuid = parse_uuid(in.bytes(in.length()));
      if (!uuid) in.fail("the value is not a uuid");
      return push(column, column.bytes, kept({uuid->data(), uuid->size()}, arena));
    }
    case AvroAction::kUuidFixed: return push(column, column.bytes, in.bytes(step.size));
    case AvroAction::kDecimal: {
      const size_t size = step.node->kind == AvroKind::kFixed ? step.size : in.length();
      const Decimal value{take_coefficient(in.bytes(size), in), step.scale};
      return push(column, column.decimals, fitted(value, step.type, in));
    }
    case AvroAction::kNumericText: {
      const auto value = Decimal::parse(in.bytes(in.length()));
      if (!value) in.fail("the value is not numeric");
      return push(column, column.decimals, fitted(*value, step.type, in));
    }
    case AvroAction::kIntervalText: {
      const auto interval = parse_interval(in.bytes(in.length()));
      if (!interval) in.fail("the value is not an interval");
      return push(column, column.intervals, *interval);
    }
    case AvroAction::kDuration: {
      const auto months = in.little_endian<uint32_t>();
      const auto days = in.little_endian<uint32_t>();
      const auto millis = in.little_endian<uint32_t>();
      if (months > INT32_MAX || days > INT32_MAX) in.fail("the duration is out of the range of interval");
      return push(column, column.intervals,
                  Interval{static_cast<int32_t>(months), static_cast<int32_t>(days), int64_t{millis} * 1000});
    }
    case AvroAction::kJson: return take_json(in, column, arena);
    case AvroAction::kArray: return take_array(step, in, column, arena);
    case AvroAction::kUnion: {
      const auto branch = static_cast<uint64_t>(in.varint());
      if (branch >= step.inner.size()) in.fail("the union has no such branch");
      return run_step(step.inner[branch], in, column, arena);
    }
    case AvroAction::kNull: return take_null(step, in, column);
    default: in.fail("the value's type in the union is one that the column cannot hold");
  }
}

}  // namespace

void run_step(const AvroStep& step, AvroCursor& in, ColumnData& column, Arena& arena) {
  if (step.null_branch >= 0) {
    const int64_t branch = in.varint();
    if (branch == step.null_branch) return take_null(step, in, column);
    if (branch != 1 - step.null_branch) in.fail("the union has no such branch");
  }
  switch (step.action) {
    case AvroAction::kBoolean: {
      const uint8_t value = in.byte();
      if (value > 1) in.fail("a boolean is neither 0 nor 1");
      return push(column, column.ints, int64_t{value});
    }
    case AvroAction::kInt: return push(column, column.ints, take_int(step, in));
    case AvroAction::kLong: return push(column, column.ints, in.varint());
    case AvroAction::kMicros: return push(column, column.ints, take_micros(in));
    case AvroAction::kFloat: return push(column, column.floats, static_cast<double>(in.little_endian<float>()));
    case AvroAction::kDouble: return push(column, column.floats, in.little_endian<double>());
    case AvroAction::kText: {
      const std::string_view text = in.bytes(in.length());
      require_text(text, in);
      return push(column, column.bytes, text);
    }
    case AvroAction::kBytes: return push(column, column.bytes, in.bytes(in.length()));
    default: return run_rare(step, in, column, arena);
  }
}

void AvroDecoder::decode(std::string_view datum, BatchBuilder& to) const {
  const AvroStep* step = program_->steps.data();
  const AvroStep* const end = step + program_->steps.size();
  try {
    AvroCursor in(datum);
    for (; step != end; ++step) {
      if (step->action == AvroAction::kSkip) {
        skip_value(*step->node, in, 1);
      } else {
        run_step(*step, in, to.column(step->column), to.arena());
      }
    }
    if (!in.empty()) [[unlikely]]
      in.fail("bytes follow the record");
  } catch (const Error& error) {
    roll_back(to, program_->reader->columns.size());
    Where where = error.where();
    std::string field = "the record";
    if (step != end) {
      field = fmt::format("field \"{}\"",
                          program_->writer->root().fields[static_cast<size_t>(step - program_->steps.data())].name);
      if (step->action != AvroAction::kSkip) where.column = program_->reader->columns[step->column].name;
    }
    throw Error(Code::kCorrupt,
                fmt::format("{} at byte {} of {}: {}", field, where.position, datum.size(), error.message()), where);
  }
  for (const AvroProgram::Missing& missing : program_->missing) {
    to.column(missing.column).append(missing.value, to.arena());
  }
  to.end_row();
}

}  // namespace headrace
