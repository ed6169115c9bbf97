#include "flow/frontier.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace headrace {
namespace {

Frontier frontier(std::vector<std::vector<int64_t>> offsets) {
  Frontier result;
  for (const auto& partitions : offsets) {
    result.offsets.emplace_back();
    for (const int64_t offset : partitions) result.offsets.back().push_back(Offset{offset});
  }
  return result;
}

TEST(Frontier, CoversWhatIsNotBeyondIt) {
  EXPECT_TRUE(frontier({{3, 5}}).covers(frontier({{3, 5}})));
  EXPECT_TRUE(frontier({{3, 5}}).covers(frontier({{3}})));
  EXPECT_TRUE(frontier({{3, 5}, {1}}).covers(frontier({{2, 5}})));
  EXPECT_FALSE(frontier({{3, 5}}).covers(frontier({{4, 5}})));
  EXPECT_FALSE(frontier({{3}}).covers(frontier({{3, 1}})));
  EXPECT_TRUE(frontier({{3}}).covers(frontier({{3, 0}, {0}})));
  EXPECT_TRUE(frontier({}).covers(frontier({})));
  EXPECT_FALSE(frontier({}).covers(frontier({{}, {7}})));
}

TEST(Frontier, ComesBackFromItsBytes) {
  for (const Frontier& each : {frontier({}), frontier({{}}), frontier({{0, INT64_MAX}, {}, {7}})}) {
    const std::string bytes = each.encode();
    EXPECT_EQ(Frontier::decode(bytes), each);
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_THROW(Frontier::decode(std::string_view(bytes).substr(0, size)), Error);
    EXPECT_THROW(Frontier::decode(bytes + "x"), Error);
  }
}

TEST(Token, ComesBackFromItsText) {
  const Token token{"flights", {{0, Offset{1200}}, {3, Offset{1188}}}};
  EXPECT_EQ(token.to_string(), "flights@0:1200,3:1188");
  const Token parsed = Token::parse("flights@0:1200,3:1188");
  EXPECT_EQ(parsed.stream, token.stream);
  EXPECT_EQ(parsed.ends, token.ends);
  EXPECT_TRUE(Token::parse("flights@").ends.empty());
  EXPECT_EQ(Token::parse("a@b@1:2").stream, "a@b");
}

TEST(Token, RefusesOtherTexts) {
  for (const char* text :
       {"", "flights", "@0:1", "f@0", "f@0:", "f@:1", "f@0:1,", "f@0:1,1", "f@-1:1", "f@0:-1", "f@1:1,1:2", "f@2:1,1:2",
        "f@99999999:1", "f@0:99999999999999999999", "f@0:1 ", "f@0:1;1:1"}) {
    EXPECT_THROW(Token::parse(text), Error) << text;
  }
}

}  // namespace
}  // namespace headrace
