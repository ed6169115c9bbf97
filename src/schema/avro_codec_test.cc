#include <gtest/gtest.h>

#include <limits>

#include "base/bytes.h"
#include "base/error.h"
#include "schema/avro.h"
#include "schema/avro_encoding.h"
#include "schema/testing_rows.h"

namespace headrace {
namespace {

using testing::row_json;

RowTypePtr row_type(std::vector<Column> columns) {
  return std::make_shared<const RowType>(RowType{std::move(columns)});
}

AvroSchemaPtr schema_of(std::string_view type, std::string_view more = "") {
  return AvroSchema::parse(R"({"type":"record","name":"r","fields":[{"name":"a","type":)" + std::string(type) +
                           std::string(more) + "}]}");
}

std::string varint(int64_t value) {
  std::string out;
  Writer(out).varint(value);
  return out;
}
std::string sized(std::string_view bytes) {
  return varint(static_cast<int64_t>(bytes.size())) + std::string(bytes);
}

std::string decode_json(const AvroSchemaPtr& writer, const RowTypePtr& reader, std::string_view datum) {
  BatchBuilder builder(reader);
  AvroDecoder(writer, reader).decode(datum, builder);
  return row_json(builder.finish(), 0);
}

Error decode_error(const AvroSchemaPtr& writer, const RowTypePtr& reader, std::string_view datum) {
  BatchBuilder builder(reader);
  const AvroDecoder decoder(writer, reader);
  try {
    decoder.decode(datum, builder);
  } catch (const Error& error) {
    EXPECT_EQ(builder.rows(), 0u);
    for (size_t index = 0; index < reader->columns.size(); ++index) EXPECT_EQ(builder.column(index).size(), 0u);
    return error;
  }
  ADD_FAILURE() << "decoded";
  return Error(Code::kInternal, "none");
}

TEST(AvroCodec, WritesTheBytesOfTheSpecification) {
  const auto type = row_type({{"big", {Kind::kBigint}, false},
                              {"words", {Kind::kText}, true},
                              {"money", {Kind::kNumeric, 9, 2}, true, "0.00"},
                              {"labels", {.kind = Kind::kArray, .element = Kind::kText}, false}});
  BatchBuilder builder(type);
  builder.append_row(
      std::vector<Value>{int64_t{-64}, std::string("foo"), Decimal{-129, 2}, std::string(R"(["x",null])")});
  builder.append_row(std::vector<Value>{int64_t{64}, Value(), Value(), std::string("[]")});
  const Batch batch = builder.finish();
  const AvroEncoder encoder(type, 0x01020304);
  std::string first, second;
  encoder.append(first, batch, 0);
  encoder.append(second, batch, 1);
  using namespace std::string_literals;
  EXPECT_EQ(first, "\0\1\2\3\4"s + "\x7f"s +
                       "\x02\x06"
                       "foo"s +
                       "\x00\x04\xff\x7f"s + "\x04\x02\x02x\x00\x00"s);
  EXPECT_EQ(second, "\0\1\2\3\4"s + "\x80\x01"s + "\x00"s + "\x02"s + "\x00"s);
}

TEST(AvroCodec, DecimalsAreTheShortestTwosComplement) {
  const auto bytes_of = [](__int128 value) {
    char buffer[kDecimalBytesMax];
    return std::string(buffer, put_decimal(buffer, value));
  };
  using namespace std::string_literals;
  EXPECT_EQ(bytes_of(0), "\0"s);
  EXPECT_EQ(bytes_of(127), "\x7f");
  EXPECT_EQ(bytes_of(128), "\0\x80"s);
  EXPECT_EQ(bytes_of(-128), "\x80");
  EXPECT_EQ(bytes_of(-129), "\xff\x7f");
  EXPECT_EQ(bytes_of(-1), "\xff");
  EXPECT_EQ(bytes_of(static_cast<__int128>(1) << 126).size(), 16u);
}

TEST(AvroCodec, RandomRowsComeBackAsTheyWere) {
  const uint64_t seed = 20010101;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 300; ++round) {
    const RowTypePtr type = testing::random_row_type(random, 12);
    const Batch batch = testing::random_batch(random, type, 8);
    const AvroSchemaPtr schema = AvroSchema::from_columns("random", *type);
    const RowType columns = schema->to_columns();
    for (size_t index = 0; index < type->columns.size(); ++index) {
      const Column& column = type->columns[index];
      ASSERT_EQ(columns.columns[index].default_json, column.default_json) << column.type.name();
      ASSERT_EQ(columns.columns[index], column);
    }
    const AvroEncoder encoder(type, 7);
    const AvroDecoder decoder(schema, type);
    std::vector<std::string> data(batch.rows);
    BatchBuilder builder(type);
    for (size_t row = 0; row < batch.rows; ++row) {
      encoder.append(data[row], batch, row);
      decoder.decode(std::string_view(data[row]).substr(5), builder);
    }
    const Batch back = builder.finish();
    for (size_t row = 0; row < batch.rows; ++row) {
      ASSERT_EQ(row_json(back, row), row_json(batch, row));
      for (size_t column = 0; column < type->columns.size(); ++column) {
        ASSERT_EQ(back.columns[column]->null_at(row), batch.columns[column]->null_at(row));
      }
    }
  }
}

// Every prefix and every flipped bit of a row: an error that leaves the columns alone, or another valid row.
TEST(AvroCodec, DamagedRowsNeverHarm) {
  const uint64_t seed = 4711;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 40; ++round) {
    const RowTypePtr type = testing::random_row_type(random, 8);
    const Batch batch = testing::random_batch(random, type, 1);
    const AvroDecoder decoder(AvroSchema::from_columns("random", *type), type);
    std::string datum;
    AvroEncoder(type, 7).append(datum, batch, 0);
    datum.erase(0, 5);
    BatchBuilder builder(type);
    std::vector<std::unique_ptr<std::string>> kept;
    const auto attempt = [&](std::string bytes, bool must_fail) {
      kept.push_back(std::make_unique<std::string>(std::move(bytes)));
      const size_t before = builder.rows();
      try {
        decoder.decode(*kept.back(), builder);
        EXPECT_FALSE(must_fail);
        EXPECT_EQ(builder.rows(), before + 1);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::kCorrupt);
        EXPECT_EQ(builder.rows(), before);
      }
      for (size_t index = 0; index < type->columns.size(); ++index) {
        ASSERT_EQ(builder.column(index).size(), builder.rows());
      }
    };
    for (size_t size = 0; size < datum.size(); ++size) attempt(datum.substr(0, size), true);
    attempt(datum + "x", true);
    for (size_t bit = 0; bit < datum.size() * 8; ++bit) {
      std::string flipped = datum;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      attempt(flipped, false);
    }
    const Batch rows = builder.finish();
    for (size_t row = 0; row < rows.rows; ++row) row_json(rows, row);
  }
}

