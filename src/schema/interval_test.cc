#include "schema/interval.h"

#include "base/random.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

std::string text_of(const Interval& interval) {
  std::string out;
  append_interval(out, interval);
  return out;
}

struct Case {
  const char* from;
  const char* to;  // nullptr: refused
};

// As PostgreSQL 15 reads and prints them.
constexpr Case kCases[] = {
    {"1 day 02:00:00", "1 day 02:00:00"},
    {"5 minutes", "00:05:00"},
    {"5", "00:00:05"},
    {"-1.5 hours", "-01:30:00"},
    {"1h30m", "01:30:00"},
    {"1 d+2 h", "1 day 02:00:00"},
    {"1 day, 2 hours", "1 day 02:00:00"},
    {"(1 day)", "1 day"},
    {"- 1 day", "-1 days"},
    {"1 day - 2 hours", "1 day -02:00:00"},
    {"1 year 1-2", "2 years 2 mons"},
    {"2 days 1-2 ago", "-1 years -2 mons -2 days"},
    {"1 DAY", "1 day"},
    {"@ 1 minute", "00:01:00"},
    {"3 days ago", "-3 days"},
    {"1 mon -1 day", "1 mon -1 days"},
    {"-1 year +2 mons", "-10 mons"},
    {"1 year 2 mons 3 days 04:05:06.789", "1 year 2 mons 3 days 04:05:06.789"},
    {"-1 day 00:00:01", "-1 days +00:00:01"},
    {"1 day -00:00:01", "1 day -00:00:01"},
    {"1-2", "1 year 2 mons"},
    {"-1-2", "-1 years -2 mons"},
    {"1-2 3 4:05:06", "1 year 2 mons 3 days 04:05:06"},
    {"1 02:00:00", "1 day 02:00:00"},
    {"12:30", "12:30:00"},
    {"12:30.5", "00:12:30.5"},
    {"00:00:60", "00:01:00"},
    {"1.5 years", "1 year 6 mons"},
    {"1.5 months", "1 mon 15 days"},
    {"1.5 weeks", "10 days 12:00:00"},
    {"0.1 months", "3 days"},
    {"1.5 days", "1 day 12:00:00"},
    {"2 decades", "20 years"},
    {"1.234567890 seconds", "00:00:01.234568"},
    {"15 milliseconds", "00:00:00.015"},
    {"7 us", "00:00:00.000007"},
    {"PT5M", "00:05:00"},
    {"P1Y2M3DT4H5M6S", "1 year 2 mons 3 days 04:05:06"},
    {"P1W", "7 days"},
    {"P-1Y", "-1 years"},
    {"PT1.5S", "00:00:01.5"},
    {"P1M", "1 mon"},
    {"2147483647 months", "178956970 years 7 mons"},
    {"9223372036854775807 us", "2562047788:00:54.775807"},
    {"-2562047788:00:54.775807", "-2562047788:00:54.775807"},
    {"0 days", "00:00:00"},
    {"2147483648 months", nullptr},
    {"178956971 years", nullptr},
    {"2147483648 days", nullptr},
    {"9223372036854775808 us", nullptr},
    {"2562047789:00:00", nullptr},
    {"99999999999999999999 days", nullptr},
    {"", nullptr},
    {" ", nullptr},
    {"day", nullptr},
    {"1 fortnight", nullptr},
    {"1 hour 1 hour", nullptr},
    {"1 2", nullptr},
    {"2001-02-03", nullptr},
    {"1-2-3", nullptr},
    {"-.5", nullptr},
    {"1day2hours", nullptr},
    {"1 day+2 hours", nullptr},
    {"1 day-2 hours", nullptr},
    {"1h-2m", nullptr},
    {"1 ago", nullptr},
    {"1.5 s 5 ms", nullptr},
    {"02:03 5 ms", nullptr},
    {"1-13", nullptr},
    {"00:60:00", nullptr},
    {"00:00:61", nullptr},
    {"ago", nullptr},
    {"1 day ago ago", nullptr},
    {"1 d ago 2 h", nullptr},
    {"P", nullptr},
    {"PT", nullptr},
    {"P1H", nullptr},
    {"PT1D", nullptr},
    {"::", nullptr},
    {"1:", nullptr},
    {"1::2", nullptr},
    {"1e3 s", nullptr},
    {"infinity", nullptr},
};

TEST(Interval, ReadsAndPrintsAsPostgresql) {
  for (const auto& [from, to] : kCases) {
    const auto interval = parse_interval(from);
    ASSERT_EQ(interval.has_value(), to != nullptr) << from;
    if (interval) EXPECT_EQ(text_of(*interval), to) << from;
  }
}

TEST(Interval, KeepsTheFractionOfADayBehindATime) {
  EXPECT_EQ(text_of(parse_interval("02:00:00 1.5 days").value()), "1 day 14:00:00");
}

TEST(Interval, RandomIntervalsComeBack) {
  constexpr uint64_t kSeed = 3;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  for (int i = 0; i < 20'000; ++i) {
    const int shift = static_cast<int>(random.below(63));
    const Interval interval{static_cast<int32_t>(random()) >> random.below(32),
                            static_cast<int32_t>(random()) >> random.below(32),
                            static_cast<int64_t>(random()) >> shift};
    ASSERT_EQ(parse_interval(text_of(interval)), interval) << text_of(interval);
    const __int128 span = interval_span(interval);
    ASSERT_TRUE(interval_span(interval_of_span(span)) == span) << text_of(interval);
  }
}

TEST(Interval, LengthsAreComparedAsPostgresqlDoes) {
  const auto span = [](const char* text) { return interval_span(parse_interval(text).value()); };
  EXPECT_TRUE(span("1 mon") == span("30 days"));
  EXPECT_TRUE(span("1 day") == span("24:00:00"));
  EXPECT_TRUE(span("1 year") < span("366 days"));
  EXPECT_TRUE(span("-1 mon") < span("-29 days"));
  constexpr Interval kGreatest{INT32_MAX, INT32_MAX, INT64_MAX};
  EXPECT_TRUE(interval_span(interval_of_span(interval_span(kGreatest))) == interval_span(kGreatest));
  EXPECT_EQ(text_of(interval_of_span(span("45 days 36:00:00"))), "46 days 12:00:00");
}

}  // namespace
}  // namespace headrace
