#include <gtest/gtest.h>

#include "base/error.h"
#include "fmt/format.h"
#include "schema/row_parser.h"
#include "schema/testing_rows.h"

namespace headrace {
namespace {

using testing::row_json;

RowTypePtr row_type(std::vector<Column> columns) {
  return std::make_shared<const RowType>(RowType{std::move(columns)});
}

RowTypePtr flights() {
  return row_type({{"flight", {Kind::kBigint}, false},
                   {"scheduled", {Kind::kTimestamptz}},
                   {"origin", {Kind::kText}},
                   {"destination", {Kind::kText}},
                   {"distance", {Kind::kInteger}},
                   {"delay", {Kind::kInteger}}});
}

std::vector<std::string> parse(const RowTypePtr& type, RowFormat format, std::string_view body) {
  const Batch batch = RowParser(type, format).parse(body);
  std::vector<std::string> rows;
  for (size_t row = 0; row < batch.rows; ++row) rows.push_back(row_json(batch, row));
  return rows;
}

std::string value_of(Type type, std::string_view json) {
  const auto rows = parse(row_type({{"a", type}}), RowFormat::kJson, R"({"a":)" + std::string(json) + "}");
  return rows.at(0).substr(5, rows.at(0).size() - 6);
}

Error error_of(const RowTypePtr& type, RowFormat format, std::string_view body, RowLimits limits = {}) {
  try {
    RowParser(type, format, limits).parse(body);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "accepted: " << body;
  return Error(Code::kInternal, "none");
}

constexpr std::string_view kFirst =
    R"({"flight":1,"scheduled":"2001-01-01T00:01:00Z","origin":"ANC","destination":"LAX","distance":2345,"delay":-13})";
constexpr std::string_view kSecond =
    R"({"flight":2,"scheduled":"2001-01-01T00:01:00Z","origin":"ATL","destination":"SAV","distance":215,"delay":19})";

TEST(JsonRows, ReadsObjectsArraysAndLines) {
  const std::vector<std::string> both{std::string(kFirst), std::string(kSecond)};
  EXPECT_EQ(parse(flights(), RowFormat::kJson, kFirst), std::vector<std::string>{both[0]});
  EXPECT_EQ(parse(flights(), RowFormat::kJson, fmt::format(" [ {} ,\n{} ] ", kFirst, kSecond)), both);
  EXPECT_EQ(parse(flights(), RowFormat::kNdjson, fmt::format("{}\n{}\n", kFirst, kSecond)), both);
  EXPECT_EQ(parse(flights(), RowFormat::kNdjson, fmt::format("\n{}\r\n\r\n  {}", kFirst, kSecond)), both);
  EXPECT_TRUE(parse(flights(), RowFormat::kJson, "[]").empty());
  EXPECT_TRUE(parse(flights(), RowFormat::kNdjson, "").empty());
}

TEST(JsonRows, TakesNamesInAnyOrderAndForm) {
  const auto type =
      row_type({{"a", {Kind::kInteger}}, {"b\"c", {Kind::kInteger}}, {"d", {Kind::kInteger}, false, "9"}});
  EXPECT_EQ(parse(type, RowFormat::kNdjson,
                  "{\"d\":1,\"b\\\"c\":2,\"a\":3}\n{\"\\u0061\":1}\n{ }\n{\"b\\u0022c\" : 4 , \"a\":null}"),
            (std::vector<std::string>{R"({"a":3,"b\"c":2,"d":1})", R"({"a":1,"b\"c":null,"d":9})",
                                      R"({"a":null,"b\"c":null,"d":9})", R"({"a":null,"b\"c":4,"d":9})"}));
}

// `a\\` followed by a quote is the beginning of another name, not the end of this one.
TEST(JsonRows, TellsNamesWithBackslashesApart) {
  const auto type = row_type({{"a\\", {Kind::kInteger}}, {"a\"b", {Kind::kInteger}}});
  EXPECT_EQ(parse(type, RowFormat::kJson, R"({"a\"b":1})"), std::vector<std::string>{R"({"a\\":null,"a\"b":1})"});
  EXPECT_EQ(parse(type, RowFormat::kJson, R"({"a\\":1})"), std::vector<std::string>{R"({"a\\":1,"a\"b":null})"});
}

TEST(JsonRows, ReadsEveryType) {
  struct Case {
    Type type;
    std::string_view json;
    std::string_view value;
  };
  const Case cases[] = {
      {{Kind::kBoolean}, "true", "true"},
      {{Kind::kBigint}, "9223372036854775807", "9223372036854775807"},
      {{Kind::kBigint}, "-9223372036854775808", "-9223372036854775808"},
      {{Kind::kBigint}, R"("9007199254740993")", "9007199254740993"},
      {{Kind::kInteger}, "5.0", "5"},
      {{Kind::kInteger}, "1e3", "1000"},
      {{Kind::kInteger}, "-0", "0"},
      {{Kind::kReal}, "0.1", "0.1"},
      {{Kind::kDouble}, "1e2", "100"},
      {{Kind::kDouble}, R"("-Infinity")", R"("-Infinity")"},
      {{Kind::kNumeric, 12, 2}, "12.5", "12.50"},
      {{Kind::kNumeric, 12, 2}, "12.345", "12.35"},
      {{Kind::kNumeric}, "12345678901234567890.123456789", "12345678901234567890.123456789"},
      {{Kind::kText}, R"("a\n\"\u20ac\ud83d\ude00")", "\"a\\n\\\"\u20ac\U0001f600\""},
      {{Kind::kBytea}, R"("AP8=")", R"("AP8=")"},
      {{Kind::kUuid}, R"("8F4B1C3A-0000-4000-8000-0123456789AB")", R"("8f4b1c3a-0000-4000-8000-0123456789ab")"},
      {{Kind::kDate}, R"("2001-02-28")", R"("2001-02-28")"},
      {{Kind::kTimestamptz}, R"("2001-01-01T01:01:00.5+01:00")", R"("2001-01-01T00:01:00.500000Z")"},
      {{Kind::kInterval}, R"("PT90M")", R"("01:30:00")"},
      {{Kind::kJsonb}, R"({"b":[1.50, true],"a":null})", R"({"a":null,"b":[1.50,true]})"},
      {{Kind::kJsonb}, R"("text")", R"("text")"},
      {{Kind::kJsonb}, "12", "12"},
      {{Kind::kJsonb}, "false", "false"},
      {{.kind = Kind::kArray, .element = Kind::kBigint}, "[1, null,3 ]", "[1,null,3]"},
      {{.kind = Kind::kArray, .element = Kind::kText}, R"(["]","\""])", R"(["]","\""])"},
  };
  for (const Case& c : cases) EXPECT_EQ(value_of(c.type, c.json), c.value) << c.type.name() << " " << c.json;
  for (int kind = 0; kind <= static_cast<int>(Kind::kJsonb); ++kind) {
    EXPECT_EQ(value_of({static_cast<Kind>(kind)}, "null"), "null");
  }
}

