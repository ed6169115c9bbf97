#include "schema/interval.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "fmt/format.h"
#include "schema/timestamp.h"

namespace headrace {
namespace {

enum class Unit : uint8_t {
  kMicrosecond,
  kMillisecond,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kYear,
  kDecade,
  kCentury,
  kMillennium,
  kAgo,
};

// PostgreSQL compares the first ten letters only (datetime.c: TOKMAXLEN).
constexpr size_t kUnitLetters = 10;

struct UnitName {
  std::string_view name;
  Unit unit;
};
constexpr UnitName kUnitNames[] = {
    {"ago", Unit::kAgo},
    {"c", Unit::kCentury},
    {"cent", Unit::kCentury},
    {"centuries", Unit::kCentury},
    {"century", Unit::kCentury},
    {"d", Unit::kDay},
    {"day", Unit::kDay},
    {"days", Unit::kDay},
    {"dec", Unit::kDecade},
    {"decade", Unit::kDecade},
    {"decades", Unit::kDecade},
    {"decs", Unit::kDecade},
    {"h", Unit::kHour},
    {"hour", Unit::kHour},
    {"hours", Unit::kHour},
    {"hr", Unit::kHour},
    {"hrs", Unit::kHour},
    {"m", Unit::kMinute},
    {"microsecon", Unit::kMicrosecond},
    {"mil", Unit::kMillennium},
    {"millennia", Unit::kMillennium},
    {"millennium", Unit::kMillennium},
    {"millisecon", Unit::kMillisecond},
    {"mils", Unit::kMillennium},
    {"min", Unit::kMinute},
    {"mins", Unit::kMinute},
    {"minute", Unit::kMinute},
    {"minutes", Unit::kMinute},
    {"mon", Unit::kMonth},
    {"mons", Unit::kMonth},
    {"month", Unit::kMonth},
    {"months", Unit::kMonth},
    {"ms", Unit::kMillisecond},
    {"msec", Unit::kMillisecond},
    {"msecs", Unit::kMillisecond},
    {"msecond", Unit::kMillisecond},
    {"mseconds", Unit::kMillisecond},
    {"s", Unit::kSecond},
    {"sec", Unit::kSecond},
    {"second", Unit::kSecond},
    {"seconds", Unit::kSecond},
    {"secs", Unit::kSecond},
    {"us", Unit::kMicrosecond},
    {"usec", Unit::kMicrosecond},
    {"usecond", Unit::kMicrosecond},
    {"useconds", Unit::kMicrosecond},
    {"usecs", Unit::kMicrosecond},
    {"w", Unit::kWeek},
    {"week", Unit::kWeek},
    {"weeks", Unit::kWeek},
    {"y", Unit::kYear},
    {"year", Unit::kYear},
    {"years", Unit::kYear},
    {"yr", Unit::kYear},
    {"yrs", Unit::kYear},
};

// Those of the units that are in PostgreSQL's table of words in dates (datetime.c: datetktbl).
constexpr std::string_view kWordsOfDates[] = {"d", "dec", "h", "m", "mon", "s", "y"};

constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
constexpr int64_t kMicrosPerHour = 60 * kMicrosPerMinute;
constexpr int kDaysPerMonth = 30;
constexpr size_t kTextBytesMax = 256;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_separator(char c) {
  return c > ' ' && c < 0x7f && !is_digit(c) && !is_letter(c) && c != '+' && c != '-' && c != '.';
}

// A number as PostgreSQL keeps it here: the whole part exactly, the fraction as a double, both with the sign.
struct Number {
  int64_t whole = 0;
  double fraction = 0;
  bool negative = false;
  bool has_sign = false;
};

// What was read so far. 128 bits, so that only the end must be checked for overflow.
struct Sum {
  __int128 months = 0;
  __int128 days = 0;
  __int128 micros = 0;

