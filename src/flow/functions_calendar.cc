#include "flow/functions_calendar.h"

#include <algorithm>
#include <unordered_map>

namespace headrace {
namespace {

const std::unordered_map<std::string_view, Field>& fields() {
  using enum Field;
  static const std::unordered_map<std::string_view, Field> table = {
      {"microseconds", kMicroseconds},
      {"microsecond", kMicroseconds},
      {"us", kMicroseconds},
      {"usec", kMicroseconds},
      {"usecs", kMicroseconds},
      {"usecond", kMicroseconds},
      {"useconds", kMicroseconds},
      {"milliseconds", kMilliseconds},
      {"millisecond", kMilliseconds},
      {"ms", kMilliseconds},
      {"msec", kMilliseconds},
      {"msecs", kMilliseconds},
      {"msecond", kMilliseconds},
      {"mseconds", kMilliseconds},
      {"second", kSecond},
      {"seconds", kSecond},
      {"sec", kSecond},
      {"secs", kSecond},
      {"s", kSecond},
      {"minute", kMinute},
      {"minutes", kMinute},
      {"min", kMinute},
      {"mins", kMinute},
      {"m", kMinute},
      {"hour", kHour},
      {"hours", kHour},
      {"hr", kHour},
      {"hrs", kHour},
      {"h", kHour},
      {"day", kDay},
      {"days", kDay},
      {"d", kDay},
      {"week", kWeek},
      {"weeks", kWeek},
      {"w", kWeek},
      {"month", kMonth},
      {"months", kMonth},
      {"mon", kMonth},
      {"mons", kMonth},
      {"quarter", kQuarter},
      {"qtr", kQuarter},
      {"year", kYear},
      {"years", kYear},
      {"yr", kYear},
      {"yrs", kYear},
      {"y", kYear},
      {"decade", kDecade},
      {"decades", kDecade},
      {"dec", kDecade},
      {"decs", kDecade},
      {"century", kCentury},
      {"centuries", kCentury},
      {"cent", kCentury},
      {"c", kCentury},
      {"millennium", kMillennium},
      {"millennia", kMillennium},
      {"mil", kMillennium},
      {"mils", kMillennium},
      {"epoch", kEpoch},
      {"dow", kDayOfWeek},
      {"isodow", kIsoDayOfWeek},
      {"doy", kDayOfYear},
      {"isoyear", kIsoYear},
      {"julian", kJulian},
      {"jd", kJulian},
      {"j", kJulian},
      {"timezone", kTimezone},
      {"timezone_hour", kTimezoneHour},
      {"timezone_h", kTimezoneHour},
      {"timezone_minute", kTimezoneMinute},
      {"timezone_m", kTimezoneMinute},
  };
  return table;
}

}  // namespace

std::optional<Field> field_named(std::string_view name) {
  constexpr size_t kLongest = 16;
  if (name.size() > kLongest) return std::nullopt;
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  const auto found = fields().find(lower);
  if (found == fields().end()) return std::nullopt;
  return found->second;
}

int64_t decade_of(int64_t year) {
  return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10);
}
int64_t century_of(int64_t year) {
  return year > 0 ? (year + 99) / 100 : -((99 - (year - 1)) / 100);
}
int64_t millennium_of(int64_t year) {
  return year > 0 ? (year + 999) / 1000 : -((999 - (year - 1)) / 1000);
}

IsoWeek iso_week(int64_t days) {
  // The week belongs to the year that its Thursday is in.
  const int64_t thursday = monday_of(days) + 3;
  const int64_t year = civil_from_days(thursday).year;
  return {year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1};
}

std::optional<int64_t> add_interval(int64_t micros, const Interval& interval) {
  int64_t days = floor_divide(micros, kMicrosPerDay);
  const int64_t time = micros - days * kMicrosPerDay;
  if (interval.months != 0) {
    CivilDate date = civil_from_days(days);
    const int64_t months = date.year * 12 + (date.month - 1) + interval.months;
    date.year = floor_divide(months, 12);
    date.month = static_cast<int32_t>(months - date.year * 12) + 1;
    date.day = std::min(date.day, days_in_month(date.year, date.month));
    days = days_from_civil(date.year, date.month, date.day);
  }
  days += interval.days;
  int64_t result = 0;
  if (__builtin_mul_overflow(days, kMicrosPerDay, &result) || __builtin_add_overflow(result, time, &result) ||
      __builtin_add_overflow(result, interval.micros, &result) || !is_instant(result)) {
    return std::nullopt;
  }
  return result;
}

}  // namespace headrace
