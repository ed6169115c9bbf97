#include "schema/value.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "gtest/gtest.h"
#include "schema/json_form.h"
#include "schema/text_form.h"

namespace headrace {
namespace {

constexpr Type kNumeric12{.kind = Kind::kNumeric, .precision = 12, .scale = 2};

Type of(Kind kind) {
  return Type{.kind = kind};
}
Type array_of(Kind element) {
  return Type{.kind = Kind::kArray, .element = element};
}

struct Case {
  Type type;
  std::string_view text;
  const char* printed;  // nullptr: refused
  const char* json;
};

// As PostgreSQL 15 reads and prints them; `json` is DESIGN's form of a row.
const Case kCases[] = {
    {of(Kind::kBoolean), "true", "t", "true"},
    {of(Kind::kBoolean), " F ", "f", "false"},
    {of(Kind::kBoolean), "ye", "t", "true"},
    {of(Kind::kBoolean), "off", "f", "false"},
    {of(Kind::kBoolean), "1", "t", "true"},
    {of(Kind::kBoolean), "o", nullptr, nullptr},
    {of(Kind::kBoolean), "2", nullptr, nullptr},
    {of(Kind::kBoolean), "", nullptr, nullptr},
    {of(Kind::kSmallint), "32767", "32767", "32767"},
    {of(Kind::kSmallint), "-32768", "-32768", "-32768"},
    {of(Kind::kSmallint), "32768", nullptr, nullptr},
    {of(Kind::kInteger), " +0007 ", "7", "7"},
    {of(Kind::kInteger), "2147483648", nullptr, nullptr},
    {of(Kind::kInteger), "1e3", nullptr, nullptr},
    {of(Kind::kInteger), "5.0", nullptr, nullptr},
    {of(Kind::kBigint), "9223372036854775807", "9223372036854775807", "9223372036854775807"},
    {of(Kind::kBigint), "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"},
    {of(Kind::kBigint), "9223372036854775808", nullptr, nullptr},
    {of(Kind::kBigint), "-", nullptr, nullptr},
    {of(Kind::kDouble), "0.1", "0.1", "0.1"},
    {of(Kind::kDouble), "100", "100", "100"},
    {of(Kind::kDouble), "-0", "-0", "-0"},
    {of(Kind::kDouble), "1e15", "1e+15", "1e+15"},
    {of(Kind::kDouble), "1e14", "100000000000000", "100000000000000"},
    {of(Kind::kDouble), "0.0001", "0.0001", "0.0001"},
    {of(Kind::kDouble), "0.00001", "1e-05", "1e-05"},
    {of(Kind::kDouble), "123456789012345678", "1.2345678901234568e+17", "1.2345678901234568e+17"},
    {of(Kind::kDouble), "99999999999999999999999.99", "9.999999999999999e+22", "9.999999999999999e+22"},
    {of(Kind::kDouble), "26572391761766090", "2.6572391761766088e+16", "2.6572391761766088e+16"},
    {of(Kind::kDouble), "5e-324", "5e-324", "5e-324"},
    {of(Kind::kDouble), "nan", "NaN", "\"NaN\""},
    {of(Kind::kDouble), "+inf", "Infinity", "\"Infinity\""},
    {of(Kind::kDouble), "-Infinity", "-Infinity", "\"-Infinity\""},
    {of(Kind::kDouble), "1e400", nullptr, nullptr},
    {of(Kind::kDouble), "1e-400", nullptr, nullptr},
    {of(Kind::kDouble), "0x10", nullptr, nullptr},
    {of(Kind::kDouble), "", nullptr, nullptr},
    {of(Kind::kReal), "0.1", "0.1", "0.1"},
    {of(Kind::kReal), "16777217", "1.6777216e+07", "1.6777216e+07"},
    {of(Kind::kReal), "999999", "999999", "999999"},
    {of(Kind::kReal), "1000000", "1e+06", "1e+06"},
    {of(Kind::kReal), "-1029612032", "-1.02961203e+09", "-1.02961203e+09"},
    {of(Kind::kReal), "1e39", nullptr, nullptr},
    {kNumeric12, "12.345", "12.35", "12.35"},
    {kNumeric12, "-12.5", "-12.50", "-12.50"},
    {kNumeric12, "9999999999.99", "9999999999.99", "9999999999.99"},
    {kNumeric12, "9999999999.995", nullptr, nullptr},
    {kNumeric12, "12,5", nullptr, nullptr},
    {of(Kind::kNumeric), "1.500", "1.500", "1.500"},
    {of(Kind::kText), " a\nb ", " a\nb ", "\" a\\nb \""},
    {of(Kind::kText), "", "", "\"\""},
    {of(Kind::kText), "\xff", nullptr, nullptr},
    {of(Kind::kText), std::string_view("a\0b", 3), nullptr, nullptr},
    {of(Kind::kBytea), "\\x00FF", "\\x00ff", "\"AP8=\""},
    {of(Kind::kBytea), "a\\\\b\\000", "\\x615c6200", "\"YVxiAA==\""},
    {of(Kind::kBytea), "\\x0", nullptr, nullptr},
    {of(Kind::kBytea), "\\400", nullptr, nullptr},
    {of(Kind::kUuid), "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
     "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\""},
    {of(Kind::kUuid), "a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
     "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\""},
    {of(Kind::kUuid), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", nullptr, nullptr},
    {of(Kind::kUuid), "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11", nullptr, nullptr},
    {of(Kind::kUuid), "{", nullptr, nullptr},
    {of(Kind::kDate), " 2001-01-31 ", "2001-01-31", "\"2001-01-31\""},
    {of(Kind::kDate), "2001-02-30", nullptr, nullptr},
    {of(Kind::kTimestamptz), "2001-01-01 01:00:00.25+01", "2001-01-01T00:00:00.250000Z",
     "\"2001-01-01T00:00:00.250000Z\""},
    {of(Kind::kTimestamptz), "yesterday", nullptr, nullptr},
    {of(Kind::kInterval), "1 day 2 hours", "1 day 02:00:00", "\"1 day 02:00:00\""},
    {of(Kind::kInterval), "soon", nullptr, nullptr},
    {of(Kind::kJsonb), "{\"b\": 1e1, \"a\": [true]}", "{\"a\":[true],\"b\":10}", "{\"a\":[true],\"b\":10}"},
    {of(Kind::kJsonb), "{b: 1}", nullptr, nullptr},
    {array_of(Kind::kInteger), "{1, 2,NULL}", "{1,2,NULL}", "[1,2,null]"},
    {array_of(Kind::kInteger), "[1, 2, null]", "{1,2,NULL}", "[1,2,null]"},
    {array_of(Kind::kInteger), "{}", "{}", "[]"},
    {array_of(Kind::kInteger), "{1,}", nullptr, nullptr},
    {array_of(Kind::kInteger), "{1,a}", nullptr, nullptr},
    {array_of(Kind::kInteger), "{{1},{2}}", nullptr, nullptr},
    {array_of(Kind::kInteger), "{1}x", nullptr, nullptr},
    {array_of(Kind::kText), "{\"a b\",c d,\"x\\\"y\",NULL,\"NULL\",\"\"}",
     "{\"a b\",\"c d\",\"x\\\"y\",NULL,\"NULL\",\"\"}", "[\"a b\",\"c d\",\"x\\\"y\",null,\"NULL\",\"\"]"},
    {array_of(Kind::kText), "{a,", nullptr, nullptr},
    {array_of(Kind::kText), "{a\"b\"}", nullptr, nullptr},
    {array_of(Kind::kTimestamptz), "{\"2001-01-01 00:00:00+00\"}", "{2001-01-01T00:00:00Z}",
     "[\"2001-01-01T00:00:00Z\"]"},
};

TEST(Value, TextIsReadAndPrinted) {
  for (const auto& [type, text, printed, json] : kCases) {
    SCOPED_TRACE(type.name() + " " + std::string(text));
    if (printed == nullptr) {
      EXPECT_THROW(parse_text(text, type), Error);
      continue;
    }
    const Value value = parse_text(text, type);
    EXPECT_EQ(to_text(value, type), printed);
    EXPECT_EQ(compare(parse_text(printed, type), value, type), 0);
    std::string out;
    append_json(out, value, type);
    EXPECT_EQ(out, json);
    EXPECT_EQ(compare(parse_json(json, type), value, type), 0);
  }
}

std::string message_of(std::string_view text, const Type& type) {
  try {
    parse_text(text, type);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalid);
    return error.message();
  }
  return "";
}

TEST(Value, MessagesSayWhatIsWrong) {
  EXPECT_EQ(message_of("12,5", kNumeric12), "\"12,5\" is not numeric(12,2)");
  EXPECT_EQ(message_of("12345678901", kNumeric12),
            "\"12345678901\" is too large for numeric(12,2): it may have 10 digits before the point");
  EXPECT_EQ(message_of("70000", of(Kind::kSmallint)), "\"70000\" is out of range for smallint");
  EXPECT_EQ(message_of("99999999999999999999", of(Kind::kBigint)),
            "\"99999999999999999999\" is out of range for bigint");
  EXPECT_EQ(message_of("a\xff\n", of(Kind::kText)), "\"a??\" is not text: it must be UTF-8 without U+0000");
  EXPECT_EQ(message_of("[1,", of(Kind::kJsonb)), "\"[1,\" is not jsonb: at byte 3, a value was expected");
  EXPECT_LT(message_of(std::string(100'000, 'x'), of(Kind::kDate)).size(), 200U);
}

TEST(Value, NullIsTheGreatest) {
  const Type type = of(Kind::kBigint);
  EXPECT_EQ(compare(Value{}, Value{}, type), 0);
  EXPECT_GT(compare(Value{}, Value{INT64_MAX}, type), 0);
  EXPECT_LT(compare(Value{INT64_MAX}, Value{}, type), 0);
  std::string out;
  append_json(out, Value{}, type);
  EXPECT_EQ(out, "null");
}

TEST(Value, NumbersCompareAsPostgresql) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Type type = of(Kind::kDouble);
  EXPECT_EQ(compare(Value{kNan}, Value{kNan}, type), 0);
  EXPECT_GT(compare(Value{kNan}, Value{kInfinity}, type), 0);
  EXPECT_EQ(compare(Value{-0.0}, Value{0.0}, type), 0);
  EXPECT_EQ(compare(parse_text("1.0", of(Kind::kNumeric)), parse_text("1.00", of(Kind::kNumeric)), of(Kind::kNumeric)),
            0);
}

// Each list ascends in PostgreSQL 15.
TEST(Value, DocumentsCompareAsPostgresql) {
  const auto ascends = [](const Type& type, std::initializer_list<const char*> texts) {
    const char* before = nullptr;
    for (const char* text : texts) {
      if (before != nullptr)
        EXPECT_LT(compare(parse_text(before, type), parse_text(text, type), type), 0) << before << " " << text;
      before = text;
    }
  };
  ascends(of(Kind::kJsonb), {"[]",     "null",      "\"\"",      "\"a\"",     "\"b\"",
                             "-1",     "1.5",       "10",        "false",     "true",
                             "[null]", "[1]",       "[2]",       "[\"a\",1]", "[1,2]",
                             "{}",     "{\"a\":1}", "{\"a\":2}", "{\"b\":1}", "{\"a\":1,\"b\":1}"});
  EXPECT_EQ(compare(parse_text("[1.0]", of(Kind::kJsonb)), parse_text("[1.00]", of(Kind::kJsonb)), of(Kind::kJsonb)),
            0);
  ascends(array_of(Kind::kInteger), {"{}", "{-1}", "{1}", "{1,1}", "{1,NULL}", "{2,10}", "{10,2}", "{NULL}"});
}

TEST(Value, JsonIsReadStrictly) {
  const std::pair<Type, const char*> refused[] = {
      {of(Kind::kInteger), "5.5"},  {of(Kind::kInteger), "true"},  {of(Kind::kInteger), "[1]"},
      {of(Kind::kText), "5"},       {of(Kind::kText), "{}"},       {of(Kind::kBoolean), "1"},
      {of(Kind::kBytea), "\"a!\""}, {of(Kind::kDate), "20010101"}, {array_of(Kind::kInteger), "{}"},
      {of(Kind::kInteger), "1 2"},  {of(Kind::kInteger), ""},      {array_of(Kind::kInteger), "[1,\"a\"]"},
      {of(Kind::kSmallint), "7e4"},
  };
  for (const auto& [type, json] : refused) EXPECT_THROW(parse_json(json, type), Error) << json;
  EXPECT_EQ(std::get<int64_t>(parse_json(" 5.0 ", of(Kind::kInteger))), 5);
  EXPECT_EQ(std::get<int64_t>(parse_json("1e3", of(Kind::kInteger))), 1000);
  EXPECT_EQ(std::get<int64_t>(parse_json("\"12\"", of(Kind::kInteger))), 12);
  EXPECT_EQ(std::get<std::string>(parse_json("\"a\\u00e9\"", of(Kind::kText))), "a\u00e9");
  EXPECT_TRUE(is_null(parse_json("null", of(Kind::kText))));
}

}  // namespace
}  // namespace headrace
