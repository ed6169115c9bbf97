// extract and date_part: one field of a date, an instant or an interval, as numeric (exact) or double precision.
#include "flow/functions_calendar.h"
#include "flow/functions_kernel.h"
#include "fmt/format.h"

namespace headrace {

using enum Kind;

namespace {

// A field's value, as a whole number of 10^-scale.
struct FieldValue {
  int64_t value = 0;
  int32_t scale = 0;
};

// What fields are taken from; the name is PostgreSQL's for messages.
struct OfInstant {
  using Cell = int64_t;
  static constexpr std::string_view kName = "timestamp with time zone";
};
// A date as the instant at which it begins.
struct OfMidnight : OfInstant {
  static constexpr std::string_view kName = "timestamp without time zone";
};
struct OfDate {
  using Cell = int64_t;
  static constexpr std::string_view kName = "date";
};
struct OfInterval {
  using Cell = Interval;
  static constexpr std::string_view kName = "interval";
};

// The fields that depend on the day only; nullopt for others.
std::optional<int64_t> field_of_day(Field field, int64_t days) {
  const CivilDate date = civil_from_days(days);
  switch (field) {
    case Field::kDay: return date.day;
    case Field::kWeek: return iso_week(days).week;
    case Field::kMonth: return date.month;
    case Field::kQuarter: return (date.month - 1) / 3 + 1;
    case Field::kYear: return date.year > 0 ? date.year : date.year - 1;
    case Field::kDecade: return decade_of(date.year);
    case Field::kCentury: return century_of(date.year);
    case Field::kMillennium: return millennium_of(date.year);
    case Field::kDayOfWeek: return day_of_week(days);
    case Field::kIsoDayOfWeek: return (day_of_week(days) + 6) % 7 + 1;
    case Field::kDayOfYear: return days - days_from_civil(date.year, 1, 1) + 1;
    case Field::kIsoYear: {
      const int64_t year = iso_week(days).year;
      return year > 0 ? year : year - 1;
    }
    default: return std::nullopt;
  }
}

std::optional<FieldValue> field_of(OfInstant, Field field, int64_t micros) {
  const int64_t days = floor_divide(micros, kMicrosPerDay);
  const int64_t time = micros - days * kMicrosPerDay;
  switch (field) {
    case Field::kMicroseconds: return FieldValue{time % kMicrosPerMinute};
    case Field::kMilliseconds: return FieldValue{time % kMicrosPerMinute, 3};
    case Field::kSecond: return FieldValue{time % kMicrosPerMinute, 6};
    case Field::kMinute: return FieldValue{time / kMicrosPerMinute % 60};
    case Field::kHour: return FieldValue{time / kMicrosPerHour};
    case Field::kEpoch: return FieldValue{micros, 6};
    case Field::kTimezone:
    case Field::kTimezoneHour:
    case Field::kTimezoneMinute: return FieldValue{};
    default: break;
  }
  if (const std::optional<int64_t> value = field_of_day(field, days)) return FieldValue{*value};
  return std::nullopt;
}

std::optional<FieldValue> field_of(OfDate, Field field, int64_t days) {
  if (field == Field::kEpoch) return FieldValue{days * (kMicrosPerDay / kMicrosPerSecond)};
  if (field == Field::kJulian) return FieldValue{days + kJulianOf1970};
  if (const std::optional<int64_t> value = field_of_day(field, days)) return FieldValue{*value};
  return std::nullopt;
}

// Seconds without the time part, where a year has 365.25 days and a month 30.
int64_t epoch_seconds(const Interval& interval) {
  constexpr int64_t kQuarterDay = kMicrosPerDay / kMicrosPerSecond / 4;
  return (int64_t{1461} * (interval.months / 12) + int64_t{120} * (interval.months % 12) + int64_t{4} * interval.days) *
         kQuarterDay;
}

std::optional<FieldValue> field_of(OfInterval, Field field, const Interval& interval) {
  const int64_t time = interval.micros;
  switch (field) {
    case Field::kMicroseconds: return FieldValue{time % kMicrosPerMinute};
    case Field::kMilliseconds: return FieldValue{time % kMicrosPerMinute, 3};
    case Field::kSecond: return FieldValue{time % kMicrosPerMinute, 6};
    case Field::kMinute: return FieldValue{time / kMicrosPerMinute % 60};
    case Field::kHour: return FieldValue{time / kMicrosPerHour};
    case Field::kDay: return FieldValue{interval.days};
    case Field::kMonth: return FieldValue{interval.months % 12};
    case Field::kQuarter: return FieldValue{interval.months % 12 / 3 + 1};
    case Field::kYear: return FieldValue{interval.months / 12};
    case Field::kDecade: return FieldValue{interval.months / 120};
    case Field::kCentury: return FieldValue{interval.months / 1200};
    case Field::kMillennium: return FieldValue{interval.months / 12000};
    default: return std::nullopt;
  }
}

constexpr bool is_whole_second_field(Field field) {
  return field == Field::kSecond || field == Field::kMilliseconds;
}

// date_part adds seconds and their fraction, so it rounds where a division of microseconds would not.
double as_double(Field field, const FieldValue& value) {
  if (!is_whole_second_field(field)) return static_cast<double>(value.value) / (value.scale == 6 ? 1e6 : 1);
  const int64_t whole = value.value / kMicrosPerSecond;
  const auto seconds = static_cast<double>(whole);
  const auto fraction = static_cast<double>(value.value % kMicrosPerSecond);
  return field == Field::kSecond ? seconds + fraction / 1e6 : seconds * 1e3 + fraction / 1e3;
}

template <typename Source>
void put_numeric(Source, Field field, const typename Source::Cell& cell, const Call& call, ColumnData& result,
                 size_t row) {
  if constexpr (std::is_base_of_v<OfInstant, Source>) {
    if (field == Field::kJulian) {
      const int64_t days = floor_divide(cell, kMicrosPerDay);
      result.decimals[row] = Decimal::from_int(days + kJulianOf1970) +
                             Decimal::from_int(cell - days * kMicrosPerDay) / Decimal::from_int(kMicrosPerDay);
      return;
    }
  }
  if constexpr (std::is_same_v<Source, OfInterval>) {
    if (field == Field::kEpoch) {
      result.decimals[row] = Decimal{static_cast<__int128>(epoch_seconds(cell)) * kMicrosPerSecond + cell.micros, 6};
      return;
    }
  }
  if (const std::optional<FieldValue> value = field_of(Source(), field, cell)) {
    result.decimals[row] = Decimal{value->value, value->scale};
  } else {
    fail(call, result, row, "");
  }
}

template <typename Source>
void put_double(Source, Field field, const typename Source::Cell& cell, ColumnData& result, size_t row) {
  if constexpr (std::is_base_of_v<OfInstant, Source>) {
    if (field == Field::kJulian) {
      const int64_t days = floor_divide(cell, kMicrosPerDay);
      const auto time = static_cast<double>(cell - days * kMicrosPerDay);
      result.floats[row] = static_cast<double>(days + kJulianOf1970) + time / static_cast<double>(kMicrosPerDay);
      return;
    }
  }
  if constexpr (std::is_same_v<Source, OfInterval>) {
    if (field == Field::kEpoch) {
      // Added up in PostgreSQL's order, which decides the last bit.
      constexpr double kSecondsPerDay = 86'400;
      double seconds = static_cast<double>(cell.micros) / 1e6;
      const int32_t years = cell.months / 12;
      seconds += 365.25 * kSecondsPerDay * years;
      seconds += 30 * kSecondsPerDay * (cell.months % 12);
      result.floats[row] = seconds + kSecondsPerDay * cell.days;
      return;
    }
  }
  result.floats[row] = as_double(field, *field_of(Source(), field, cell));
}

bool is_supported(OfInstant, Field) {
  return true;
}
bool is_supported(OfDate, Field field) {
  return field == Field::kEpoch || field == Field::kJulian || field_of_day(field, 0).has_value();
}
bool is_supported(OfInterval, Field field) {
  return field == Field::kEpoch || field_of(OfInterval(), field, Interval()).has_value();
}

template <typename Source, bool exact>
void extract(const Call& call, ColumnData& result) {
  const Argument<std::string_view> names(call, 0);
  const Argument<typename Source::Cell> cells(call, 1);
  std::optional<Field> field;
  bool looked_up = false;
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    if (!looked_up || !call.is_constant(0)) field = field_named(names[row]);
    looked_up = true;
    if (!field || !is_supported(Source(), *field)) {
      fail(
          call, result, row,
          fmt::format("unit \"{}\" not {} for type {}", names[row], field ? "supported" : "recognized", Source::kName));
    } else if constexpr (exact) {
      put_numeric(Source(), *field, cells[row], call, result, row);
    } else {
      put_double(Source(), *field, cells[row], result, row);
    }
  }
}

void date_part_of_date(const Call& call, ColumnData& result) {
  auto instants = std::make_shared<ColumnData>(*call.arguments[1]);
  for (size_t row = 0; row < instants->ints.size(); ++row) {
    int64_t& days = instants->ints[row];
    const bool is_out_of_range = days < kDateMin || days > kTimestampMax / kMicrosPerDay;
    if (is_out_of_range && !call.skipped(row)) fail(call, result, row, "date out of range for timestamp");
    days = is_out_of_range ? 0 : days * kMicrosPerDay;
  }
  const ColumnPtr arguments[] = {call.arguments[0], std::move(instants)};
  extract<OfMidnight, false>(Call{arguments, call.rows, call.skip, call.errors, call.constants}, result);
}

}  // namespace

void add_extract_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, Kind from, Kind result, auto evaluate, std::string_view description) {
    table.push_back({.name = name,
                     .parameters = {kText, from},
                     .result = result,
                     .evaluate = evaluate,
                     .description = description});
  };
  constexpr std::string_view kExtract = "a field as an exact number: extract(hour from t)";
  constexpr std::string_view kDatePart = "a field as a double precision number: date_part('hour', t)";
  add("extract", kTimestamptz, kNumeric, extract<OfInstant, true>, kExtract);
  add("extract", kDate, kNumeric, extract<OfDate, true>, kExtract);
  add("extract", kInterval, kNumeric, extract<OfInterval, true>, kExtract);
  add("date_part", kTimestamptz, kDouble, extract<OfInstant, false>, kDatePart);
  add("date_part", kDate, kDouble, date_part_of_date, kDatePart);
  add("date_part", kInterval, kDouble, extract<OfInterval, false>, kDatePart);
}

}  // namespace headrace
