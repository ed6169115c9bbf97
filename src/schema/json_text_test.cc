#include "schema/json_text.h"

#include "base/random.h"
#include "gtest/gtest.h"
#include "schema/json_cursor.h"
#include "schema/utf8.h"

namespace headrace {
namespace {

std::string canonical_or_fault(std::string_view json) {
  std::string out;
  const auto fault = append_canonical_json(out, json);
  if (fault) {
    EXPECT_EQ(out, "") << json;
    EXPECT_LE(fault->position, json.size()) << json;
    return "fault";
  }
  return out;
}

// As PostgreSQL 15 prints jsonb, without the blanks.
TEST(CanonicalJson, IsPostgresqls) {
  const std::pair<const char*, const char*> cases[] = {
      {"null", "null"},
      {" true ", "true"},
      {"false", "false"},
      {"-0", "0"},
      {"-0.00", "0.00"},
      {"1.50", "1.50"},
      {"1e2", "100"},
      {"1E+3", "1000"},
      {"1.5e1", "15"},
      {"1.50e1", "15.0"},
      {"-1.25e-3", "-0.00125"},
      {"100e-4", "0.0100"},
      {"0e10", "0"},
      {"0.00e1", "0.0"},
      {"0.05e1", "0.5"},
      {"12345678901234567890.5", "12345678901234567890.5"},
      {"[ 1 , 2 ]", "[1,2]"},
      {"[]", "[]"},
      {" { } ", "{}"},
      {R"({"bb":1,"a":2,"aa":{"z":[],"y":null}})", R"({"a":2,"aa":{"y":null,"z":[]},"bb":1})"},
      {R"({"a":1,"b":2,"a":3})", R"({"a":3,"b":2})"},
      {R"({"a":1,"\u0061":2})", R"({"a":2})"},
      {R"("\u00e9\ud83d\ude00\/\n\u0001")", "\"\u00e9\U0001F600/\\n\\u0001\""},
      {R"({"\u00e9":1,"zz":2,"z":3})", "{\"z\":3,\"zz\":2,\"\u00e9\":1}"},
  };
  for (const auto& [json, canonical] : cases) EXPECT_EQ(canonical_or_fault(json), canonical) << json;
}

TEST(CanonicalJson, RefusesWhatIsNotJson) {
  for (const char* json : {"",
                           " ",
                           "{",
                           "}",
                           "[1,]",
                           "[1 2]",
                           "[",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{\"a\" 1}",
                           "{\"a\":}",
                           "{1:2}",
                           "01",
                           "1.",
                           ".5",
                           "+1",
                           "-",
                           "1e",
                           "1e+",
                           "nul",
                           "truex",
                           "1 2",
                           "\"a",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u0000\"",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\u0041\"",
                           "\"\t\"",
                           "\"\xff\"",
                           "\"\xc0\x80\"",
                           "1e1000000",
                           "1e-1000000",
                           "'a'",
                           "NaN",
                           "[1]]"}) {
    EXPECT_EQ(canonical_or_fault(json), "fault") << json;
  }
}

TEST(CanonicalJson, IsBounded) {
  const auto nested = [](int depth) {
    return std::string(static_cast<size_t>(depth), '[') + std::string(static_cast<size_t>(depth), ']');
  };
  EXPECT_EQ(canonical_or_fault(nested(kJsonDepthMax)), nested(kJsonDepthMax));
  EXPECT_EQ(canonical_or_fault(nested(kJsonDepthMax + 1)), "fault");
  EXPECT_EQ(canonical_or_fault(std::string(1'000'000, '[')), "fault");
  EXPECT_EQ(canonical_or_fault("1e400").size(), 401U);
  EXPECT_EQ(canonical_or_fault("1e1000"), "fault");
  EXPECT_EQ(canonical_or_fault(std::string(kJsonNumberDigitsMax + 3, '1')), "fault");
}

TEST(CanonicalJson, ReportsTheByte) {
  std::string out;
  const auto fault = append_canonical_json(out, R"({"a": [1, x]})");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->position, 10U);
}

TEST(JsonString, EscapesWhatItMust) {
  const auto json = [](std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
  };
  EXPECT_EQ(json(""), R"("")");
  EXPECT_EQ(json("a long text without anything"), R"("a long text without anything")");
  EXPECT_EQ(json("a \"quote\" and a \\ in the middle"), R"("a \"quote\" and a \\ in the middle")");
  EXPECT_EQ(json("\b\f\n\r\t\x01\x1f\x7f"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
  EXPECT_EQ(json("\u00e9\u20ac\U0001F600 and more text"), "\"\u00e9\u20ac\U0001F600 and more text\"");
}

TEST(JsonString, RandomTextsComeBack) {
  constexpr uint64_t kSeed = 5;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (uint64_t left = random.below(40); left > 0; --left) {
      constexpr std::string_view kPieces[] = {"a", "b", " ", "\"", "\\", "\n", "\x01", "\u00e9", "\U0001F600", "/"};
      text += kPieces[random.below(std::size(kPieces))];
    }
    std::string json;
    append_json_string(json, text);
    std::string back;
    JsonCursor cursor(json);
    ASSERT_TRUE(cursor.string(back) && cursor.at_end()) << json;
    ASSERT_EQ(back, text);
  }
}

TEST(Base64, IsRfc4648) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"},
                                                       {"\xff\xfe\xfd", "//79"}};
  for (const auto& [bytes, text] : cases) {
    std::string encoded;
    append_base64(encoded, bytes);
    EXPECT_EQ(encoded, text);
    std::string decoded = "before ";
    EXPECT_TRUE(append_from_base64(decoded, text));
    EXPECT_EQ(decoded, std::string("before ") + bytes);
  }
  std::string out = "kept";
  EXPECT_TRUE(append_from_base64(out, "Zg"));
  EXPECT_EQ(out, "keptf");
  for (const char* bad : {"Z", "Zg=", "Zg===", "Z===", "Zh==", "Zg==Zg==", "Z-9v", "Zm9v\n"}) {
    EXPECT_FALSE(append_from_base64(out, bad)) << bad;
    EXPECT_EQ(out, "keptf");
  }
}

TEST(Utf8, IsRfc3629) {
  for (const char* good : {"", "ascii", "a longer ascii text", "\u00e9", "\u07ff", "\u0800", "\ud7ff", "\ue000",
                           "\uffff", "\U00010000", "\U0010ffff", "text \u00e9 in the middle of it"}) {
    EXPECT_TRUE(valid_utf8(good)) << good;
    EXPECT_TRUE(valid_text(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "12345678\xff", "1234567\xc3", "\xc3(", "\xe2(\xa1"}) {
    EXPECT_FALSE(valid_utf8(bad)) << bad;
    EXPECT_FALSE(valid_text(bad)) << bad;
  }
  for (size_t zero = 0; zero < 20; ++zero) {
    std::string text(20, 'x');
    text[zero] = '\0';
    EXPECT_TRUE(valid_utf8(text));
    EXPECT_FALSE(valid_text(text)) << zero;
  }
}

}  // namespace
}  // namespace headrace
