// Intervals as text and as a length of time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/value.h"

namespace headrace {

// PostgreSQL's input: "1 day 02:00:00", "5 minutes", "-1.5 hours", "3 days ago", "1-2" (years and months), and ISO 8601
// ("P1Y2M3DT4H5M6S", "PT5M"). A number without a unit is seconds. nullopt if it is not an interval or out of range.
// Unlike PostgreSQL, which forgets it, keeps the fraction of a day that comes after a time ("02:00:00 1.5 days").
std::optional<Interval> parse_interval(std::string_view text);

// PostgreSQL's output: "1 year 2 mons 3 days 04:05:06.5".
void append_interval(std::string& out, const Interval& interval);

// The length by which PostgreSQL orders intervals, in microseconds: a month counts as 30 days, a day as 24 hours. So
// "1 mon" equals "30 days".
__int128 interval_span(const Interval& interval);
// The interval of days and time that has this length; months only where the days alone would overflow.
Interval interval_of_span(__int128 span);

}  // namespace headrace
