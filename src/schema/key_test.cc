#include "schema/key.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "schema/json_form.h"
#include "schema/json_text.h"

namespace headrace {
namespace {

std::vector<Type> every_type() {
  std::vector<Type> types;
  for (int i = 0; i < static_cast<int>(Kind::kArray); ++i) types.push_back({.kind = static_cast<Kind>(i)});
  types.push_back({.kind = Kind::kNumeric, .precision = 12, .scale = 2});
  for (const Kind element : {Kind::kInteger, Kind::kText, Kind::kNumeric, Kind::kDouble}) {
    types.push_back({.kind = Kind::kArray, .element = element});
  }
  return types;
}

std::string random_text(Random& random) {
  std::string text;
  for (uint64_t left = random.below(6); left > 0; --left) text += "ab\x01\x7f \""[random.below(6)];
  return text;
}

std::string random_json(Random& random, int depth) {
  constexpr std::string_view kScalars[] = {"null", "true", "false", "0",     "1",     "1.0",
                                           "-1.5", "100",  "\"\"",  "\"a\"", "\"ab\""};
  if (depth == 0 || random.one_in(2)) return std::string(kScalars[random.below(std::size(kScalars))]);
  const bool object = random.one_in(2);
  std::string json = object ? "{" : "[";
  for (uint64_t left = random.below(4); left > 0; --left) {
    if (json.size() > 1) json += ',';
    if (object) json += std::string("\"") + "abc"[random.below(3)] + "\":";
    json += random_json(random, depth - 1);
  }
  return json + (object ? "}" : "]");
}

// Small ranges, so that equal values and common beginnings are frequent, and now and then the whole range.
Value random_value(Random& random, const Type& type) {
  if (random.one_in(10)) return {};
  const bool wide = random.one_in(2);
  const auto integer = [&](int bits) {
    const auto value = static_cast<int64_t>(random());
    return wide ? value >> (64 - bits) : value >> 60;
  };
  switch (type.kind) {
    case Kind::kBoolean: return static_cast<int64_t>(random.below(2));
    case Kind::kSmallint: return integer(16);
    case Kind::kInteger:
    case Kind::kDate: return integer(32);
    case Kind::kBigint:
    case Kind::kTimestamptz: return integer(64);
    case Kind::kReal:
    case Kind::kDouble: {
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      constexpr double kSpecial[] = {0.0, -0.0, kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN(),
                                     1,   -1,   0.5};
      if (!wide) return kSpecial[random.below(std::size(kSpecial))];
      if (type.kind == Kind::kReal) return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(random())));
      return std::bit_cast<double>(random());
    }
    case Kind::kNumeric: {
      if (type.precision != 0) return Decimal{integer(38), type.scale};
      if (!wide) return Decimal{integer(64), static_cast<int32_t>(random.below(3))};
      __int128 coefficient = 0;
      for (uint64_t left = random.below(39); left > 0; --left)
        coefficient = coefficient * 10 + static_cast<int>(random.below(10));
      return Decimal{random.one_in(2) ? coefficient : -coefficient, static_cast<int32_t>(random.below(39))};
    }
    case Kind::kText: return random_text(random);
    case Kind::kBytea: {
      std::string bytes;
      for (uint64_t left = random.below(6); left > 0; --left) bytes += "\x00\x01\xff\x61"[random.below(4)];
      return bytes;
    }
    case Kind::kUuid: {
      std::string bytes(16, '\0');
      bytes[random.below(16)] = static_cast<char>(random());
      return bytes;
    }
    case Kind::kInterval:
      return Interval{static_cast<int32_t>(integer(32)), static_cast<int32_t>(integer(32)), integer(64)};
    case Kind::kJsonb: return parse_text(random_json(random, 3), type);
    case Kind::kArray: {
      std::vector<Value> elements;
      for (uint64_t left = random.below(4); left > 0; --left)
        elements.push_back(random_value(random, {.kind = type.element}));
      return array_json(elements, type.element);
    }
  }
  return {};
}

