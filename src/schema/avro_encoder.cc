// Writing rows as Avro. A row's largest possible size is added up first, so that its bytes are then written through a
// plain pointer, without a check for each.

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "schema/avro.h"
#include "schema/avro_encoding.h"
#include "schema/interval.h"
#include "schema/json_form.h"
#include "schema/text_form.h"

namespace headrace {
namespace {

constexpr size_t kPrefixBytes = 5;
constexpr size_t kIntervalTextBytesMax = 160;

// A union's branch, and a length or a number.
constexpr size_t kNumbersBytesMax = 1 + kVarintBytesMax;

size_t bytes_max(const ColumnData& column, size_t row) {
  switch (column.type.kind) {
    case Kind::kNumeric: return kNumbersBytesMax + Decimal::kTextBytesMax;
    case Kind::kText:
    case Kind::kBytea:
    case Kind::kJsonb: return kNumbersBytesMax + column.bytes[row].size();
    case Kind::kUuid: return kNumbersBytesMax + kUuidTextBytes;
    case Kind::kInterval: return kNumbersBytesMax + kIntervalTextBytesMax;
    default: return kNumbersBytesMax;
  }
}

char* put_bytes(char* to, std::string_view bytes) {
  to = put_varint(to, static_cast<int64_t>(bytes.size()));
  return std::copy(bytes.begin(), bytes.end(), to);
}

template <typename Bits>
char* put_little_endian(char* to, Bits bits) {
  std::memcpy(to, &bits, sizeof bits);
  return to + sizeof bits;
}

char* put_numeric(char* to, const Decimal& value, const Type& type) {
  if (type.precision == 0) {
    char text[Decimal::kTextBytesMax];
    return put_bytes(to, {text, value.format(text)});
  }
  char bytes[kDecimalBytesMax];
  const Decimal scaled = value.scale == type.scale ? value : value.with_scale(type.scale);
  return put_bytes(to, {bytes, put_decimal(bytes, scaled.coefficient)});
}

char* put_value(char* to, const ColumnData& column, size_t row) {
  switch (column.type.kind) {
    case Kind::kBoolean: *to = static_cast<char>(column.ints[row]); return to + 1;
    case Kind::kSmallint:
    case Kind::kInteger:
    case Kind::kBigint:
    case Kind::kDate:
    case Kind::kTimestamptz: return put_varint(to, column.ints[row]);
    case Kind::kReal: return put_little_endian(to, static_cast<float>(column.floats[row]));
    case Kind::kDouble: return put_little_endian(to, column.floats[row]);
    case Kind::kNumeric: return put_numeric(to, column.decimals[row], column.type);
    case Kind::kText:
    case Kind::kBytea:
    case Kind::kJsonb: return put_bytes(to, column.bytes[row]);
    case Kind::kUuid: {
      char text[kUuidTextBytes];
      check(column.bytes[row].size() == 16, "a uuid has 16 bytes");
      format_uuid(text, column.bytes[row]);
      return put_bytes(to, {text, sizeof text});
    }
    case Kind::kInterval: {
      std::string text;
      append_interval(text, column.intervals[row]);
      check(text.size() <= kIntervalTextBytesMax, "an interval's text fits into the room reserved for it");
      return put_bytes(to, text);
    }
    case Kind::kArray: break;
  }
  check(false, "arrays are written by append_array");
  return to;
}

// Grows `out` by at most `room` bytes, which `put` writes.
template <typename Put>
void append_at_most(std::string& out, size_t room, Put put) {
  const size_t before = out.size();
  out.resize_and_overwrite(before + room,
                           [&](char* data, size_t) { return static_cast<size_t>(put(data + before) - data); });
}

// One block of ["null", T] items, and the empty block that ends the array.
void append_array(std::string& out, std::string_view json, Kind element) {
  const std::vector<Value> values = array_elements(json, element);
  ColumnData items(Type{element});
  Arena arena;
  for (const Value& value : values) items.append(value, arena);
  Writer writer(out);
  if (!values.empty()) writer.varint(static_cast<int64_t>(values.size()));
  for (size_t row = 0; row < values.size(); ++row) {
    writer.varint(items.null_at(row) ? 0 : 1);
    if (items.null_at(row)) continue;
    append_at_most(out, bytes_max(items, row), [&](char* to) { return put_value(to, items, row); });
  }
  writer.varint(0);
}

// A column's default decides which branch of its union is the first (from_columns).
bool null_is_first(const Column& column) {
  return column.default_json.empty() || column.default_json == "null";
}

char* put_branch(char* to, const Column& column, bool is_null) {
  check(column.nullable || !is_null, "a NOT NULL column has a value in every row that is written");
  if (!column.nullable) return to;
  *to = is_null == null_is_first(column) ? 0 : 2;
  return to + 1;
}

}  // namespace

AvroEncoder::AvroEncoder(RowTypePtr type, int32_t schema_id) : type_(std::move(type)), schema_id_(schema_id) {}

void AvroEncoder::append(std::string& out, const Batch& batch, size_t row) const {
  const size_t columns = type_->columns.size();
  check(batch.columns.size() == columns, "a batch has the columns that its encoder was made for");
  // Columns up to the next array, which needs its size to be found out first, are written in one go.
  size_t at = 0;
  bool first = true;
  do {
    size_t end = at;
    size_t room = first ? kPrefixBytes : 0;
    for (; end < columns && type_->columns[end].type.kind != Kind::kArray; ++end) {
      room += bytes_max(*batch.columns[end], row);
    }
    append_at_most(out, room + 1, [&](char* to) {
      if (first) {
        *to = 0;
        store_big_endian(to + 1, schema_id_);
        to += kPrefixBytes;
      }
      for (; at < end; ++at) {
        const bool is_null = batch.columns[at]->null_at(row);
        to = put_branch(to, type_->columns[at], is_null);
        if (!is_null) to = put_value(to, *batch.columns[at], row);
      }
      // The array's branch; room for it is the 1 above.
      return at < columns ? put_branch(to, type_->columns[at], batch.columns[at]->null_at(row)) : to;
    });
    first = false;
    if (at < columns) {
      if (!batch.columns[at]->null_at(row))
        append_array(out, batch.columns[at]->bytes[row], type_->columns[at].type.element);
      ++at;
    }
  } while (at < columns);
}

}  // namespace headrace
