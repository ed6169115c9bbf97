// Dates and instants as text. Both are counts from 1970-01-01 in the proleptic Gregorian calendar: a date in days, a
// timestamptz in microseconds of UTC. Loading parses millions of these each second, so the common form has a path of
// its own that reads eight characters at a time; everything else takes the general one.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace headrace {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

// Room that the format functions need.
inline constexpr size_t kTimestampBytesMax = 48;

// Both begin where PostgreSQL's do, at 4714-11-24 BC. Dates end with 5874897-12-31 as well; instants end at
// 294247-01-09, as far as 64 bits of microseconds since 1970 reach (PostgreSQL counts from 2000 and gets 29 years
// further).
inline constexpr int64_t kDateMin = -2'440'588;
inline constexpr int64_t kDateMax = 2'145'042'905;
inline constexpr int64_t kTimestampMin = kDateMin * kMicrosPerDay;
inline constexpr int64_t kTimestampMax = 106'751'991 * kMicrosPerDay - 1;

struct CivilDate {
  int64_t year;  // 0 is 1 BC
  int32_t month;
  int32_t day;
};

// After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". Months and days must be valid.
constexpr int64_t days_from_civil(int64_t year, int32_t month, int32_t day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<uint32_t>(year - era * 400);
  const uint32_t day_of_year =
      (153 * static_cast<uint32_t>(month > 2 ? month - 3 : month + 9) + 2) / 5 + static_cast<uint32_t>(day) - 1;
  const uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<int64_t>(day_of_era) - 719468;
}

constexpr CivilDate civil_from_days(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<uint32_t>(days - era * 146097);
  const uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t shifted_month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int32_t>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  const auto month = static_cast<int32_t>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2), month, day};
}

int32_t days_in_month(int64_t year, int32_t month);

// "2001-01-31", also "12345-01-31" and "0044-03-15 BC" as PostgreSQL prints them, "2001-1-31", and ISO 8601's basic
// form "20010131". nullopt for anything else.
std::optional<int64_t> parse_date(std::string_view text);

// RFC 3339 with any offset, PostgreSQL's "2001-01-01 00:01:00+00", either without an offset (UTC), without seconds, or
// without a time (midnight), and ISO 8601's basic form "20010101T000100Z". Fractions beyond six digits are rounded as
// PostgreSQL does. Second 60 is the next minute. Of what PostgreSQL reads besides, dates in another order, names of
// months and time zones, AM and PM, and words like "infinity" and "now" are refused.
std::optional<int64_t> parse_timestamptz(std::string_view text);

// Write at `to`, which has room for kTimestampBytesMax, and return the end of what was written.
// "2001-01-31"; years after 9999 have more digits, years before 1 end in " BC".
char* format_date(char* to, int64_t days);
// "2001-01-01T00:01:00Z", with six decimals where they are not zero ("2001-01-01T00:01:00.500000Z").
char* format_timestamptz(char* to, int64_t micros);

}  // namespace headrace