TEST(JsonRows, NamesWhatIsWrongAndWhere) {
  const auto type = row_type({{"id", {Kind::kBigint}, false},
                              {"amount", {Kind::kNumeric, 12, 2}},
                              {"small", {Kind::kSmallint}},
                              {"flag", {Kind::kBoolean}},
                              {"words", {Kind::kText}},
                              {"at", {Kind::kTimestamptz}},
                              {"document", {Kind::kJsonb}},
                              {"list", {.kind = Kind::kArray, .element = Kind::kInteger}}});
  // The ^ stands where the fault must be found, and is taken out.
  struct Case {
    std::string_view body;
    std::string_view message;
    std::string_view column = "";
  };
  const Case cases[] = {
      {R"({"id":1,"amount":^"12,5"})", R"(column "amount" of row 1: "12,5" is not numeric(12,2); use a point)",
       "amount"},
      {R"({"id":1,"amount":^12345678901})", "12345678901 is out of the range of numeric(12,2)", "amount"},
      {R"({"id":^1.5})", "1.5 is not bigint; use a whole number", "id"},
      {R"({"id":^9223372036854775808})", "9223372036854775808 is out of the range of bigint", "id"},
      {R"({"id":1,"small":^40000})", "40000 is out of the range of smallint", "small"},
      {R"({"id":1,"flag":^1})", "1 is not boolean; use true or false", "flag"},
      {R"({"id":1,"flag":^"true"})", R"("true" is not boolean; use true or false)", "flag"},
      {R"({"id":1,"words":^12})", "12 is not text; put it into quotes", "words"},
      {R"({"id":1,"words":^{"a":1}})", "an object is not text", "words"},
      {R"({"id":1,"words":^"a\u0000"})", "zero byte", "words"},
      {R"({"id":1,"at":^"yesterday"})", R"("yesterday" is not timestamptz; use the form)", "at"},
      {R"({"id":1,"list":^[1,"x"]})", "is not integer[]", "list"},
      {R"({"id":1,"list":^{}})", "an object is not integer[]", "list"},
      {R"({"id":^null})", "NOT NULL", "id"},
      {R"(^{"small":1})", "NOT NULL", "id"},
      {R"({"id":1,^"id":2})", "names the column twice", "id"},
      {R"({"id":1,^"amuont":2})", R"(there is no column "amuont"; the nearest is "amount")", "amuont"},
      {R"({"id":1,^"zzzzzzzz":2})", R"(there is no column "zzzzzzzz")", "zzzzzzzz"},
      {R"([^1])", "a row is a JSON object, not a number"},
      {R"({"id":1 ^"small":2})", ""},
      {R"({"id":1,^})", ""},
      {R"({"id" ^1})", ""},
      {R"({"id":01^})", ""},
      {R"({"id":^tru})", ""},
      {R"({"id":1}^x)", ""},
      {R"({"id":1,"words":"\^x"})", ""},
      {"{\"id\":1,\"words\":\"^\n\"}", "control character"},
      {"{\"id\":1,\"words\":\"^\xff\"}", "UTF-8"},
      {R"({"id":1,"document":{"a":[1,^]}})", ""},
      {R"({"id":1,"document":[1,2^})", ""},
      {R"({"id":1^)", ""},
      {"^", "it is empty"},
      {R"([{"id":1}^)", "the array does not end"},
      {R"([{"id":1}^{"id":2}])", "a comma"},
      {R"([{"id":1},^])", "a value is expected"},
      {R"([{"id":1}] ^x)", "nothing may follow"},
  };
  for (const Case& c : cases) {
    const size_t position = c.body.find('^');
    const std::string body = std::string(c.body.substr(0, position)) + std::string(c.body.substr(position + 1));
    const Error error = error_of(type, RowFormat::kJson, body);
    EXPECT_EQ(error.code(), Code::kInvalid) << body;
    EXPECT_NE(error.message().find(c.message), std::string::npos) << body << "\n" << error.message();
    EXPECT_EQ(error.where().position, static_cast<int64_t>(position)) << body << "\n" << error.message();
    EXPECT_EQ(error.where().column, c.column) << body << "\n" << error.message();
  }
}

