#include "views/value_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "views/testing_catalog.h"
#include "views/testing_errors.h"

namespace headrace {
namespace {

StreamInfoPtr stream_of(RowTypePtr type, ValueFormat format, std::vector<size_t> key = {}) {
  auto info = std::make_shared<StreamInfo>();
  info->definition.name = "s";
  info->definition.columns = type->columns;
  info->definition.format = format;
  info->schemas = {{7, AvroSchema::from_columns("s", *type)}};
  info->type = std::move(type);
  info->key = std::move(key);
  return info;
}

// Every type, once NOT NULL and once not.
RowTypePtr every_type(bool in_keys) {
  std::vector<Type> types = {{.kind = Kind::kNumeric, .precision = 12, .scale = 2}};
  for (int kind = 0; kind < static_cast<int>(Kind::kArray); ++kind) {
    if (in_keys && static_cast<Kind>(kind) == Kind::kJsonb) continue;
    types.push_back({.kind = static_cast<Kind>(kind)});
  }
  if (!in_keys) {
    types.push_back({.kind = Kind::kArray, .element = Kind::kBigint});
    types.push_back({.kind = Kind::kArray, .element = Kind::kText});
  }
  auto row = std::make_shared<RowType>();
  for (const Type& type : types)
    for (const bool nullable : {false, true})
      row->columns.push_back(
          {.name = fmt::format("c{}", row->columns.size()), .type = type, .nullable = nullable, .default_json = {}});
  return row;
}

RowTypePtr one_column(Kind kind) {
  return std::make_shared<RowType>(
      RowType{{{.name = "line", .type = {.kind = kind}, .nullable = false, .default_json = {}}}});
}

// Usual values and the limits.
std::vector<std::string> values_of(const Type& type) {
  switch (type.kind) {
    case Kind::kBoolean: return {"true", "false"};
    case Kind::kSmallint: return {"0", "-1", "32767", "-32768"};
    case Kind::kInteger: return {"0", "-1", "2147483647", "-2147483648"};
    case Kind::kBigint: return {"0", "-1", "9223372036854775807", "-9223372036854775808"};
    case Kind::kReal: return {"0", "-0", "0.1", "3.4028235e+38", "1e-45", "NaN", "-Infinity"};
    case Kind::kDouble: return {"0", "-0", "0.1", "1.7976931348623157e+308", "5e-324", "NaN", "Infinity"};
    case Kind::kNumeric:
      if (type.precision != 0) return {"0.00", "-0.01", "9999999999.99"};
      return {"0", "1.50", "-99999999999999999999999999999999999999", "0.0000000000000000001"};
    case Kind::kText: return {"", " ", "a \"b\" \\ \n\x01", "\u00fc\u20ac\U0001f600", "[\"x\",null]"};
    case Kind::kBytea: return {"", "\\x00ff5c22", "\\x80"};
    case Kind::kUuid: return {"00000000-0000-0000-0000-000000000000", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"};
    case Kind::kDate: return {"1970-01-01", "1969-12-31", "9999-12-31", "0001-01-01"};
    case Kind::kTimestamptz:
      return {"1970-01-01T00:00:00Z", "2001-02-03T04:05:06.000007Z", "1899-12-31T23:59:59.999999Z"};
    case Kind::kInterval: return {"00:00:00", "1 year 2 mons -3 days 04:05:06.7", "-1 days"};
    case Kind::kJsonb: return {"{}", "[null,1.50,{\"a\":\"\\\"\"}]", "\"text\"", "-1"};
    case Kind::kArray:
      return type.element == Kind::kText ? std::vector<std::string>{"{}", "{a,NULL,\"b \\\"c\"}"}
                                         : std::vector<std::string>{"{}", "{1,NULL,-9223372036854775808}"};
  }
  return {};
}

Batch rows_of(const RowTypePtr& type, size_t rows) {
  BatchBuilder builder(type);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<Value> values;
    for (const Column& column : type->columns) {
      const std::vector<std::string> texts = values_of(column.type);
      const bool null = column.nullable && row % 3 == 0;
      values.push_back(null ? Value() : parse_text(texts[row % texts.size()], column.type));
    }
    builder.append_row(values);
  }
  return builder.finish();
}

std::vector<std::string> texts(const Batch& rows) {
  std::vector<std::string> result;
  for (size_t row = 0; row < rows.rows; ++row) append_row_json(result.emplace_back(), rows, row);
  return result;
}

std::string encoded(const StreamInfoPtr& stream, const Batch& rows, size_t row) {
  std::string value;
  RowEncoder(stream).append_value(value, rows, row);
  return value;
}

// What the records are as rows of `reader`.
std::vector<std::string> decoded(const StreamInfoPtr& reader, const std::deque<std::string>& records) {
  RowDecoder decoder(reader);
  BatchBuilder builder(reader->type);
  for (const std::string& record : records) decoder.decode(record, builder);
  return texts(builder.finish());
}

Batch row_of(const StreamInfoPtr& stream, std::string_view json) {
  return RowParser(stream->type, RowFormat::kJson).parse(json);
}

TEST(ValueCodecTest, EveryTypeComesBack) {
  for (const ValueFormat format : {ValueFormat::kAvro, ValueFormat::kJson}) {
    const StreamInfoPtr stream = stream_of(every_type(false), format);
    const Batch rows = rows_of(stream->type, 60);
    std::deque<std::string> records;
    for (size_t row = 0; row < rows.rows; ++row) records.push_back(encoded(stream, rows, row));
    EXPECT_EQ(decoded(stream, records), texts(rows));
  }
}

TEST(ValueCodecTest, RawIsTheBytesOfTheColumn) {
  for (const Kind kind : {Kind::kText, Kind::kBytea}) {
    const StreamInfoPtr stream = stream_of(one_column(kind), ValueFormat::kRaw);
    BatchBuilder builder(stream->type);
    const std::vector<std::string> values = {"", " with blanks ", "{\"json\":1}", "\u20ac\n", std::string(10'000, 'x')};
    for (const std::string& value : values) builder.append_row(std::vector<Value>{value});
    const Batch rows = builder.finish();
    std::deque<std::string> records;
    for (size_t row = 0; row < rows.rows; ++row) {
      records.push_back(encoded(stream, rows, row));
      EXPECT_EQ(records.back(), values[row]);
    }
    EXPECT_EQ(decoded(stream, records), texts(rows));
  }
}

TEST(ValueCodecTest, KeysAreWhatOtherClientsWrite) {
  TestCatalog catalog(R"(
    CREATE STREAM none (a text);
    CREATE STREAM plain (a text, n bigint, at timestamptz) WITH (key = 'a');
    CREATE STREAM number (a text, n bigint, at timestamptz) WITH (key = 'n');
    CREATE STREAM instant (a text, n bigint, at timestamptz) WITH (key = 'at');
    CREATE STREAM several (a text, n bigint, at timestamptz) WITH (key = 'n, a'))");
  const auto key = [&](std::string_view name, std::string_view json) -> std::optional<std::string> {
    const StreamInfoPtr stream = catalog.stream(name);
    std::string out;
    const bool has = RowEncoder(stream).append_key(out, row_of(stream, json), 0);
    return has ? std::optional(out) : std::nullopt;
  };
  constexpr std::string_view kRow = R"({"a":"ORD \"x\"","n":-5,"at":"2001-01-01T00:00:00Z"})";
  EXPECT_EQ(key("none", R"({"a":"x"})"), std::nullopt);
  EXPECT_EQ(key("plain", kRow), "ORD \"x\"");
  EXPECT_EQ(key("number", kRow), "-5");
  EXPECT_EQ(key("instant", kRow), "2001-01-01T00:00:00Z");
  EXPECT_EQ(key("several", kRow), R"(["-5","ORD \"x\""])");
  EXPECT_EQ(key("several", R"({"n":1})"), R"(["1",null])");
}

TEST(ValueCodecTest, TombstonesHaveTheirKeys) {
  const RowTypePtr type = every_type(true);
  const Batch rows = rows_of(type, 60);
  std::vector<std::vector<size_t>> keys;
  for (size_t column = 0; column < type->columns.size(); ++column) {
    if (type->columns[column].nullable) continue;
    keys.push_back({column});
    keys.push_back({column, 0});
    if (column == 0) keys.back() = {2, 4, 0};
  }
  for (const std::vector<size_t>& key : keys) {
    const StreamInfoPtr stream = stream_of(type, ValueFormat::kAvro, key);
    RowDecoder decoder(stream);
    BatchBuilder builder(type);
    for (size_t row = 0; row < rows.rows; ++row) {
      std::string bytes;
      ASSERT_TRUE(RowEncoder(stream).append_key(bytes, rows, row));
      decoder.decode_key(bytes, builder);
    }
    const Batch back = builder.finish();
    for (size_t column = 0; column < type->columns.size(); ++column) {
      const bool in_key = std::ranges::find(key, column) != key.end();
      for (size_t row = 0; row < rows.rows; ++row) {
        if (!in_key) {
          ASSERT_TRUE(back.columns[column]->null_at(row));
          continue;
        }
        const Type& of = type->columns[column].type;
        ASSERT_EQ(to_text(back.columns[column]->value_at(row), of), to_text(rows.columns[column]->value_at(row), of));
      }
    }
  }
}

TEST(ValueCodecTest, DamagedKeysAreRefused) {
  TestCatalog catalog(R"(CREATE TABLE one (a bigint PRIMARY KEY, b text);
                         CREATE TABLE two (a bigint, b text, c text, PRIMARY KEY (a, b)))");
  const auto refuse = [&](std::string_view table, std::string_view key) {
    const StreamInfoPtr stream = catalog.stream(table);
    BatchBuilder builder(stream->type);
    RowDecoder decoder(stream);
    EXPECT_THROW(decoder.decode_key(key, builder), Error) << key;
    EXPECT_EQ(builder.rows(), 0u);
    EXPECT_EQ(builder.finish().rows, 0u) << "no column may have a part of it";
  };
  for (const char* key : {"", "x", "1.5", "99999999999999999999"}) refuse("one", key);
  for (const char* key : {"", "1", "[", "{}", "[]", R"(["1"])", R"(["1","b","c"])", R"([1,"b"])", R"([null,"b"])",
                          R"(["x","b"])", R"(["1",null])", R"(["1","b"] 2)"})
    refuse("two", key);
}

// Each record of `damaged` must be an Error(kCorrupt) that leaves the builder as it was, also between good rows.
void expect_corrupt(const StreamInfoPtr& stream, const std::string& good, const std::deque<std::string>& damaged) {
  RowDecoder decoder(stream);
  BatchBuilder builder(stream->type);
  std::deque<std::string> goods;
  for (const std::string& record : damaged) {
    const Error error = error_of([&] { decoder.decode(record, builder); });
    EXPECT_EQ(info(error.code()).name, info(Code::kCorrupt).name) << record << "\n" << error.message();
    EXPECT_EQ(builder.rows(), goods.size());
    goods.push_back(good);
    decoder.decode(goods.back(), builder);
  }
  EXPECT_EQ(texts(builder.finish()), decoded(stream, goods));
}

TEST(ValueCodecTest, DamagedAvroIsRefused) {
  const StreamInfoPtr stream = stream_of(every_type(false), ValueFormat::kAvro);
  const std::string good = encoded(stream, rows_of(stream->type, 1), 0);
  std::deque<std::string> damaged;
  for (size_t size = 0; size < good.size(); ++size) damaged.push_back(good.substr(0, size));
  damaged.push_back(good);
  damaged.back()[0] = 1;
  damaged.push_back(good);
  damaged.back()[4] = 8;  // the id of another schema
  expect_corrupt(stream, good, damaged);
  EXPECT_TRUE(error_of([&] { decoded(stream, {damaged.back()}); }).message().contains("schema id 8"));
}

TEST(ValueCodecTest, DamagedJsonIsRefused) {
  TestCatalog catalog("CREATE STREAM s (a text, n smallint NOT NULL, j jsonb) FORMAT JSON");
  expect_corrupt(catalog.stream("s"), R"({"a":"x","n":1,"j":[1]})",
                 {"",
                  " ",
                  "null",
                  "1",
                  "\"text\"",
                  "[]",
                  "[{}]",
                  R"([{"a":"x","n":1}])",
                  "{",
                  R"({"n":1)",
                  R"({"n":1}})",
                  R"({"n":1} {"n":2})",
                  R"({"a":"x"})",
                  R"({"n":null})",
                  R"({"n":1,"n":2})",
                  R"({"n":99999})",
                  R"({"n":"x"})",
                  R"({"a":1,"n":1})",
                  R"({"n":1,"other":2})",
                  "{\"n\":1,\"a\":\"\xff\"}",
                  R"({"n":1,"a":"\u0000"})",
                  R"({"a":"x","n":1,"j":[1})",
                  R"({"a":"x","j":[1],"n":true})"});
}

TEST(ValueCodecTest, DamagedRawTextIsRefused) {
  expect_corrupt(stream_of(one_column(Kind::kText), ValueFormat::kRaw), "good",
                 {"\xff", "a\xc3", std::string(1, '\0')});
}

TEST(ValueCodecTest, OlderRowsHaveTheDefaultsOfNewColumns) {
  for (const char* format : {"AVRO", "JSON"}) {
    TestCatalog catalog(fmt::format("CREATE STREAM s (a bigint) FORMAT {}", format));
    const StreamInfoPtr before = catalog.stream("s");
    catalog.apply("ALTER STREAM s ADD COLUMN b text DEFAULT 'none', ADD COLUMN c integer");
    const StreamInfoPtr after = catalog.stream("s");
    EXPECT_EQ(decoded(after, {encoded(before, row_of(before, R"({"a":1})"), 0),
                              encoded(after, row_of(after, R"({"a":2,"b":null,"c":3})"), 0)}),
              (std::vector<std::string>{R"({"a":1,"b":"none","c":null})", R"({"a":2,"b":null,"c":3})"}));
  }
}

}  // namespace
}  // namespace headrace
