// Dates and points in time: arithmetic, truncation, bins. The time zone is UTC, where every day has 24 hours.
#include <cmath>

#include "flow/functions_calendar.h"
#include "flow/functions_kernel.h"
#include "fmt/format.h"

namespace headrace {

using enum Kind;

namespace {

using Evaluate = void (*)(const Call& call, ColumnData& result);

constexpr const char* kInstantOutOfRange = "timestamp out of range";
constexpr const char* kIntervalOutOfRange = "interval out of range";

const char* check_date(int64_t days, int64_t& out) {
  if (days < kDateMin || days > kDateMax) return "date out of range";
  out = days;
  return nullptr;
}

// Both are 32-bit numbers held in 64; rows that need no value may hold anything, so the sums wrap.
constexpr auto kDatePlus = [](int64_t days, int64_t more, int64_t& out) {
  return check_date(static_cast<int64_t>(static_cast<uint64_t>(days) + static_cast<uint64_t>(more)), out);
};
constexpr auto kDateMinus = [](int64_t days, int64_t less, int64_t& out) {
  return check_date(static_cast<int64_t>(static_cast<uint64_t>(days) - static_cast<uint64_t>(less)), out);
};
constexpr auto kDaysBetween = [](int64_t left, int64_t right) { return left - right; };

constexpr auto kLater = [](int64_t micros, const Interval& interval, int64_t& out) -> const char* {
  if (interval.months == 0 && interval.days == 0) {
    return __builtin_add_overflow(micros, interval.micros, &out) || !is_instant(out) ? kInstantOutOfRange : nullptr;
  }
  const std::optional<int64_t> result = add_interval(micros, interval);
  if (!result) return kInstantOutOfRange;
  out = *result;
  return nullptr;
};
constexpr auto kLaterReversed = [](const Interval& interval, int64_t micros, int64_t& out) {
  return kLater(micros, interval, out);
};
constexpr auto kEarlier = [](int64_t micros, const Interval& interval, int64_t& out) -> const char* {
  Interval negated;
  if (__builtin_sub_overflow(0, interval.months, &negated.months) ||
      __builtin_sub_overflow(0, interval.days, &negated.days) ||
      __builtin_sub_overflow(int64_t{0}, interval.micros, &negated.micros)) {
    return kIntervalOutOfRange;
  }
  return kLater(micros, negated, out);
};

constexpr auto kTimeBetween = [](int64_t left, int64_t right, Interval& out) -> const char* {
  int64_t micros = 0;
  if (__builtin_sub_overflow(left, right, &micros)) return kIntervalOutOfRange;
  out = {0, static_cast<int32_t>(micros / kMicrosPerDay), micros % kMicrosPerDay};
  return nullptr;
};

constexpr auto kFromSeconds = [](double seconds, int64_t& out) -> const char* {
  if (std::isnan(seconds)) return "timestamp cannot be NaN";
  // PostgreSQL counts from 2000 and rounds there; so does this, to get the same microsecond.
  constexpr double kSecondsTo2000 = 946'684'800;
  const double micros = std::rint((seconds - kSecondsTo2000) * 1e6);
  if (!(micros > -2.2e17 && micros < 8.3e18)) return kInstantOutOfRange;
  out = static_cast<int64_t>(micros) + static_cast<int64_t>(kSecondsTo2000) * kMicrosPerSecond;
  return is_instant(out) ? nullptr : kInstantOutOfRange;
};

// The width of a window or bin in microseconds.
const char* width_of(const Interval& interval, int64_t& micros) {
  if (interval.months != 0) return "timestamps cannot be binned into intervals containing months or years";
  if (__builtin_mul_overflow(int64_t{interval.days}, kMicrosPerDay, &micros) ||
      __builtin_add_overflow(micros, interval.micros, &micros)) {
    return kIntervalOutOfRange;
  }
  return micros <= 0 ? "stride must be greater than zero" : nullptr;
}

void date_bin(const Call& call, ColumnData& result) {
  const Argument<Interval> widths(call, 0);
  const Argument<int64_t> instants(call, 1);
  const Argument<int64_t> origins(call, 2);
  for_each_row(call, result, [&](size_t row) -> const char* {
    int64_t width = 0;
    if (const char* error = width_of(widths[row], width)) return error;
    int64_t distance = 0;
    if (__builtin_sub_overflow(instants[row], origins[row], &distance)) return kIntervalOutOfRange;
    int64_t& out = result.ints[row];
    if (__builtin_sub_overflow(instants[row], distance - floor_divide(distance, width) * width, &out)) {
      return kInstantOutOfRange;
    }
    return is_instant(out) ? nullptr : kInstantOutOfRange;
  });
}

// Rows come roughly in order of time, so most are in the window of the row before them: no division for those.
template <bool end>
void tumble(const Call& call, ColumnData& result) {
  const Argument<int64_t> instants(call, 0);
  const Argument<Interval> sizes(call, 1);
  int64_t* out = result.ints.data();
  if (!call.is_constant(1)) {
    for_each_row(call, result, [&](size_t row) -> const char* {
      int64_t size = 0;
      if (const char* error = width_of(sizes[row], size)) return error;
      out[row] = floor_divide(instants[row], size) * size + (end ? size : 0);
      return is_instant(out[row]) ? nullptr : kInstantOutOfRange;
    });
    return;
  }
  int64_t size = 0;
  if (const char* error = width_of(sizes[0], size)) {
    for_each_row(call, result, [&](size_t) { return error; });
    return;
  }
  // A window that reaches out of the range of instants is an error: found afterwards, because it is so rare.
  int64_t start = 0;
  bool in_range = true;
  for (size_t row = 0; row < call.rows; ++row) {
    const int64_t instant = instants[row];
    if (static_cast<uint64_t>(instant) - static_cast<uint64_t>(start) >= static_cast<uint64_t>(size)) {
      if (!is_instant(instant)) {
        out[row] = 0;
        continue;
      }
      const int64_t quotient = floor_divide(instant, size);
      int64_t end_of_window = 0;
      if (__builtin_mul_overflow(quotient, size, &start) || !is_instant(start) ||
          __builtin_add_overflow(start, size, &end_of_window) || !is_instant(end_of_window)) {
        in_range = false;
        start = 0;
        out[row] = std::numeric_limits<int64_t>::min();
        continue;
      }
    }
    out[row] = end ? start + size : start;
  }
  if (in_range) return;
  for_each_row(call, result, [&](size_t row) {
    const bool outside = out[row] == std::numeric_limits<int64_t>::min();
    if (outside) out[row] = 0;
    return outside ? kInstantOutOfRange : nullptr;
  });
}

// The beginning of the field that `micros` is in. Not for fields that date_trunc does not know.
int64_t truncated_to(Field field, int64_t micros) {
  const auto cut = [&](int64_t unit) { return floor_divide(micros, unit) * unit; };
  switch (field) {
    case Field::kMicroseconds: return micros;
    case Field::kMilliseconds: return cut(1000);
    case Field::kSecond: return cut(kMicrosPerSecond);
    case Field::kMinute: return cut(kMicrosPerMinute);
    case Field::kHour: return cut(kMicrosPerHour);
    case Field::kDay: return cut(kMicrosPerDay);
    default: break;
  }
  const int64_t days = floor_divide(micros, kMicrosPerDay);
  if (field == Field::kWeek) return monday_of(days) * kMicrosPerDay;
  const CivilDate date = civil_from_days(days);
  int64_t year = date.year;
  int32_t month = 1;
  if (field == Field::kMonth) month = date.month;
  if (field == Field::kQuarter) month = (date.month - 1) / 3 * 3 + 1;
  if (field == Field::kDecade) year = decade_of(year) * 10;
  if (field == Field::kCentury) year = year > 0 ? century_of(year) * 100 - 99 : century_of(year) * 100 + 1;
  if (field == Field::kMillennium) year = year > 0 ? millennium_of(year) * 1000 - 999 : millennium_of(year) * 1000 + 1;
  return days_from_civil(year, month, 1) * kMicrosPerDay;
}

bool is_utc(std::string_view zone) {
  std::string upper(zone.substr(0, 8));
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
  return upper == "UTC" || upper == "GMT" || upper == "ETC/UTC" || upper == "Z" || upper == "ZULU";
}

void date_trunc(const Call& call, ColumnData& result) {
  const Argument<std::string_view> names(call, 0);
  const Argument<int64_t> instants(call, 1);
  std::optional<Field> field;
  bool looked_up = false;
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    if (!looked_up || !call.is_constant(0)) field = field_named(names[row]);
    looked_up = true;
    if (call.arguments.size() == 3) {
      const std::string_view zone = Argument<std::string_view>(call, 2)[row];
      if (!is_utc(zone)) {
        fail(call, result, row, fmt::format("time zone \"{}\" is not supported: use 'UTC'", zone.substr(0, 64)));
        continue;
      }
    }
    if (!field || *field > Field::kMillennium) {
      fail(call, result, row,
           fmt::format("unit \"{}\" not recognized for type timestamp with time zone", names[row].substr(0, 64)));
      continue;
    }
    const int64_t start = truncated_to(*field, instants[row]);
    if (is_instant(start)) {
      result.ints[row] = start;
    } else {
      fail(call, result, row, kInstantOutOfRange);
    }
  }
}

}  // namespace

