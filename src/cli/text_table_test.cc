#include "cli/text_table.h"

#include "base/error.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

TEST(TextTable, AlignsColumnsAndPutsNumbersToTheRight) {
  EXPECT_EQ(text_results(R"({"columns":[{"name":"city","type":"text"},{"name":"n","type":"bigint"}],)"
                         R"("rows":[{"city":"Oslo","n":5},{"city":"Zürich","n":12345}]})"),
            "city        n\n"
            "──────  ─────\n"
            "Oslo        5\n"
            "Zürich  12345\n"
            "(2 rows)\n");
}

TEST(TextTable, NumbersAreAsTheServerWroteThem) {
  EXPECT_EQ(text_results(R"json({"columns":[{"name":"x","type":"numeric(38,2)"}],)json"
                         R"("rows":[{"x": 12345678901234567890123456789012345678.10 }]})"),
            "                                        x\n"
            "─────────────────────────────────────────\n"
            "12345678901234567890123456789012345678.10\n"
            "(1 row)\n");
}

TEST(TextTable, ShowsNullsDocumentsAndBooleans) {
  EXPECT_EQ(text_results(R"({"columns":[{"name":"a","type":"text"},{"name":"b","type":"jsonb"},)"
                         R"({"name":"c","type":"boolean"}],"rows":[{"a":null,"b":{"x":[1,2]},"c":true}]})"),
            "a  b            c\n"
            "─  ───────────  ────\n"
            "   {\"x\":[1,2]}  true\n"
            "(1 row)\n");
}

TEST(TextTable, LongTextsAreCutBetweenCharactersOnATerminal) {
  std::string letters;
  for (int i = 0; i < 100; ++i) letters += "é";
  const std::string row = R"({"a":")" + letters + R"("})";
  const std::string json = R"({"columns":[{"name":"a","type":"text"}],"rows":[)" + row + "," + row + "]}";
  const std::string table = text_results(json);
  EXPECT_NE(table.find("\n" + letters.substr(0, 2 * 59) + "…\n"), std::string::npos) << table;
  EXPECT_NE(text_results(json, Cells::kWhole).find("\n" + letters + "\n"), std::string::npos);
}

// Like the statement that SHOW CREATE gives, in which a line end can end a comment.
TEST(TextTable, ACellThatIsAloneIsWhole) {
  const std::string line(100, 'x');
  const std::string table = text_results(R"({"columns":[{"name":"statement","type":"text"}],"rows":[{"statement":")" +
                                         line + R"(\n y\u001b"}]})");
  std::string dashes;
  for (size_t i = 0; i < line.size(); ++i) dashes += "─";
  EXPECT_EQ(table, "statement\n" + dashes + "\n" + line + "\n y \n(1 row)\n");
}

// What somebody sent in a row must not move the cursor, or worse.
TEST(TextTable, ControlCharactersDoNotReachTheTerminal) {
  const std::string table =
      text_results(R"({"columns":[{"name":"a","type":"text"}],"rows":[{"a":"x\u001b[2Jy\tz\r\n\u0007\u007f"}]})");
  EXPECT_EQ(table.find_first_of("\x1b\t\r\a\x7f"), std::string::npos);
  EXPECT_NE(table.find("x [2Jy z"), std::string::npos) << table;
}

TEST(TextTable, NoRowsAndNoColumns) {
  EXPECT_EQ(text_results(R"({"columns":[{"name":"a","type":"text"}],"rows":[]})"), "a\n─\n(0 rows)\n");
  EXPECT_EQ(text_results("[]"), "");
}

TEST(TextTable, SaysWhatStatementsDid) {
  EXPECT_EQ(text_results(R"([{"applied":"created","kind":"stream","name":"s"},)"
                         R"({"applied":"unchanged","kind":"view","name":"v","note":"why"},{"rows":1},{"rows":3}])"),
            "created stream s\nunchanged view v: why\n1 row\n3 rows\n");
}

TEST(TextTable, AnythingElseIsAnError) {
  for (const char* wrong : {"", "5", "\"x\"", "{", "[1]", "{}", "[{\"columns\":1}]", R"({"columns":[{"name":"a"}]})",
                            R"({"columns":[{"name":"a","type":"text"}],"rows":[1]})", "<html>"}) {
    try {
      text_results(wrong);
      ADD_FAILURE() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kCorrupt) << wrong;
    }
  }
}

}  // namespace
}  // namespace headrace
