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

RowTypePtr words() {
  return row_type({{"a", {Kind::kText}}, {"b", {Kind::kText}}, {"n", {Kind::kInteger}}});
}

std::vector<std::string> rows_of(const Batch& batch) {
  std::vector<std::string> rows;
  for (size_t row = 0; row < batch.rows; ++row) rows.push_back(row_json(batch, row));
  return rows;
}

std::vector<std::string> parse(const RowTypePtr& type, std::string_view body) {
  return rows_of(RowParser(type, RowFormat::kCsv).parse(body));
}

Error error_of(const RowTypePtr& type, std::string_view body, RowLimits limits = {}) {
  try {
    RowParser(type, RowFormat::kCsv, limits).parse(body);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "accepted: " << body;
  return Error(Code::kInternal, "none");
}

TEST(CsvRows, ReadsFlights) {
  const auto type = row_type({{"flight", {Kind::kBigint}},
                              {"scheduled", {Kind::kTimestamptz}},
                              {"origin", {Kind::kText}},
                              {"destination", {Kind::kText}},
                              {"distance", {Kind::kInteger}},
                              {"delay", {Kind::kInteger}}});
  const std::vector<std::string> want{
      R"({"flight":1,"scheduled":"2001-01-01T00:01:00Z","origin":"ANC","destination":"LAX","distance":2345,"delay":-13})",
      R"({"flight":2,"scheduled":"2001-01-01T00:01:00Z","origin":"ATL","destination":"SAV","distance":215,"delay":null})"};
  const std::string lines =
      "flight,scheduled,origin,destination,distance,delay\n"
      "1,2001-01-01T00:01:00Z,ANC,LAX,2345,-13\n2,2001-01-01T00:01:00Z,ATL,SAV,215,\n";
  EXPECT_EQ(parse(type, lines), want);
  EXPECT_EQ(parse(type, lines.substr(0, lines.size() - 1)), want);
  std::string windows = "\xef\xbb\xbf";
  for (const char c : lines) windows += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(parse(type, windows), want);
}

TEST(CsvRows, QuotesAsRfc4180AndCopy) {
  EXPECT_EQ(parse(words(), "a,b,n\n\"x,\"\"y\"\"\",\"two\nlines\",\"7\"\n\"\",,\n sp ,\"\r\n\", 8 \r\n\"\"\"\",a'b,1"),
            (std::vector<std::string>{R"({"a":"x,\"y\"","b":"two\nlines","n":7})", R"({"a":"","b":null,"n":null})",
                                      R"({"a":" sp ","b":"\r\n","n":8})", R"({"a":"\"","b":"a'b","n":1})"}));
}

TEST(CsvRows, HeaderDecidesTheOrderAndMayLackColumns) {
  const auto type =
      row_type({{"a", {Kind::kText}}, {"b", {Kind::kInteger}, false, "5"}, {"odd, name", {Kind::kInteger}}});
  EXPECT_EQ(parse(type, "\"odd, name\",a\n1,x\n\n2,y\n"),
            (std::vector<std::string>{R"({"a":"x","b":5,"odd, name":1})", R"({"a":"y","b":5,"odd, name":2})"}));
  RowParser parser(type, RowFormat::kCsv);
  parser.set_header("a,b");
  EXPECT_EQ(rows_of(parser.parse("a,1\n")), std::vector<std::string>{R"({"a":"a","b":1,"odd, name":null})"});
  EXPECT_EQ(parser.parse("").rows, 0u);
}

TEST(CsvRows, AMarkInFrontOfTheHeaderIsNoPartOfIt) {
  const std::string mark = "\xef\xbb\xbf";
  EXPECT_EQ(parse(words(), mark + "\"a\",\"n\"\nx,1\n"), std::vector<std::string>{R"({"a":"x","b":null,"n":1})"});
  EXPECT_EQ(error_of(words(), mark + "\"a\",\"n\"\nx,y\n").where().position, 13);
  EXPECT_EQ(error_of(words(), mark + "a,\"n\n").where().position, 5);
  EXPECT_EQ(error_of(words(), mark + "a,m\n").where().position, 5);
  EXPECT_EQ(error_of(words(), mark + mark + "a,n\nx,1\n").where().position, 3);
  EXPECT_EQ(error_of(words(), "a,n\nx," + mark + "1\n").where().position, 6);
}