// The specification's "Schema Resolution", with rows as the reader's side.
TEST(AvroResolution, FollowsTheSpecification) {
  using namespace std::string_literals;
  const std::string half = "\x00\x00\x00\x3f"s;                     // 0.5 as float
  const std::string quarter = "\x00\x00\x00\x00\x00\x00\xd0\x3f"s;  // 0.25 as double
  const Type texts{.kind = Kind::kArray, .element = Kind::kText};
  const Type bigs{.kind = Kind::kArray, .element = Kind::kBigint};
  const std::string_view kState = R"({"type":"enum","name":"e","symbols":["NEW","PAID"]})";
  struct Case {
    std::string_view writer;
    Type reader;
    std::string datum;
    std::string_view value;
  };
  const Case cases[] = {
      {R"("int")", {Kind::kBigint}, varint(-5), "-5"},
      {R"("int")", {Kind::kReal}, varint(16777217), "1.6777216e+07"},
      {R"("int")", {Kind::kDouble}, varint(16777217), "16777217"},
      {R"("long")", {Kind::kReal}, varint(3), "3"},
      {R"("long")", {Kind::kDouble}, varint(1), "1"},
      {R"("float")", {Kind::kDouble}, half, "0.5"},
      {R"("double")", {Kind::kDouble}, quarter, "0.25"},
      {R"("string")", {Kind::kBytea}, sized("ab"), R"("YWI=")"},
      {R"("bytes")", {Kind::kText}, sized("ab"), R"("ab")"},
      {R"("int")", {Kind::kNumeric, 6, 2}, varint(12), "12.00"},
      {R"("long")", {Kind::kNumeric}, varint(12), "12"},
      {R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":1})",
       {Kind::kNumeric, 9, 2},
       sized("\x0f"),
       "1.50"},
      {R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":1})", {Kind::kNumeric}, sized("\xf1"), "-1.5"},
      {R"({"type":"fixed","name":"f","size":20,"logicalType":"decimal","precision":4,"scale":1})",
       {Kind::kNumeric, 4, 1},
       std::string(19, '\xff') + "\xf1",
       "-1.5"},
      {kState, {Kind::kText}, varint(1), R"("PAID")"},
      {R"({"type":"fixed","name":"f","size":2})", {Kind::kBytea}, "ab", R"("YWI=")"},
      {R"({"type":"fixed","name":"f","size":16,"logicalType":"uuid"})",
       {Kind::kUuid},
       std::string(16, '\x11'),
       R"("11111111-1111-1111-1111-111111111111")"},
      {R"({"type":"fixed","name":"f","size":12,"logicalType":"duration"})",
       {Kind::kInterval},
       "\x01\x00\x00\x00\x02\x00\x00\x00\xe8\x03\x00\x00"s,
       R"("1 mon 2 days 00:00:01")"},
      {R"({"type":"long","logicalType":"timestamp-millis"})",
       {Kind::kTimestamptz},
       varint(1500),
       R"("1970-01-01T00:00:01.500000Z")"},
      {R"({"type":"long","logicalType":"timestamp-micros"})", {Kind::kBigint}, varint(1500), "1500"},
      {R"(["null","int"])", {Kind::kBigint}, varint(0), "null"},
      {R"(["null","int"])", {Kind::kBigint}, varint(1) + varint(9), "9"},
      {R"(["int","null"])", {Kind::kBigint}, varint(0) + varint(9), "9"},
      {R"(["int","null"])", {Kind::kBigint}, varint(1), "null"},
      {R"(["int","long","null"])", {Kind::kBigint}, varint(1) + varint(9), "9"},
      {R"(["int","long","null"])", {Kind::kBigint}, varint(2), "null"},
      {R"(["string"])", {Kind::kText}, varint(0) + sized("x"), R"("x")"},
      {R"({"type":"array","items":"string"})", texts, varint(2) + sized("a") + sized("b") + varint(0), R"(["a","b"])"},
      {R"({"type":"array","items":"int"})", bigs,
       varint(-1) + varint(1) + varint(3) + varint(1) + varint(4) + varint(0), "[3,4]"},
      {R"({"type":"array","items":"int"})", bigs, varint(0), "[]"},
  };
  for (const Case& c : cases) {
    const RowTypePtr reader = row_type({{"a", c.reader}});
    EXPECT_EQ(decode_json(schema_of(c.writer), reader, c.datum), R"({"a":)" + std::string(c.value) + "}")
        << c.writer << " as " << c.reader.name();
  }
}