std::string key_of(const Value& value, const Type& type) {
  std::string key;
  append_key(key, value, type);
  return key;
}

int sign(int value) {
  return (value > 0) - (value < 0);
}

constexpr uint64_t kSeed = 20260801;
constexpr int kRounds = 4000;

TEST(Key, BytesAreOrderedAsValues) {
  Random random(kSeed);
  for (const Type& type : every_type()) {
    for (int i = 0; i < kRounds; ++i) {
      const Value left = random_value(random, type);
      const Value right = random_value(random, type);
      ASSERT_EQ(sign(key_of(left, type).compare(key_of(right, type))), sign(compare(left, right, type)))
          << type.name() << " " << to_text(left, type) << " " << to_text(right, type) << " seed " << kSeed;
    }
  }
}

TEST(Key, ValuesComeBackEqual) {
  Random random(kSeed + 1);
  for (const Type& type : every_type()) {
    for (int i = 0; i < kRounds; ++i) {
      const Value value = random_value(random, type);
      std::string key = key_of(value, type);
      const std::string canonical = key;
      key += "rest";
      std::string_view bytes = key;
      const Value back = take_key(bytes, type);
      ASSERT_EQ(bytes, "rest");
      ASSERT_EQ(compare(back, value, type), 0)
          << type.name() << " " << to_text(value, type) << " " << to_text(back, type);
      ASSERT_EQ(key_of(back, type), canonical);
    }
  }
}

// A key of several columns is ordered by the first that differs, whatever stands behind it.
TEST(Key, ColumnsAreOrderedOneAfterTheOther) {
  Random random(kSeed + 2);
  const Type types[] = {
      {.kind = Kind::kText}, {.kind = Kind::kNumeric}, {.kind = Kind::kJsonb}, {.kind = Kind::kBytea}};
  for (int i = 0; i < kRounds; ++i) {
    std::string left_key;
    std::string right_key;
    int expected = 0;
    for (const Type& type : types) {
      const Value left = random_value(random, type);
      const Value right = random.one_in(2) ? left : random_value(random, type);
      append_key(left_key, left, type);
      append_key(right_key, right, type);
      if (expected == 0) expected = sign(compare(left, right, type));
    }
    ASSERT_EQ(sign(left_key.compare(right_key)), expected) << "seed " << kSeed;
  }
}

TEST(Key, ColumnCellsHaveTheKeysOfTheirValues) {
  Random random(kSeed + 3);
  for (const Type& type : every_type()) {
    ColumnData column(type);
    Arena arena;
    std::vector<Value> values;
    for (int i = 0; i < 100; ++i) {
      values.push_back(random_value(random, type));
      column.append(values.back(), arena);
    }
    for (size_t i = 0; i < values.size(); ++i) {
      std::string key;
      append_key(key, column, i);
      EXPECT_EQ(key, key_of(values[i], type));
      std::string from_column;
      std::string from_value;
      append_value(from_column, column, i);
      append_value(from_value, values[i], type);
      EXPECT_EQ(from_column, from_value);
    }
  }
}

TEST(Key, CanonicalFormsAreDocumented) {
  const auto through = [](const char* text, const Type& type) {
    const std::string key = key_of(parse_text(text, type), type);
    std::string_view bytes = key;
    return to_text(take_key(bytes, type), type);
  };
  EXPECT_EQ(through("12.50", {.kind = Kind::kNumeric}), "12.5");
  EXPECT_EQ(through("1000", {.kind = Kind::kNumeric}), "1000");
  EXPECT_EQ(through("99999999999999999999999999999999999999", {.kind = Kind::kNumeric}),
            "99999999999999999999999999999999999999");
  EXPECT_EQ(through("1 mon", {.kind = Kind::kInterval}), "30 days");
  EXPECT_EQ(through("3 days 05:00:00", {.kind = Kind::kInterval}), "3 days 05:00:00");
  EXPECT_EQ(through("{\"a\": [1.0, \"x\"]}", {.kind = Kind::kJsonb}), "{\"a\":[1,\"x\"]}");
}