  void add_fraction_of(double fraction, double micros_of_one) {
    const double value = fraction * micros_of_one;
    auto whole = static_cast<int64_t>(value);
    const double rest = value - static_cast<double>(whole);
    if (rest > 0.5) ++whole;
    if (rest < -0.5) --whole;
    micros += whole;
  }
  void add_fraction_of_days(double fraction, int days_of_one) {
    const double value = fraction * days_of_one;
    const auto whole = static_cast<int64_t>(value);
    days += whole;
    add_fraction_of(value - static_cast<double>(whole), static_cast<double>(kMicrosPerDay));
  }
  void add_years(const Number& number, int years_of_one) {
    months += static_cast<__int128>(number.whole) * 12 * years_of_one;
    months += static_cast<int64_t>(std::nearbyint(number.fraction * years_of_one * 12));
  }
  void add_time(const Number& number, int64_t micros_of_one) {
    micros += static_cast<__int128>(number.whole) * micros_of_one;
    add_fraction_of(number.fraction, static_cast<double>(micros_of_one));
  }

  void add(const Number& number, Unit unit) {
    switch (unit) {
      case Unit::kMicrosecond: return add_time(number, 1);
      case Unit::kMillisecond: return add_time(number, 1000);
      case Unit::kSecond: return add_time(number, kMicrosPerSecond);
      case Unit::kMinute: return add_time(number, kMicrosPerMinute);
      case Unit::kHour: return add_time(number, kMicrosPerHour);
      case Unit::kDay: days += number.whole; return add_fraction_of_days(number.fraction, 1);
      case Unit::kWeek:
        days += static_cast<__int128>(number.whole) * 7;
        return add_fraction_of_days(number.fraction, 7);
      case Unit::kMonth: months += number.whole; return add_fraction_of_days(number.fraction, kDaysPerMonth);
      case Unit::kYear: return add_years(number, 1);
      case Unit::kDecade: return add_years(number, 10);
      case Unit::kCentury: return add_years(number, 100);
      case Unit::kMillennium: return add_years(number, 1000);
      case Unit::kAgo: break;
    }
  }

