// The fields of dates, times and intervals by their names, and arithmetic on the calendar. Internal to functions*.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schema/timestamp.h"
#include "schema/value.h"

namespace headrace {

enum class Field : uint8_t {
  kMicroseconds,
  kMilliseconds,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kQuarter,
  kYear,
  kDecade,
  kCentury,
  kMillennium,
  kEpoch,
  kDayOfWeek,
  kIsoDayOfWeek,
  kDayOfYear,
  kIsoYear,
  kJulian,
  kTimezone,
  kTimezoneHour,
  kTimezoneMinute,
};

// Any of PostgreSQL's spellings, in any case: "hour", "hours", "hr", "h".
std::optional<Field> field_named(std::string_view name);

inline constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
inline constexpr int64_t kMicrosPerHour = 60 * kMicrosPerMinute;
inline constexpr int64_t kJulianOf1970 = 2'440'588;

// Rounded down, also for what is before 1970. `divisor` is positive.
constexpr int64_t floor_divide(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

inline bool is_instant(int64_t micros) {
  return micros >= kTimestampMin && micros <= kTimestampMax;
}

// Years by PostgreSQL's count: 1 BC is 0 within, and -1 where it is shown.
int64_t decade_of(int64_t year);
int64_t century_of(int64_t year);
int64_t millennium_of(int64_t year);

// 0 for Sunday to 6 for Saturday.
inline int64_t day_of_week(int64_t days) {
  return days + 4 - floor_divide(days + 4, 7) * 7;
}
// The Monday of the week that `days` is in.
inline int64_t monday_of(int64_t days) {
  return days - (day_of_week(days) + 6) % 7;
}

// The year and the week that the day belongs to by ISO 8601.
struct IsoWeek {
  int64_t year;
  int64_t week;
};
IsoWeek iso_week(int64_t days);

// Months first, where a day that the month does not have becomes its last; then days, then time. nullopt: out of range.
std::optional<int64_t> add_interval(int64_t micros, const Interval& interval);

}  // namespace headrace