TEST(CsvRows, OneColumnHasNullsOnEmptyLines) {
  EXPECT_EQ(parse(row_type({{"a", {Kind::kInteger}}}), "a\n1\n\n2"),
            (std::vector<std::string>{R"({"a":1})", R"({"a":null})", R"({"a":2})"}));
}

TEST(CsvRows, ReadsEveryType) {
  struct Case {
    Type type;
    std::string_view field;
    std::string_view value;
  };
  const Case cases[] = {
      {{Kind::kBoolean}, "t", "true"},
      {{Kind::kBoolean}, "false", "false"},
      {{Kind::kSmallint}, "-32768", "-32768"},
      {{Kind::kBigint}, "9223372036854775807", "9223372036854775807"},
      {{Kind::kReal}, "1.5", "1.5"},
      {{Kind::kDouble}, "NaN", R"("NaN")"},
      {{Kind::kNumeric, 5, 1}, "12.25", "12.3"},
      {{Kind::kNumeric}, "1e3", "1000"},
      {{Kind::kBytea}, "\\x00ff", R"("AP8=")"},
      {{Kind::kBytea}, "AP8=", R"("AP8=")"},
      {{Kind::kBytea}, "\"\"", R"("")"},
      {{Kind::kUuid}, "8f4b1c3a-0000-4000-8000-0123456789ab", R"("8f4b1c3a-0000-4000-8000-0123456789ab")"},
      {{Kind::kDate}, "2001-01-31", R"("2001-01-31")"},
      {{Kind::kTimestamptz}, "2001-01-01 00:00:00+00", R"("2001-01-01T00:00:00Z")"},
      {{Kind::kInterval}, "1 day", R"("1 day")"},
      {{Kind::kJsonb}, R"("{""a"": [1]}")", R"({"a":[1]})"},
      {{.kind = Kind::kArray, .element = Kind::kInteger}, "\"{1,NULL,3}\"", "[1,null,3]"},
      {{.kind = Kind::kArray, .element = Kind::kInteger}, "\"[1,null,3]\"", "[1,null,3]"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(parse(row_type({{"a", c.type}}), fmt::format("a\n{}\n", c.field)),
              std::vector<std::string>{fmt::format("{{\"a\":{}}}", c.value)})
        << c.type.name();
  }
}

// PostgreSQL reads bytes also as they are; in a file that may have base64 nobody could tell.
TEST(CsvRows, RefuseBytesThatAreNeitherHexadecimalNorBase64) {
  const auto type = row_type({{"a", {Kind::kBytea}}});
  for (const char* field : {"a", "aGk!", "a\\000", "\\x0", "\\xag", "aGl="})
    EXPECT_NE(error_of(type, fmt::format("a\n{}\n", field)).message().find("is not bytea; use base64"),
              std::string::npos)
        << field;
}

TEST(CsvRows, NamesWhatIsWrongAndWhere) {
  const auto type =
      row_type({{"id", {Kind::kBigint}, false}, {"amount", {Kind::kNumeric, 12, 2}}, {"words", {Kind::kText}}});
  struct Case {
    std::string_view body;  // the ^ stands where the fault must be found, and is taken out
    std::string_view message;
    int64_t row;
    std::string_view column = "";
  };
  const Case cases[] = {
      {"id,amount\n1,2\n2,^\"12,5\"\n", R"(column "amount" of row 2: "12,5" is not numeric(12,2); use a point)", 2,
       "amount"},
      {"id,amount\n^x,2\n", R"(column "id" of row 1: "x" is not bigint)", 1, "id"},
      {"id,amount\n^,2\n", "NOT NULL", 1, "id"},
      {"id,words\n1,^\xff\n", "use UTF-8", 1, "words"},
      {"id,words\n1,^a\\0b\n", "zero bytes", 1, "words"},
      {"id,amount\n1,2\n^1\n", "1 field, but the header has 2", 2},
      {"id,amount\n^1,2,3\n", "3 fields, but the header has 2", 1},
      {"id,words\n1,a^\"b\n", "not quoted", 1},
      {"id,words\n1,\"a\"^b\n", "after the closing quote", 1},
      {"id,words\n1,^\"ab\n2,c\n", "does not end", 1},
      {"^amount\n1\n", "\"id\" is NOT NULL", 0, "id"},
      {"id,^amuont\n1\n", "the nearest is \"amount\"", 0, "amuont"},
      {"id,^id\n1\n", "named twice", 0, "id"},
      {"id,^\"amount\n1\n", "does not end", 0},
      {"^", "there is no column", 0},
  };
  for (const Case& c : cases) {
    const size_t at = c.body.find('^');
    std::string body = std::string(c.body.substr(0, at)) + std::string(c.body.substr(at + 1));
    if (const size_t zero = body.find("\\0"); zero != std::string::npos) body.replace(zero, 2, 1, '\0');
    const Error error = error_of(type, body);
    EXPECT_EQ(error.code(), Code::kInvalid) << body;
    EXPECT_NE(error.message().find(c.message), std::string::npos) << body << "\n" << error.message();
    EXPECT_EQ(error.where().position, static_cast<int64_t>(at)) << body << "\n" << error.message();
    EXPECT_EQ(error.where().row, c.row) << body;
    EXPECT_EQ(error.where().column, c.column) << body;
  }
}

TEST(CsvRows, KeepsItsLimits) {
  EXPECT_EQ(error_of(words(), "a,b,n\n1,2,3\n1,2,3\n", {.rows_max = 1}).code(), Code::kTooLarge);
  EXPECT_EQ(error_of(words(), "a,b,n\n" + std::string(50, 'x') + ",2,3\n", {.row_bytes_max = 20}).code(),
            Code::kTooLarge);
}

TEST(CsvRows, CollectsBadRowsAndGoesOnWithTheNextLine) {
  std::vector<std::pair<int64_t, std::string>> bad;
  RowParser parser(words(), RowFormat::kCsv, {}, [&](BadRow row) { bad.emplace_back(row.row, std::string(row.text)); });
  const Batch batch = parser.parse(
      "a,b,n\n"
      "x,y,1\n"
      "x,y,oops\r\n"
      "x,\"two\nlines\",oops\n"
      "too,few\n"
      "x,y\"z,2\n"
      "x,\"y\"z,3\n"
      "x,y,4\n"
      "x,\"open,5\n"
      "x,y,6\n");
  EXPECT_EQ(rows_of(batch), (std::vector<std::string>{R"({"a":"x","b":"y","n":1})", R"({"a":"x","b":"y","n":4})",
                                                      R"({"a":"x","b":"y","n":6})"}));
  EXPECT_EQ(bad, (std::vector<std::pair<int64_t, std::string>>{{2, "x,y,oops"},
                                                               {3, "x,\"two\nlines\",oops"},
                                                               {4, "too,few"},
                                                               {5, "x,y\"z,2"},
                                                               {6, "x,\"y\"z,3"},
                                                               {8, "x,\"open,5"}}));
}

TEST(CsvRows, KeepsNoViewsIntoTheBody) {
  std::string body = "a,b,n\nsome text,\"quoted\"\"one\",1\n";
  const Batch batch = RowParser(words(), RowFormat::kCsv).parse(body);
  std::fill(body.begin(), body.end(), '#');
  EXPECT_EQ(row_json(batch, 0), R"({"a":"some text","b":"quoted\"one","n":1})");
}

// Every row type printed as CSV, all fields quoted, comes back.
TEST(CsvRows, RandomRowsComeBack) {
  const uint64_t seed = 99;
  SCOPED_TRACE(seed);
  Random random(seed);
  const auto quoted_field = [](std::string_view text) {
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + '"';
  };
  for (int round = 0; round < 200; ++round) {
    const RowTypePtr type = testing::random_row_type(random, 8);
    const Batch batch = testing::random_batch(random, type, 5);
    std::string body;
    for (size_t column = 0; column < type->columns.size(); ++column) {
      body += (column == 0 ? "" : ",") + quoted_field(type->columns[column].name);
    }
    for (size_t row = 0; row < batch.rows; ++row) {
      body += '\n';
      for (size_t column = 0; column < type->columns.size(); ++column) {
        if (column != 0) body += ',';
        const Value value = batch.columns[column]->value_at(row);
        if (!is_null(value)) body += quoted_field(to_text(value, type->columns[column].type));
      }
    }
    // The end of a row whose last field is NULL in a table of one column.
    body += '\n';
    ASSERT_EQ(parse(type, body), rows_of(batch)) << body;
  }
}

}  // namespace
}  // namespace headrace
