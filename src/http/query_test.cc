#include "http/query.h"

#include "gtest/gtest.h"

namespace headrace {
namespace {

using Compare = ScanFilter::Compare;

TEST(QueryTest, DecodesPercents) {
  EXPECT_EQ(percent_decode("a%20b%2Fc%e2%82%AC", false), "a b/c€");
  EXPECT_EQ(percent_decode("1+1", false), "1+1");
  EXPECT_EQ(percent_decode("1+1", true), "1 1");
  for (const char* bad : {"%", "%2", "a%", "%zz", "%2g"}) EXPECT_THROW(percent_decode(bad, false), Error) << bad;
}

TEST(QueryTest, ReadsConditions) {
  const ScanRequest request = parse_scan(
      "origin=ORD&day.gte=2001-01-01T00:00:00%2B02:00&day.lt=x&n.gt=1&m.lte=2&k.eq=a%3Db&limit=7&cursor=abc&&", {});
  EXPECT_EQ(request.limit, 7u);
  EXPECT_EQ(request.cursor, "abc");
  ASSERT_EQ(request.filters.size(), 6u);
  EXPECT_EQ(request.filters[0].column, "origin");
  EXPECT_EQ(request.filters[0].compare, Compare::kEqual);
  EXPECT_EQ(request.filters[0].text, "ORD");
  EXPECT_EQ(request.filters[1].column, "day");
  EXPECT_EQ(request.filters[1].compare, Compare::kGreaterOrEqual);
  EXPECT_EQ(request.filters[1].text, "2001-01-01T00:00:00+02:00");
  EXPECT_EQ(request.filters[2].compare, Compare::kLess);
  EXPECT_EQ(request.filters[3].compare, Compare::kGreater);
  EXPECT_EQ(request.filters[4].compare, Compare::kLessOrEqual);
  EXPECT_EQ(request.filters[5].column, "k");
  EXPECT_EQ(request.filters[5].compare, Compare::kEqual);
  EXPECT_EQ(request.filters[5].text, "a=b");
}

TEST(QueryTest, TakesDefaults) {
  const ScanRequest request = parse_scan("", {});
  EXPECT_EQ(request.limit, 100u);
  EXPECT_TRUE(request.filters.empty());
  EXPECT_TRUE(request.cursor.empty());
}

TEST(QueryTest, ReachesColumnsNamedLikeParameters) {
  const ScanRequest request = parse_scan("limit.eq=5", {});
  ASSERT_EQ(request.filters.size(), 1u);
  EXPECT_EQ(request.filters[0].column, "limit");
  EXPECT_EQ(request.limit, 100u);
}

TEST(QueryTest, RefusesWhatIsWrong) {
  for (const char* bad : {"limit=0", "limit=-1", "limit=1001", "limit=", "limit=x", "limit=1&limit=2",
                          "cursor=a&cursor=b", "=x", "a=%", "limit=99999999999999999999", "limit=1x"}) {
    EXPECT_THROW(parse_scan(bad, {}), Error) << bad;
  }
  std::string many;
  for (int i = 0; i < 65; ++i) many += "a=1&";
  EXPECT_THROW(parse_scan(many, {}), Error);
}

TEST(QueryTest, NamesTheBoundsOfANumber) {
  EXPECT_EQ(integer_parameter("limit", "1000", 1, 1000), 1000);
  try {
    integer_parameter("limit", "12x", 1, 1000);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "limit: \"12x\" is not an integer from 1 to 1000");
  }
}

}  // namespace
}  // namespace headrace