TEST(JsonRows, AMarkInFrontOfTheBodyIsNoPartOfIt) {
  const auto type = row_type({{"id", {Kind::kBigint}}});
  const std::string mark = "\xef\xbb\xbf";
  const std::vector<std::string> one{R"({"id":1})"};
  for (const char* body : {R"({"id":1})", R"([{"id":1}])", " \n[{\"id\":1}]"})
    EXPECT_EQ(parse(type, RowFormat::kJson, mark + body), one) << body;
  EXPECT_EQ(parse(type, RowFormat::kNdjson, mark + "{\"id\":1}\n"), one);
  EXPECT_TRUE(parse(type, RowFormat::kNdjson, mark).empty());
  EXPECT_EQ(error_of(type, RowFormat::kJson, mark).where().position, 0);
  EXPECT_EQ(error_of(type, RowFormat::kJson, mark + R"({"id":"x"})").where().position, 9);
  EXPECT_EQ(error_of(type, RowFormat::kJson, mark + R"([{"id":x}])").where().position, 10);
  EXPECT_EQ(error_of(type, RowFormat::kNdjson, mark + "{\"id\":1}\n{\"id\":\"x\"}").where().position, 18);
  EXPECT_EQ(error_of(type, RowFormat::kJson, mark + mark + R"({"id":1})").where().position, 3);
  EXPECT_EQ(error_of(type, RowFormat::kNdjson, "{\"id\":1}\n" + mark + "{\"id\":1}").where().row, 2);
}

TEST(JsonRows, CountsRowsAndBytesInTheWholeBody) {
  const auto type = row_type({{"id", {Kind::kBigint}}});
  const Error error = error_of(type, RowFormat::kNdjson, "{\"id\":1}\n{\"id\":2}\n{\"id\":x}\n");
  EXPECT_EQ(error.where().row, 3);
  EXPECT_EQ(error.where().position, 24);
  EXPECT_EQ(error_of(type, RowFormat::kJson, R"([{"id":1},{"id":"y"}])").where().position, 16);
}