void add_time_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, std::vector<Kind> parameters, Kind result, Evaluate evaluate,
                       std::string_view description) {
    table.push_back({.name = name,
                     .parameters = std::move(parameters),
                     .result = result,
                     .evaluate = evaluate,
                     .description = description});
  };
  using Int = int64_t;
  add("+", {kDate, kInteger}, kDate, try_map_two<Int, Int, Int, kDatePlus>, "days later");
  add("+", {kInteger, kDate}, kDate, try_map_two<Int, Int, Int, kDatePlus>, "days later");
  add("-", {kDate, kInteger}, kDate, try_map_two<Int, Int, Int, kDateMinus>, "days earlier");
  add("-", {kDate, kDate}, kInteger, map_two<Int, Int, Int, kDaysBetween>, "days between");
  add("+", {kTimestamptz, kInterval}, kTimestamptz, try_map_two<Int, Interval, Int, kLater>, "an interval later");
  add("+", {kInterval, kTimestamptz}, kTimestamptz, try_map_two<Interval, Int, Int, kLaterReversed>,
      "an interval later");
  add("-", {kTimestamptz, kInterval}, kTimestamptz, try_map_two<Int, Interval, Int, kEarlier>, "an interval earlier");
  add("-", {kTimestamptz, kTimestamptz}, kInterval, try_map_two<Int, Int, Interval, kTimeBetween>,
      "time between, in days and less");
  constexpr std::string_view kTruncate =
      "the beginning of the microsecond, millisecond, second, minute, hour, day, week, month, quarter, year, decade, "
      "century or millennium";
  add("date_trunc", {kText, kTimestamptz}, kTimestamptz, date_trunc, kTruncate);
  add("date_trunc", {kText, kTimestamptz, kText}, kTimestamptz, date_trunc,
      "the same in a time zone, which must be UTC");
  add("date_bin", {kInterval, kTimestamptz, kTimestamptz}, kTimestamptz, date_bin,
      "the beginning of the bin of a width; bins are counted from the last argument");
  add("to_timestamp", {kDouble}, kTimestamptz, try_map_one<double, Int, kFromSeconds>, "from seconds since 1970");
  add("tumble_start", {kTimestamptz, kInterval}, kTimestamptz, tumble<false>,
      "the beginning of the window of a size; windows are counted from 1970-01-01");
  add("tumble_end", {kTimestamptz, kInterval}, kTimestamptz, tumble<true>,
      "the end of the window of a size, which is not in it");
  add_extract_functions(table);
}

}  // namespace headrace