TEST(AvroResolution, RefusesWhatDoesNotResolve) {
  struct Case {
    std::string_view writer;
    Type reader;
  };
  const Case cases[] = {
      {R"("long")", {Kind::kInteger}},
      {R"("double")", {Kind::kReal}},
      {R"("float")", {Kind::kBigint}},
      {R"("string")", {Kind::kBigint}},
      {R"("boolean")", {Kind::kInteger}},
      {R"("int")", {Kind::kBoolean}},
      {R"("int")", {Kind::kText}},
      {R"("long")", {Kind::kTimestamptz}},
      {R"("null")", {Kind::kText}},
      {R"(["null","string"])", {Kind::kBigint}},
      {R"(["int","boolean"])", {Kind::kText}},
      {R"({"type":"map","values":"int"})", {Kind::kText}},
      {R"({"type":"array","items":"string"})", {.kind = Kind::kArray, .element = Kind::kBigint}},
      {R"({"type":"bytes","logicalType":"decimal","precision":9,"scale":4})", {Kind::kNumeric, 9, 2}},
      {R"({"type":"bytes","logicalType":"decimal","precision":9,"scale":4})", {Kind::kBytea}},
  };
  for (const Case& c : cases) {
    try {
      AvroDecoder decoder(schema_of(c.writer), row_type({{"a", c.reader}}));
      ADD_FAILURE() << c.writer << " as " << c.reader.name();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalid);
      EXPECT_EQ(error.where().column, "a");
    }
  }
}