TEST(Key, RefusesIntegersBeyondTheirType) {
  std::string out;
  EXPECT_THROW(append_key(out, Value{int64_t{40'000}}, {.kind = Kind::kSmallint}), Error);
  EXPECT_THROW(append_key(out, Value{int64_t{1} << 40}, {.kind = Kind::kDate}), Error);
  EXPECT_EQ(out, "");
}

TEST(Key, RefusesJsonbThatIsNotJson) {
  std::string out;
  EXPECT_THROW(append_key(out, Value{std::string("[1,")}, {.kind = Kind::kJsonb}), Error);
  EXPECT_THROW(append_key(out, Value{std::string(1'000'000, '[')}, {.kind = Kind::kJsonb}), Error);
}

TEST(Key, PrefixEndIsTheNextStringThatIsNoContinuation) {
  EXPECT_EQ(prefix_end("a"), "b");
  EXPECT_EQ(prefix_end("a\xff"), "b");
  EXPECT_EQ(prefix_end("\xff\xff"), "");
  EXPECT_EQ(prefix_end(""), "");
  EXPECT_EQ(prefix_end(std::string_view("a\0", 2)), "a\x01");
}

TEST(StoredValue, ComesBackExactly) {
  Random random(kSeed + 4);
  for (const Type& type : every_type()) {
    for (int i = 0; i < kRounds; ++i) {
      const Value value = random_value(random, type);
      std::string bytes;
      append_value(bytes, value, type);
      bytes += "rest";
      std::string_view left = bytes;
      const Value back = take_value(left, type);
      ASSERT_EQ(left, "rest");
      ASSERT_EQ(to_text(back, type), to_text(value, type));
      ASSERT_EQ(is_null(back), is_null(value));
    }
  }
  for (const int64_t edge : {INT64_MIN, INT64_MAX}) {
    std::string bytes;
    append_value(bytes, Value{edge}, {.kind = Kind::kBigint});
    std::string_view left = bytes;
    EXPECT_EQ(take_value(left, {.kind = Kind::kBigint}), Value{edge});
  }
}

TEST(StoredValue, IsCompact) {
  const auto size = [](const char* text, Kind kind) {
    std::string bytes;
    append_value(bytes, parse_text(text, {.kind = kind}), {.kind = kind});
    return bytes.size();
  };
  EXPECT_EQ(size("true", Kind::kBoolean), 1U);
  EXPECT_EQ(size("60", Kind::kBigint), 1U);
  EXPECT_EQ(size("abc", Kind::kText), 4U);
  EXPECT_EQ(size("12.50", Kind::kNumeric), 3U);
}

// Whatever is cut off or changed is found out, or read as some value; it never reads past the end.
TEST(StoredValue, DamagedBytesAreReported) {
  Random random(kSeed + 5);
  for (const Type& type : every_type()) {
    for (int i = 0; i < 500; ++i) {
      const Value value = random_value(random, type);
      std::string key = key_of(value, type);
      std::string stored;
      append_value(stored, value, type);
      for (std::string* bytes : {&key, &stored}) {
        if (random.one_in(2)) {
          bytes->resize(random.below(bytes->size()));
        } else {
          (*bytes)[random.below(bytes->size())] = static_cast<char>(random());
        }
        std::string_view left = *bytes;
        try {
          if (bytes == &key) {
            take_key(left, type);
          } else {
            take_value(left, type);
          }
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), Code::kCorrupt) << error.message();
          EXPECT_EQ(left, *bytes) << "nothing is taken from damaged bytes";
        }
      }
    }
  }
}

}  // namespace
}  // namespace headrace