  std::optional<Interval> result(bool negate) const {
    const __int128 sign = negate ? -1 : 1;
    const Interval interval{static_cast<int32_t>(months * sign), static_cast<int32_t>(days * sign),
                            static_cast<int64_t>(micros * sign)};
    if (interval.months != months * sign || interval.days != days * sign || interval.micros != micros * sign) {
      return std::nullopt;
    }
    return interval;
  }
};

class Parser {
 public:
  explicit Parser(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  std::optional<Interval> parse() {
    skip_spaces();
    if (next() == 'P' && end_ - at_ > 1) return parse_iso();
    bool any = false;
    for (skip_separators(); at_ != end_; skip_separators()) {
      if (is_letter(next())) {
        const auto unit = parse_unit();
        if (unit != Unit::kAgo || !any) return std::nullopt;
        skip_separators();
        return at_ == end_ ? sum_.result(true) : std::nullopt;
      }
      if (!parse_field()) return std::nullopt;
      any = true;
    }
    if (!any) return std::nullopt;
    return sum_.result(false);
  }

 private:
  char next() const { return at_ == end_ ? '\0' : *at_; }
  bool take(char c) {
    if (next() != c || at_ == end_) return false;
    ++at_;
    return true;
  }
  void skip_spaces() {
    while (at_ != end_ && is_space(*at_)) ++at_;
  }

  // PostgreSQL ignores all punctuation between fields but what may begin a number: "@ 1 day, 2 hours".
  void skip_separators() {
    while (at_ != end_ && (is_space(*at_) || is_separator(*at_))) ++at_;
  }

  bool parse_digits(int64_t& value) {
    const auto [stop, error] = std::from_chars(at_, end_, value);
    if (at_ == end_ || !is_digit(*at_) || error != std::errc()) return false;
    at_ = stop;
    return true;
  }

  // The digits behind a point that was taken; there may be none.
  double parse_fraction() {
    const char* begin = at_;
    while (is_digit(next())) ++at_;
    double fraction = 0;
    if (at_ != begin) std::from_chars(begin - 1, at_, fraction);
    return fraction;
  }

  bool parse_number(Number& number) {
    number.negative = next() == '-';
    number.has_sign = number.negative || next() == '+';
    if (number.has_sign) ++at_;
    if (number.has_sign) skip_spaces();
    const bool whole = is_digit(next());
    if (number.has_sign && !whole) return false;  // ".5", but not "-.5"
    if (whole && !parse_digits(number.whole)) return false;
    if (take('.')) {
      if (!whole && !is_digit(next())) return false;
      number.fraction = parse_fraction();
    } else if (!whole) {
      return false;
    }
    if (number.negative) {
      number.whole = -number.whole;
      number.fraction = -number.fraction;
    }
    return true;
  }

  std::optional<Unit> parse_unit() {
    char letters[kUnitLetters];
    size_t count = 0;
    for (; is_letter(next()); ++at_) {
      if (count < kUnitLetters) letters[count++] = static_cast<char>(*at_ | 0x20);
    }
    const std::string_view name(letters, count);
    const auto found = std::ranges::find(kUnitNames, name, &UnitName::name);
    if (found == std::end(kUnitNames)) return std::nullopt;
    // "1h30m" is read, "1hour30min" and "1h-30m" are not: a word with digits or a hyphen behind it may be a date,
    // unless dates know it as a word of their own.
    if (next() == '-' || next() == '/' || next() == '.') return std::nullopt;
    const bool may_be_date = next() == '+' || is_digit(next());
    if (may_be_date && std::ranges::find(kWordsOfDates, name) == std::end(kWordsOfDates)) return std::nullopt;
    return found->unit;
  }

  // Each unit may be given once; a time of day is hours, minutes, seconds and what is less.
  bool claim(Unit unit) {
    const uint32_t bit = 1U << static_cast<uint32_t>(unit);
    if ((claimed_ & bit) != 0) return false;
    claimed_ |= bit;
    return true;
  }
  bool claim_seconds_and_less() {
    return claim(Unit::kSecond) && claim(Unit::kMillisecond) && claim(Unit::kMicrosecond);
  }
  bool claim(const Number& number, Unit unit) {
    return unit == Unit::kSecond && number.fraction != 0 ? claim_seconds_and_less() : claim(unit);
  }

  bool parse_field() {
    Number number;
    if (!parse_number(number)) return false;
    if (next() == ':') return parse_time(number);
    if (next() == '-' && number.fraction == 0) return parse_year_month(number);
    skip_separators();
    if (is_letter(next())) {
      const auto unit = parse_unit();
      if (!unit || *unit == Unit::kAgo) return false;
      sum_.add(number, *unit);
      return claim(number, *unit);
    }
    // Without a unit a number is days if a time follows ("1 02:00:00"), and seconds at the end.
    const bool days = time_follows();
    if (!days && at_ != end_) return false;
    sum_.add(number, days ? Unit::kDay : Unit::kSecond);
    return claim(number, days ? Unit::kDay : Unit::kSecond);
  }

  bool time_follows() const {
    const char* c = at_;
    if (c != end_ && (*c == '+' || *c == '-')) ++c;
    const char* digits = c;
    while (c != end_ && is_digit(*c)) ++c;
    return c != digits && c != end_ && *c == ':';
  }

  // "04:05", "04:05:06", "04:05:06.789", and "05:06.789", which is minutes and seconds.
  bool parse_time(const Number& first) {
    if (first.fraction != 0) return false;
    Number hours{.whole = first.whole < 0 ? -first.whole : first.whole};
    Number minutes;
    Number seconds;
    ++at_;
    if (!parse_digits(minutes.whole)) return false;
    if (take(':')) {
      if (!parse_digits(seconds.whole)) return false;
      if (take('.')) seconds.fraction = parse_fraction();
    } else if (take('.')) {
      seconds = {.whole = minutes.whole, .fraction = parse_fraction()};
      minutes.whole = hours.whole;
      hours.whole = 0;
    }
    if (minutes.whole > 59 || seconds.whole > 60) return false;
    Sum time;
    time.add(hours, Unit::kHour);
    time.add(minutes, Unit::kMinute);
    time.micros += seconds.whole * kMicrosPerSecond;
    time.micros += static_cast<int64_t>(std::nearbyint(seconds.fraction * 1e6));
    sum_.micros += first.negative ? -time.micros : time.micros;
    return claim(Unit::kHour) && claim(Unit::kMinute) && claim_seconds_and_less();
  }

  // SQL's "1-2": years and months under one sign.
  bool parse_year_month(const Number& years) {
    ++at_;
    Number months;
    if (!parse_digits(months.whole) || months.whole > 11) return false;
    if (next() == '-') return false;  // "2001-02-03" is a date
    if (years.negative) months.whole = -months.whole;
    sum_.add(years, Unit::kYear);
    sum_.add(months, Unit::kMonth);
    return claim(Unit::kMonth);
  }

  std::optional<Interval> parse_iso() {
    ++at_;
    bool time = false;
    bool any = false;
    while (at_ != end_) {
      if (next() == 'T') {
        if (time) return std::nullopt;
        time = true;
        any = false;
        ++at_;
        continue;
      }
      Number number;
      if (!parse_number(number) || at_ == end_) return std::nullopt;
      const auto unit = iso_unit(*at_++, time);
      if (!unit || !claim(*unit)) return std::nullopt;
      sum_.add(number, *unit);
      any = true;
    }
    if (!any) return std::nullopt;
    return sum_.result(false);
  }

  static std::optional<Unit> iso_unit(char letter, bool time) {
    switch (letter) {
      case 'Y': return time ? std::nullopt : std::optional(Unit::kYear);
      case 'W': return time ? std::nullopt : std::optional(Unit::kWeek);
      case 'D': return time ? std::nullopt : std::optional(Unit::kDay);
      case 'M': return time ? Unit::kMinute : Unit::kMonth;
      case 'H': return time ? std::optional(Unit::kHour) : std::nullopt;
      case 'S': return time ? std::optional(Unit::kSecond) : std::nullopt;
      default: return std::nullopt;
    }
  }

  const char* at_;
  const char* end_;
  Sum sum_;
  uint32_t claimed_ = 0;
};

}  // namespace

std::optional<Interval> parse_interval(std::string_view text) {
  if (text.size() > kTextBytesMax) return std::nullopt;
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return Parser(text).parse();
}

void append_interval(std::string& out, const Interval& interval) {
  bool empty = true;
  bool before_negative = false;
  // After a negative part a positive one gets a plus, as PostgreSQL prints it.
  const auto part = [&](int64_t value, std::string_view unit) {
    if (value == 0) return;
    fmt::format_to(std::back_inserter(out), "{}{}{} {}{}", empty ? "" : " ", before_negative && value > 0 ? "+" : "",
                   value, unit, value == 1 ? "" : "s");
    before_negative = value < 0;
    empty = false;
  };
  part(interval.months / 12, "year");
  part(interval.months % 12, "mon");
  part(interval.days, "day");
  if (!empty && interval.micros == 0) return;
  const bool negative = interval.micros < 0;
  const uint64_t micros =
      negative ? 0 - static_cast<uint64_t>(interval.micros) : static_cast<uint64_t>(interval.micros);
  const uint64_t seconds = micros / kMicrosPerSecond;
  fmt::format_to(std::back_inserter(out), "{}{}{:02}:{:02}:{:02}", empty ? "" : " ",
                 negative          ? "-"
                 : before_negative ? "+"
                                   : "",
                 seconds / 3600, seconds / 60 % 60, seconds % 60);
  uint64_t fraction = micros % kMicrosPerSecond;
  if (fraction == 0) return;
  int digits = 6;
  for (; fraction % 10 == 0; fraction /= 10) --digits;
  fmt::format_to(std::back_inserter(out), ".{:0{}}", fraction, digits);
}

__int128 interval_span(const Interval& interval) {
  const int64_t days = static_cast<int64_t>(interval.months) * kDaysPerMonth + interval.days;
  return static_cast<__int128>(days) * kMicrosPerDay + interval.micros;
}

Interval interval_of_span(__int128 span) {
  Interval result;
  auto days = static_cast<int64_t>(span / kMicrosPerDay);
  if (days != static_cast<int32_t>(days)) {
    result.months = static_cast<int32_t>(std::clamp<int64_t>(days / kDaysPerMonth, std::numeric_limits<int32_t>::min(),
                                                             std::numeric_limits<int32_t>::max()));
    days -= static_cast<int64_t>(result.months) * kDaysPerMonth;
  }
  result.days = static_cast<int32_t>(
      std::clamp<int64_t>(days, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
  result.micros = static_cast<int64_t>(span - interval_span({result.months, result.days, 0}));
  return result;
}

}  // namespace headrace