TEST(AvroResolution, MatchesFieldsByNameAndAlias) {
  const auto writer = AvroSchema::parse(R"({"type":"record","name":"r","fields":[
    {"name":"first","type":"int"},{"name":"qty","type":"int","aliases":["quantity"]},{"name":"last","type":"string"}]})");
  const auto reader = row_type({{"last", {Kind::kText}},
                                {"quantity", {Kind::kBigint}},
                                {"added", {Kind::kInteger}, false, "42"},
                                {"first", {Kind::kInteger}},
                                {"unknown", {Kind::kText}}});
  EXPECT_EQ(decode_json(writer, reader, varint(1) + varint(2) + sized("z")),
            R"({"last":"z","quantity":2,"added":42,"first":1,"unknown":null})");
}

TEST(AvroResolution, NeedsAValueForEveryNotNullColumn) {
  const auto writer = schema_of(R"("int")");
  try {
    AvroDecoder decoder(writer, row_type({{"a", {Kind::kInteger}}, {"b", {Kind::kText}, false}}));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.where().column, "b");
    EXPECT_NE(error.message().find("NOT NULL and has no default"), std::string::npos);
  }
}

TEST(AvroResolution, SkipsWhatTheReaderDoesNotHave) {
  using namespace std::string_literals;
  const auto writer = AvroSchema::parse(R"({"type":"record","name":"r","fields":[
    {"name":"n","type":"null"},{"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"f","type":"float"},
    {"name":"d","type":"double"},{"name":"s","type":"string"},{"name":"x","type":{"type":"fixed","name":"x","size":3}},
    {"name":"e","type":{"type":"enum","name":"e","symbols":["A"]}},
    {"name":"l","type":{"type":"array","items":{"type":"record","name":"p","fields":[{"name":"q","type":"long"}]}}},
    {"name":"m","type":{"type":"map","values":["null","string"]}},
    {"name":"next","type":["null","r"]},{"name":"a","type":"int"}]})");
  const std::string leaf = "\1"s + varint(300) + "ffff" + "dddddddd" + sized("text") + "xxx" + varint(0) + varint(2) +
                           varint(1) + varint(2) + varint(-1) + varint(1) + varint(3) + varint(0) + varint(1) +
                           sized("k") + varint(1) + sized("v") + varint(0);
  const std::string datum = leaf + varint(1) + leaf + varint(0) + varint(5) + varint(77);
  EXPECT_EQ(decode_json(writer, row_type({{"a", {Kind::kInteger}}}), datum), R"({"a":77})");
}

