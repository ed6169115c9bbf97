// Dates and points in time. The time zone is UTC.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

void add_time_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, std::vector<Kind> parameters, Kind result, std::string_view description) {
    table.push_back({.name = name, .parameters = std::move(parameters), .result = result, .description = description});
  };
  add("+", {kDate, kInteger}, kDate, "days later");
  add("+", {kInteger, kDate}, kDate, "days later");
  add("-", {kDate, kInteger}, kDate, "days earlier");
  add("-", {kDate, kDate}, kInteger, "days between");
  add("+", {kTimestamptz, kInterval}, kTimestamptz, "an interval later");
  add("+", {kInterval, kTimestamptz}, kTimestamptz, "an interval later");
  add("-", {kTimestamptz, kInterval}, kTimestamptz, "an interval earlier");
  add("-", {kTimestamptz, kTimestamptz}, kInterval, "time between, in days and less");
  add("date_trunc", {kText, kTimestamptz}, kTimestamptz, "truncated to microseconds, ..., hour, day, week, month, ...");
  add("date_trunc", {kText, kTimestamptz, kText}, kTimestamptz, "the same; the time zone must be UTC");
  add("date_bin", {kInterval, kTimestamptz, kTimestamptz}, kTimestamptz,
      "the start of the bin of that width, from an origin");
  for (const Kind kind : {kTimestamptz, kDate}) {
    add("extract", {kText, kind}, kNumeric, "a field: extract(hour from t)");
    add("date_part", {kText, kind}, kDouble, "a field: date_part('hour', t)");
  }
  add("to_timestamp", {kDouble}, kTimestamptz, "from seconds since 1970");
  add("tumble_start", {kTimestamptz, kInterval}, kTimestamptz, "the start of the window of that size, from 1970");
  add("tumble_end", {kTimestamptz, kInterval}, kTimestamptz, "the end of the window of that size, from 1970");
}

}  // namespace headrace
