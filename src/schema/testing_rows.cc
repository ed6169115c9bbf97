#include "schema/testing_rows.h"

#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "schema/json_form.h"
#include "schema/json_text.h"
#include "schema/timestamp.h"

namespace headrace::testing {
namespace {

// Small numbers, large ones and the limits.
int64_t random_between(Random& random, int64_t least, int64_t greatest) {
  switch (random.below(6)) {
    case 0: return least;
    case 1: return greatest;
    case 2: return least < 0 && greatest > 0 ? static_cast<int64_t>(random.below(200)) - 100 : least;
    default: break;
  }
  const uint64_t span = static_cast<uint64_t>(greatest) - static_cast<uint64_t>(least);
  const uint64_t offset = span == UINT64_MAX ? random() : random.below(span + 1);
  return static_cast<int64_t>(static_cast<uint64_t>(least) + (offset >> random.below(64)));
}

std::string random_text(Random& random) {
  static constexpr std::string_view kPieces[] = {"a",  "Z",  "0",   " ",      ",",      "\"",         "\\",       "\n",
                                                 "\r", "\t", "\x1", "\u00e9", "\u20ac", "\U0001f600", "{[null]}", "'"};
  std::string text;
  for (size_t left = random.below(12); left > 0; --left) text += kPieces[random.below(std::size(kPieces))];
  return text;
}

double random_double(Random& random) {
  switch (random.below(5)) {
    case 0: return static_cast<double>(static_cast<int64_t>(random.below(2000)) - 1000);
    case 1: return std::numeric_limits<double>::infinity();
    case 2: return -0.0;
    default: break;
  }
  const double value = std::bit_cast<double>(random());
  return std::isnan(value) ? 1.5 : value;
}

Decimal random_decimal(Random& random, const Type& type) {
  const int digits_max = type.precision == 0 ? Decimal::kDigitsMax : type.precision;
  __int128 coefficient = 0;
  for (uint64_t left = random.below(static_cast<uint64_t>(digits_max) + 1); left > 0; --left) {
    coefficient = coefficient * 10 + static_cast<int>(random.below(10));
  }
  const int32_t scale = type.precision == 0 ? static_cast<int32_t>(random.below(20)) : type.scale;
  return {random.one_in(2) ? -coefficient : coefficient, scale};
}

std::string random_json(Random& random, int depth) {
  std::string out;
  switch (random.below(depth > 3 ? 4 : 6)) {
    case 0: return random.one_in(2) ? "true" : "null";
    case 1: return std::to_string(random_between(random, INT64_MIN, INT64_MAX));
    case 2: return "-0.5";
    case 3: append_json_string(out, random_text(random)); return out;
    case 4:
      out = "[";
      for (size_t left = random.below(4); left > 0; --left) {
        if (out.size() > 1) out += ',';
        out += random_json(random, depth + 1);
      }
      return out + "]";
    default: break;
  }
  out = "{";
  for (size_t left = random.below(4); left > 0; --left) {
    if (out.size() > 1) out += ',';
    append_json_string(out, random_text(random));
    out += ':' + random_json(random, depth + 1);
  }
  return out + "}";
}

}  // namespace

Type random_type(Random& random) {
  Type type{static_cast<Kind>(random.below(static_cast<uint64_t>(Kind::kArray) + 1))};
  if (type.kind == Kind::kNumeric && random.one_in(2)) {
    type.precision = static_cast<uint8_t>(1 + random.below(Decimal::kDigitsMax));
    type.scale = static_cast<uint8_t>(random.below(type.precision + 1u));
  }
  if (type.kind == Kind::kArray) type.element = static_cast<Kind>(random.below(static_cast<uint64_t>(Kind::kArray)));
  return type;
}

RowTypePtr random_row_type(Random& random, size_t columns_max) {
  static constexpr std::string_view kStems[] = {"a", "some_name", "with space", "\u00fcber", "quo\"te", "1"};
  auto type = std::make_shared<RowType>();
  for (size_t left = 1 + random.below(columns_max); left > 0; --left) {
    Column column;
    column.name = std::string(kStems[random.below(std::size(kStems))]) + std::to_string(left);
    column.type = random_type(random);
    column.nullable = !random.one_in(3);
    if (random.one_in(4)) append_json(column.default_json, random_value(random, column.type), column.type);
    type->columns.push_back(std::move(column));
  }
  return type;
}

Value random_value(Random& random, const Type& type) {
  switch (type.kind) {
    case Kind::kBoolean: return static_cast<int64_t>(random.below(2));
    case Kind::kSmallint: return random_between(random, INT16_MIN, INT16_MAX);
    case Kind::kInteger: return random_between(random, INT32_MIN, INT32_MAX);
    case Kind::kBigint: return random_between(random, INT64_MIN, INT64_MAX);
    case Kind::kReal: {
      const auto value = std::bit_cast<float>(static_cast<uint32_t>(random()));
      return static_cast<double>(std::isnan(value) ? 0.1f : value);
    }
    case Kind::kDouble: return random_double(random);
    case Kind::kNumeric: return random_decimal(random, type);
    case Kind::kText: return random_text(random);
    case Kind::kBytea:
    case Kind::kUuid: {
      std::string bytes(type.kind == Kind::kUuid ? 16 : random.below(20), '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      return bytes;
    }
    case Kind::kDate: return random_between(random, kDateMin, kDateMax);
    case Kind::kTimestamptz: return random_between(random, kTimestampMin, kTimestampMax);
    case Kind::kInterval:
      return Interval{static_cast<int32_t>(random_between(random, -1'000'000, 1'000'000)),
                      static_cast<int32_t>(random_between(random, INT32_MIN, INT32_MAX)),
                      random_between(random, -(int64_t{1} << 60), int64_t{1} << 60)};
    case Kind::kJsonb: {
      std::string canonical;
      check(!append_canonical_json(canonical, random_json(random, 0)), "random JSON is JSON");
      // In a row sent as JSON, null is SQL's NULL and not jsonb's.
      return canonical == "null" ? "[null]" : canonical;
    }
    case Kind::kArray: break;
  }
  std::vector<Value> elements(random.below(5));
  for (Value& element : elements) {
    if (!random.one_in(4)) element = random_value(random, Type{type.element});
  }
  return array_json(elements, type.element);
}

Batch random_batch(Random& random, const RowTypePtr& type, size_t rows) {
  BatchBuilder builder(type);
  std::vector<Value> values(type->columns.size());
  for (; rows > 0; --rows) {
    for (size_t index = 0; index < values.size(); ++index) {
      const bool null = type->columns[index].nullable && random.one_in(4);
      values[index] = null ? Value() : random_value(random, type->columns[index].type);
    }
    builder.append_row(values);
  }
  return builder.finish();
}

std::string row_json(const Batch& batch, size_t row) {
  std::string out;
  append_row_json(out, batch, row);
  return out;
}

}  // namespace headrace::testing