TEST(AvroDecoder, NamesWhatIsWrong) {
  const auto integer = row_type({{"a", {Kind::kInteger}, false}});
  struct Case {
    std::string_view writer;
    RowTypePtr reader;
    std::string datum;
    std::string_view message;
  };
  const auto column = [](Type type, bool nullable = true) { return row_type({{"a", type, nullable}}); };
  const Case cases[] = {
      {R"("int")", integer, "", "too early"},
      {R"("int")", integer, varint(1) + "x", "bytes follow the record"},
      {R"("int")", integer, varint(int64_t{1} << 40), "more than 32 bits"},
      {R"("int")", integer, std::string(11, '\xff'), "64 bits"},
      {R"(["null","int"])", integer, varint(0), "NOT NULL"},
      {R"(["null","int"])", integer, varint(2), "no such branch"},
      {R"(["null","int"])", integer, varint(-1), "no such branch"},
      {R"(["int","string","null"])", integer, varint(1) + sized("x"), "cannot hold"},
      {R"("boolean")", column({Kind::kBoolean}), "\x02", "neither 0 nor 1"},
      {R"("string")", column({Kind::kText}), sized("\xff"), "UTF-8"},
      {R"("string")", column({Kind::kText}), varint(1000) + "x", "larger than the bytes"},
      {R"("string")", column({Kind::kText}), varint(-1) + "x", "negative"},
      {R"({"type":"int"})", column({Kind::kSmallint}), varint(40000), "smallint"},
      {R"({"type":"string","logicalType":"uuid"})", column({Kind::kUuid}), sized("x"), "not a uuid"},
      {R"({"type":"string","headrace.type":"jsonb"})", column({Kind::kJsonb}), sized("{"), "not JSON"},
      {R"({"type":"bytes","logicalType":"decimal","precision":9,"scale":1})", column({Kind::kNumeric, 3, 1}),
       sized("\x7f\x7f"), "more digits"},
      {R"({"type":"enum","name":"e","symbols":["A"]})", column({Kind::kText}), varint(1), "no such symbol"},
      {R"({"type":"array","items":"null"})", nullptr, varint(int64_t{1} << 60), "more values"},
      {R"({"type":"array","items":{"type":"fixed","name":"f","size":0}})", nullptr, varint(int64_t{1} << 60),
       "more values"},
      {R"({"type":"array","items":"int"})", column({.kind = Kind::kArray, .element = Kind::kInteger}),
       varint(int64_t{1} << 60) + varint(1), "too early"},
      {R"({"type":"array","items":{"type":"fixed","name":"f","size":0}})",
       column({.kind = Kind::kArray, .element = Kind::kBytea}), varint(int64_t{1} << 60), "more values"},
      {R"({"type":"array","items":"int"})", column({.kind = Kind::kArray, .element = Kind::kInteger}),
       varint(std::numeric_limits<int64_t>::min()) + varint(0), "impossible count"},
      {R"(["null","r"])", nullptr, std::string(1000, '\x02'), "nested too deeply"},
  };
  for (const Case& c : cases) {
    // Without a column, the field is skipped.
    const RowTypePtr reader = c.reader != nullptr ? c.reader : row_type({{"other", {Kind::kText}}});
    const Error error = decode_error(schema_of(c.writer), reader, c.datum);
    EXPECT_EQ(error.code(), Code::kCorrupt) << c.writer;
    EXPECT_NE(error.message().find(c.message), std::string::npos) << c.writer << "\n" << error.message();
  }
}

// 2^40 empty records in a few bytes of schema and none of data.
TEST(AvroDecoder, BoundsValuesThatTakeNoBytes) {
  std::string fields = R"({"name":"f0","type":{"type":"record","name":"R0","fields":[]}})";
  for (int level = 1; level < 25; ++level) {
    const std::string inner = "R" + std::to_string(level - 1);
    fields += R"(,{"name":"f)" + std::to_string(level) + R"(","type":{"type":"record","name":"R)" +
              std::to_string(level) + R"(","fields":[{"name":"a","type":")" + inner + R"("},{"name":"b","type":")" +
              inner + R"("}]}})";
  }
  const auto writer = AvroSchema::parse(R"({"type":"record","name":"r","fields":[)" + fields + "]}");
  EXPECT_NE(decode_error(writer, row_type({{"a", {Kind::kText}}}), "").message().find("more values"),
            std::string::npos);
}

TEST(AvroDecoder, TextStaysInTheDatum) {
  const auto type = row_type({{"a", {Kind::kText}, false}});
  const std::string datum = sized("some text");
  BatchBuilder builder(type);
  AvroDecoder(schema_of(R"("string")"), type).decode(datum, builder);
  EXPECT_EQ(builder.column(0).bytes[0].data(), datum.data() + 1);
}

}  // namespace
}  // namespace headrace
