#include "cli/sql_text.h"

#include "gtest/gtest.h"

namespace headrace {
namespace {

TEST(SqlText, ASemicolonEndsAStatement) {
  for (const char* text : {"SELECT 1;",
                           "SELECT 1; \r\n\t",
                           "SELECT 1; -- done",
                           "SELECT 1; -- don't\n",
                           "SELECT 1; /* ; ' */\n",
                           "SELECT 1; /* a /* b */ ' */ -- \"",
                           "SELECT 'x;\ny';",
                           "SELECT 'it''s';",
                           "SELECT '\\';",
                           "SELECT E'\\'';",
                           "SELECT e'\\\\';",
                           "SELECT \"a;\"\"b\";",
                           "SELECT $$;$$;",
                           "SELECT $a$ $$ ; $b$ $a$;",
                           "SELECT a$b$c;",
                           "SELECT $1;",
                           "SELECT 1 - -1;",
                           "SELECT 4 / 2 * 3;",
                           ";",
                           "SELECT 1; SELECT 2;"})
    EXPECT_EQ(sql_end(text), SqlEnd::kEnded) << text;
}

TEST(SqlText, WhatIsInQuotesAndCommentsDoesNot) {
  for (const char* text : {"SELECT 1",
                           "SELECT 1 -- ;",
                           "SELECT 1 -- ;\n",
                           "SELECT t -- c;\n",
                           "SELECT 'x;\n",
                           "SELECT 'it''s;",
                           "SELECT E'\\';",
                           "SELECT \"a;",
                           "SELECT \"a'b;",
                           "SELECT $$;",
                           "SELECT $a$ $$;",
                           "SELECT $a$ $b$;",
                           "SELECT $ä$;",
                           "SELECT 1 /* ;",
                           "SELECT 1; /* a /* b */ ;",
                           "SELECT 1; SELECT 2",
                           "/*",
                           "'",
                           "$",
                           "$a",
                           "E"})
    EXPECT_EQ(sql_end(text), SqlEnd::kOpen) << text;
}

TEST(SqlText, SpacesAndCommentsAreNothing) {
  for (const char* text : {"", " \n\t\r\n", "-- a;", "-- a;\n", "/* a; */", " /* /* ; */ */\n-- x"})
    EXPECT_EQ(sql_end(text), SqlEnd::kNothing) << text;
}

std::string shown(std::string_view text, int64_t position, std::string_view file = {}) {
  const Error error = located(Error(Code::kRefused, "no", {.position = position}), text, file);
  EXPECT_EQ(error.code(), Code::kRefused);
  return error.message();
}

TEST(SqlText, AnErrorIsShownWhereItIs) {
  EXPECT_EQ(shown("SELECT x", 7), "no\n  SELECT x\n         ^");
  EXPECT_EQ(shown("SELECT x;\n", 7), "no\n  SELECT x;\n         ^");
  EXPECT_EQ(shown("SELECT x", 8), "no\n  SELECT x\n          ^");
  EXPECT_EQ(shown("x", 0), "no\n  x\n  ^");
  EXPECT_EQ(shown("SELECT\r\n\t'ä', x\r\nFROM y", 15), "line 2, column 7: no\n  \t'ä', x\n  \t     ^");
  EXPECT_EQ(shown("SELECT 'äöü', x", 17), "no\n  SELECT 'äöü', x\n                ^") << "characters, not bytes";
  EXPECT_EQ(shown("a\nb\n", 2, "app.sql"), "app.sql:2:1: no\n  b\n  ^");
  EXPECT_EQ(shown("a\nb\n", 1, "app.sql"), "app.sql:1:2: no\n  a\n   ^");
  EXPECT_EQ(shown("a\n", 2, "app.sql"), "app.sql:2:1: no\n  \n  ^") << "at the end";
}

TEST(SqlText, AnErrorWithoutAPlaceHasTheFileAtLeast) {
  EXPECT_EQ(shown("SELECT x", -1), "no");
  EXPECT_EQ(shown("SELECT x", 9), "no");
  EXPECT_EQ(shown("SELECT x", -1, "app.sql"), "app.sql: no");
}

}  // namespace
}  // namespace headrace
