// Arithmetic of intervals: months, days and microseconds, each on its own. Multiplying and dividing carries what is
// left of a month into days and of a day into time, as interval_mul() of PostgreSQL does.
#include <cmath>
#include <limits>

#include "flow/functions_calendar.h"
#include "flow/functions_kernel.h"
#include "fmt/format.h"

namespace headrace {

using enum Kind;

namespace {

using Evaluate = void (*)(const Call& call, ColumnData& result);

constexpr const char* kOutOfRange = "interval out of range";

constexpr auto kPlus = [](const Interval& left, const Interval& right, Interval& out) -> const char* {
  return __builtin_add_overflow(left.months, right.months, &out.months) ||
                 __builtin_add_overflow(left.days, right.days, &out.days) ||
                 __builtin_add_overflow(left.micros, right.micros, &out.micros)
             ? kOutOfRange
             : nullptr;
};
constexpr auto kMinus = [](const Interval& left, const Interval& right, Interval& out) -> const char* {
  return __builtin_sub_overflow(left.months, right.months, &out.months) ||
                 __builtin_sub_overflow(left.days, right.days, &out.days) ||
                 __builtin_sub_overflow(left.micros, right.micros, &out.micros)
             ? kOutOfRange
             : nullptr;
};
constexpr auto kNegate = [](const Interval& value, Interval& out) { return kMinus(Interval(), value, out); };

// To the microsecond, so that 0.1 days is not a hair less than 2:24.
double rounded_to_micros(double value) {
  return std::rint(value * 1e6) / 1e6;
}

bool fits_int32(double value) {
  return value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max();
}

// `scale` multiplies or divides a number by the factor.
template <typename Scale>
const char* scaled(const Interval& from, Scale scale, Interval& out) {
  constexpr double kDaysPerMonth = 30;
  constexpr double kSecondsPerDay = 86'400;
  const double months = scale(from.months);
  const double days = scale(from.days);
  if (!fits_int32(months) || !fits_int32(days)) return kOutOfRange;
  const auto whole_months = static_cast<int32_t>(months);
  int64_t whole_days = static_cast<int32_t>(days);
  const double month_rest = rounded_to_micros((months - whole_months) * kDaysPerMonth);
  double seconds = rounded_to_micros(
      (days - static_cast<double>(whole_days) + month_rest - static_cast<double>(static_cast<int32_t>(month_rest))) *
      kSecondsPerDay);
  if (std::fabs(seconds) >= kSecondsPerDay) {
    const auto carried = static_cast<int64_t>(seconds / kSecondsPerDay);
    whole_days += carried;
    seconds -= static_cast<double>(carried) * kSecondsPerDay;
  }
  whole_days += static_cast<int32_t>(month_rest);
  const double micros = std::rint(scale(static_cast<double>(from.micros)) + seconds * 1e6);
  constexpr double kEnd = 9223372036854775808.0;
  if (!(micros >= -kEnd && micros < kEnd) || !fits_int32(static_cast<double>(whole_days))) return kOutOfRange;
  out = {whole_months, static_cast<int32_t>(whole_days), static_cast<int64_t>(micros)};
  return nullptr;
}

constexpr auto kTimes = [](const Interval& interval, double factor, Interval& out) {
  return scaled(interval, [factor](double value) { return value * factor; }, out);
};
constexpr auto kTimesReversed = [](double factor, const Interval& interval, Interval& out) {
  return kTimes(interval, factor, out);
};
constexpr auto kDividedBy = [](const Interval& interval, double divisor, Interval& out) -> const char* {
  if (divisor == 0) return "division by zero";
  return scaled(interval, [divisor](double value) { return value / divisor; }, out);
};

// Months in a field of a month or more, 0 for shorter ones.
int32_t months_in(Field field) {
  switch (field) {
    case Field::kMonth: return 1;
    case Field::kQuarter: return 3;
    case Field::kYear: return 12;
    case Field::kDecade: return 120;
    case Field::kCentury: return 1'200;
    case Field::kMillennium: return 12'000;
    default: return 0;
  }
}

int64_t micros_in(Field field) {
  switch (field) {
    case Field::kMicroseconds: return 1;
    case Field::kMilliseconds: return 1'000;
    case Field::kSecond: return kMicrosPerSecond;
    case Field::kMinute: return kMicrosPerMinute;
    case Field::kHour: return kMicrosPerHour;
    default: return 0;
  }
}

Interval truncated_to(Field field, const Interval& interval) {
  if (const int32_t months = months_in(field)) return {interval.months / months * months, 0, 0};
  const int64_t micros = micros_in(field);
  return {interval.months, interval.days, micros == 0 ? 0 : interval.micros / micros * micros};
}

void date_trunc(const Call& call, ColumnData& result) {
  const Argument<std::string_view> names(call, 0);
  const Argument<Interval> intervals(call, 1);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    const std::optional<Field> field = field_named(names[row]);
    if (field && *field <= Field::kMillennium && *field != Field::kWeek) {
      result.intervals[row] = truncated_to(*field, intervals[row]);
    } else {
      fail(call, result, row,
           fmt::format("unit \"{}\" not {} for type interval", names[row].substr(0, 64),
                       field == Field::kWeek ? "supported" : "recognized"));
    }
  }
}

}  // namespace

void add_interval_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, std::vector<Kind> parameters, Evaluate evaluate,
                       std::string_view description) {
    table.push_back({.name = name,
                     .parameters = std::move(parameters),
                     .result = kInterval,
                     .evaluate = evaluate,
                     .description = description});
  };
  add("+", {kInterval, kInterval}, try_map_two<Interval, Interval, Interval, kPlus>, "sum");
  add("-", {kInterval, kInterval}, try_map_two<Interval, Interval, Interval, kMinus>, "difference");
  add("-", {kInterval}, try_map_one<Interval, Interval, kNegate>, "negation");
  add("*", {kInterval, kDouble}, try_map_two<Interval, double, Interval, kTimes>, "so many times as long");
  add("*", {kDouble, kInterval}, try_map_two<double, Interval, Interval, kTimesReversed>, "so many times as long");
  add("/", {kInterval, kDouble}, try_map_two<Interval, double, Interval, kDividedBy>, "so many times as short");
  add("date_trunc", {kText, kInterval}, date_trunc, "truncated to a field");
}

}  // namespace headrace