TEST(JsonRows, KeepsItsLimits) {
  const auto type = row_type({{"id", {Kind::kBigint}}, {"document", {Kind::kJsonb}}});
  const std::string two = "{\"id\":1}\n{\"id\":2}\n";
  const Error many = error_of(type, RowFormat::kNdjson, two, {.rows_max = 1});
  EXPECT_EQ(many.code(), Code::kTooLarge);
  EXPECT_EQ(many.where().row, 2);
  EXPECT_EQ(error_of(type, RowFormat::kJson, "[" + std::string(1000, ' ') + two, {.row_bytes_max = 5}).code(),
            Code::kTooLarge);
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  for (const RowFormat format : {RowFormat::kJson, RowFormat::kNdjson, RowFormat::kCsv}) {
    const auto row = [&](size_t depth) {
      return format == RowFormat::kCsv ? "document\n" + nested(depth) : R"({"document":)" + nested(depth) + "}";
    };
    EXPECT_EQ(parse(type, format, row(64)), std::vector<std::string>{R"({"id":null,"document":)" + nested(64) + "}"});
    EXPECT_EQ(error_of(type, format, row(65)).where().column, "document");
  }
  EXPECT_NE(error_of(type, RowFormat::kJson, R"({"document":)" + nested(65) + "}").message().find("deeper than 64"),
            std::string::npos);
  // Depth is not what is wrong with these.
  EXPECT_EQ(error_of(type, RowFormat::kJson, R"({"document":)" + nested(64) + R"(,"id":^})").where().position, 146);
  EXPECT_EQ(error_of(type, RowFormat::kJson, R"({"id":)" + nested(64) + "}").message(),
            "column \"id\" of row 1: an array is not bigint");
  const Type documents{.kind = Kind::kArray, .element = Kind::kJsonb};
  EXPECT_EQ(value_of(documents, "[" + nested(64) + "]"), "[" + nested(64) + "]");
  const std::string deeper = std::string(1'000'000, '[');
  EXPECT_EQ(error_of(type, RowFormat::kJson, deeper).code(), Code::kInvalid);
  EXPECT_EQ(error_of(type, RowFormat::kJson, R"({"document":)" + std::string(900'000, '[')).code(), Code::kInvalid);
}

TEST(JsonRows, CollectsBadRowsAndKeepsGoodOnes) {
  const auto type = row_type({{"id", {Kind::kBigint}, false}, {"words", {Kind::kText}}});
  std::vector<std::pair<int64_t, std::string>> bad;
  const auto collect = [&](BadRow row) { bad.emplace_back(row.row, std::string(row.text)); };
  RowParser lines(type, RowFormat::kNdjson, {}, collect);
  const Batch batch = lines.parse("{\"id\":1}\n{\"id\":\n{\"words\":\"x\"}\n\"\n{\"words\":\"y\",\"id\":5}");
  ASSERT_EQ(batch.rows, 2u);
  EXPECT_EQ(row_json(batch, 1), R"({"id":5,"words":"y"})");
  EXPECT_EQ(bad, (std::vector<std::pair<int64_t, std::string>>{{2, "{\"id\":"}, {3, "{\"words\":\"x\"}"}, {4, "\""}}));
  bad.clear();
  RowParser array(type, RowFormat::kJson, {}, collect);
  EXPECT_EQ(array.parse(R"([{"id":1},{"words":"a","id":"x"},7,{"id":2}])").rows, 2u);
  EXPECT_EQ(bad, (std::vector<std::pair<int64_t, std::string>>{{2, R"({"words":"a","id":"x"})"}, {3, "7"}}));
}

// In place when there is room behind the body, whatever stands there.
TEST(JsonRows, ReadsPaddedBodiesInPlace) {
  std::string body = fmt::format("{}\n{}", kFirst, kSecond);
  const size_t size = body.size();
  body += std::string(64, '"');
  RowParser parser(flights(), RowFormat::kNdjson);
  const Batch batch = parser.parse(std::string_view(body).substr(0, size), body.size());
  ASSERT_EQ(batch.rows, 2u);
  std::fill(body.begin(), body.end(), '#');
  EXPECT_EQ(row_json(batch, 1), kSecond);
}

TEST(JsonRows, RandomRowsComeBackAsTheyWerePrinted) {
  const uint64_t seed = 17;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 200; ++round) {
    const RowTypePtr type = testing::random_row_type(random, 10);
    const Batch batch = testing::random_batch(random, type, 6);
    std::string lines, array = "[";
    for (size_t row = 0; row < batch.rows; ++row) {
      append_row_json(lines, batch, row);
      lines += '\n';
      if (row != 0) array += ',';
      append_row_json(array, batch, row);
    }
    array += ']';
    const Batch from_lines = RowParser(type, RowFormat::kNdjson).parse(lines);
    const Batch from_array = RowParser(type, RowFormat::kJson).parse(array);
    ASSERT_EQ(from_lines.rows, batch.rows);
    ASSERT_EQ(from_array.rows, batch.rows);
    for (size_t row = 0; row < batch.rows; ++row) {
      ASSERT_EQ(row_json(from_lines, row), row_json(batch, row));
      ASSERT_EQ(row_json(from_array, row), row_json(batch, row));
    }
  }
}

}  // namespace
}  // namespace headrace
