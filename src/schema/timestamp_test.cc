#include "schema/timestamp.h"

#include <string>

#include "base/random.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

std::string date_text(int64_t days) {
  char buffer[kTimestampBytesMax];
  return {buffer, format_date(buffer, days)};
}

std::string timestamp_text(int64_t micros) {
  char buffer[kTimestampBytesMax];
  return {buffer, format_timestamptz(buffer, micros)};
}

struct Case {
  const char* from;
  const char* to;  // nullptr: refused
};

// As PostgreSQL 15 reads them with the time zone UTC, where they are not refused (timestamp.h).
constexpr Case kInstants[] = {
    {"2001-01-01T00:01:00Z", "2001-01-01T00:01:00Z"},
    {"2001-01-01 00:01:00+00", "2001-01-01T00:01:00Z"},
    {"2001-01-01 00:01:00", "2001-01-01T00:01:00Z"},
    {"2001-01-01t00:01:00z", "2001-01-01T00:01:00Z"},
    {"2001-01-01 00:01", "2001-01-01T00:01:00Z"},
    {"2001-01-01", "2001-01-01T00:00:00Z"},
    {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
    {"2001-01-01T00:00:00.5Z", "2001-01-01T00:00:00.500000Z"},
    {"2001-01-01T00:00:00.000000Z", "2001-01-01T00:00:00Z"},
    {"2001-01-01T00:00:00.123456789Z", "2001-01-01T00:00:00.123457Z"},
    {"2001-12-31T23:59:59.9999995Z", "2002-01-01T00:00:00Z"},
    {"2001-12-31T23:59:59.9999994Z", "2001-12-31T23:59:59.999999Z"},
    {"2001-01-01T00:00:00.1234565+00", "2001-01-01T00:00:00.123456Z"},
    {"2001-01-01T10:00:00+05:30", "2001-01-01T04:30:00Z"},
    {"2001-01-01T10:00:00+0530", "2001-01-01T04:30:00Z"},
    {"2001-01-01T10:00:00-08", "2001-01-01T18:00:00Z"},
    {"2001-01-01 10:00:00 -08", "2001-01-01T18:00:00Z"},
    {"2001-01-01T10:00:00+05:30:15", "2001-01-01T04:29:45Z"},
    {"2001-01-01 10:00:00 UTC", "2001-01-01T10:00:00Z"},
    {"2001-01-01 10:00:00 utc", "2001-01-01T10:00:00Z"},
    {"2001-01-01 10:00:00gmt", "2001-01-01T10:00:00Z"},
    {"2001-01-01 10:00:00 zulu", "2001-01-01T10:00:00Z"},
    {"2001-01-01 10:00:00  Z", "2001-01-01T10:00:00Z"},
    {"2001-01-01  10:00:00", "2001-01-01T10:00:00Z"},
    {"2001-01-01Z", "2001-01-01T00:00:00Z"},
    {"2001-01-01 Z", "2001-01-01T00:00:00Z"},
    {"2001-01-01UTC", "2001-01-01T00:00:00Z"},
    {"2001-01-01+05:30", "2000-12-31T18:30:00Z"},
    {"2001-01-01 -08", "2001-01-01T08:00:00Z"},
    {"2001-01-01-08", nullptr},
    {"2001-01-01 -", nullptr},
    {"2001-01-01TZ", nullptr},
    {"2001-1-1", "2001-01-01T00:00:00Z"},
    {"2001-1-1 1:2:3", "2001-01-01T01:02:03Z"},
    {"2001-01-01T00:00:00+5", "2000-12-31T19:00:00Z"},
    {"2001-01-01T00:00:00+530", "2000-12-31T18:30:00Z"},
    {"2001-01-01T00:00:00+5:30", "2000-12-31T18:30:00Z"},
    {"2001-01-01T00:00:00+053015", nullptr},
    {"20010203", "2001-02-03T00:00:00Z"},
    {"20010203T040506Z", "2001-02-03T04:05:06Z"},
    {"20010203 0405", "2001-02-03T04:05:00Z"},
    {"2001-02-03T040506.5Z", "2001-02-03T04:05:06.500000Z"},
    {"20010203T04050", nullptr},
    {"2001020", nullptr},
    {"200102030", nullptr},
    {"2001-01-01T10:00:60.5Z", "2001-01-01T10:01:00.500000Z"},
    {"2001-01-01T23:59:60.5Z", nullptr},
    {"0044-03-15 00:00:00 bc", "0044-03-15T00:00:00Z BC"},
    {"2001-03-15 00:00:00.25 AD", "2001-03-15T00:00:00.250000Z"},
    {"2001-01-01T00:00:00 ", nullptr},
    {"2001-01-01T00:00:00+15:59", "2000-12-31T08:01:00Z"},
    {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
    {"2001-01-01T24:00:00Z", "2001-01-02T00:00:00Z"},
    {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
    {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
    {"0001-01-01T00:00:00+10", "0001-12-31T14:00:00Z BC"},
    {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
    {"9999-12-31T23:59:60Z", "10000-01-01T00:00:00Z"},
    {"10000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"},
    {"0044-03-15 00:00:00+00 BC", "0044-03-15T00:00:00Z BC"},
    {"4714-11-24T00:00:00Z BC", "4714-11-24T00:00:00Z BC"},
    {"4714-11-23T23:59:59Z BC", nullptr},
    {"", nullptr},
    {"x", nullptr},
    {"2001", nullptr},
    {"0000-01-01T00:00:00Z", nullptr},
    {"2001-00-01T00:00:00Z", nullptr},
    {"2001-13-01T00:00:00Z", nullptr},
    {"2001-01-00T00:00:00Z", nullptr},
    {"2001-02-29T00:00:00Z", nullptr},
    {"2001-04-31T00:00:00Z", nullptr},
    {"2001-01-01T25:00:00Z", nullptr},
    {"2001-01-01T24:00:01Z", nullptr},
    {"2001-01-01T00:60:00Z", nullptr},
    {"2001-01-01T00:00:61Z", nullptr},
    {"2001-01-01T", nullptr},
    {"2001-01-01T1", nullptr},
    {"2001-01-01T00:00:00,5Z", nullptr},
    {"2001-01-01T00:00:00+16", nullptr},
    {"2001-01-01T00:00:00+05:60", nullptr},
    {"2001-01-01T00:00:00ZZ", nullptr},
    {"2001-01-01T00:00:00Zx", nullptr},
    {"2001/01/01T00:00:00Z", nullptr},
    {"2001-01-01X00:00:00Z", nullptr},
    {"20a1-01-01T00:00:00Z", nullptr},
    {"2001-01-01T0:000:00Z", nullptr},
    {"300000-01-01T00:00:00Z", nullptr},
    {"infinity", nullptr},
    {"now", nullptr},
    {"2001-01-01T00:00:00\xc3\xa9", nullptr},
};

constexpr Case kDates[] = {
    {"2001-01-01", "2001-01-01"},
    {"0001-01-01", "0001-01-01"},
    {"9999-12-31", "9999-12-31"},
    {"10000-01-01", "10000-01-01"},
    {"5874897-12-31", "5874897-12-31"},
    {"0044-03-15 BC", "0044-03-15 BC"},
    {"0005-02-29 BC", "0005-02-29 BC"},
    {"4714-11-24 BC", "4714-11-24 BC"},
    {"4714-11-23 BC", nullptr},
    {"5874898-01-01", nullptr},
    {"0001-02-29 BC", "0001-02-29 BC"},
    {"0002-02-29 BC", nullptr},
    {"1900-02-29", nullptr},
    {"0000-01-01", nullptr},
    {"2001-01-01T00:00:00Z", nullptr},
    {"2001-01-1", "2001-01-01"},
    {"2001-1-31", "2001-01-31"},
    {"20010131", "2001-01-31"},
    {"0044-03-15BC", "0044-03-15 BC"},
    {"0044-03-15 ad", "0044-03-15"},
    {"bc", nullptr},
    {"2001-01-011", nullptr},
    {"-2001-01-01", nullptr},
    {"", nullptr},
};

TEST(Timestamp, ReadsAndPrintsInstants) {
  for (const auto& [from, to] : kInstants) {
    const auto micros = parse_timestamptz(from);
    ASSERT_EQ(micros.has_value(), to != nullptr) << from;
    if (micros) EXPECT_EQ(timestamp_text(*micros), to) << from;
  }
}

TEST(Timestamp, ReadsAndPrintsDates) {
  for (const auto& [from, to] : kDates) {
    const auto days = parse_date(from);
    ASSERT_EQ(days.has_value(), to != nullptr) << from;
    if (days) EXPECT_EQ(date_text(*days), to) << from;
  }
}

TEST(Timestamp, CountsFrom1970) {
  EXPECT_EQ(parse_timestamptz("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_timestamptz("2001-01-01T00:01:00.000001Z"), 978'307'260'000'001);
  EXPECT_EQ(parse_date("1970-01-01"), 0);
  EXPECT_EQ(parse_date("1969-12-31"), -1);
  EXPECT_EQ(parse_date("4714-11-24 BC"), kDateMin);
  EXPECT_EQ(parse_date("5874897-12-31"), kDateMax);
}

TEST(Timestamp, EveryDayComesBack) {
  constexpr int64_t kYears = 12'000;
  CivilDate before = civil_from_days(-kYears * 366);
  for (int64_t days = -kYears * 366 + 1; days < kYears * 366; ++days) {
    const CivilDate date = civil_from_days(days);
    ASSERT_EQ(days_from_civil(date.year, date.month, date.day), days);
    const bool same_month = date.year == before.year && date.month == before.month;
    ASSERT_TRUE(same_month ? date.day == before.day + 1
                           : date.day == 1 && before.day == days_in_month(before.year, before.month));
    before = date;
  }
}

TEST(Timestamp, RandomInstantsComeBack) {
  constexpr uint64_t kSeed = 99;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  for (int i = 0; i < 100'000; ++i) {
    const auto range = static_cast<uint64_t>(kTimestampMax) - static_cast<uint64_t>(kTimestampMin) + 1;
    int64_t micros = static_cast<int64_t>(static_cast<uint64_t>(kTimestampMin) + random.below(range));
    if (random.one_in(2)) micros = micros / kMicrosPerDay * 1'000'003;
    ASSERT_EQ(parse_timestamptz(timestamp_text(micros)), micros);
  }
  for (const int64_t micros : {kTimestampMin, kTimestampMax})
    EXPECT_EQ(parse_timestamptz(timestamp_text(micros)), micros);
}

// Printing takes whatever a column holds, also beyond what can be read.
TEST(Timestamp, PrintsTheLimitsOf64Bits) {
  EXPECT_EQ(timestamp_text(INT64_MAX), "294247-01-10T04:00:54.775807Z");
  EXPECT_EQ(parse_timestamptz("294247-01-09T23:59:59.999999Z"), kTimestampMax);
  EXPECT_EQ(parse_timestamptz("294247-01-10T00:00:00Z"), std::nullopt);
  EXPECT_EQ(timestamp_text(INT64_MIN), "290309-12-21T19:59:05.224192Z BC");
}

TEST(Timestamp, NoChangedByteOfAGoodTextIsMisread) {
  const std::string good = "2001-12-31T23:59:58Z";
  for (size_t i = 0; i < good.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = good;
      text[i] = static_cast<char>(byte);
      const auto micros = parse_timestamptz(text);
      if (!micros) continue;
      std::string expected = text;
      if (expected[10] == ' ' || expected[10] == 't') expected[10] = 'T';
      if (expected.back() == 'z') expected.back() = 'Z';
      if (expected.substr(17, 2) == "60") continue;  // is the next minute
      if (expected.substr(17, 2) == "5 ") continue;  // is second 5
      ASSERT_EQ(timestamp_text(*micros), expected);
    }
  }
}

}  // namespace
}  // namespace headrace
