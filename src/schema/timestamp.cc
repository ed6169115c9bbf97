#include "schema/timestamp.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/check.h"

namespace headrace {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The eight bytes at `from`, the first one lowest.
uint64_t load8(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

constexpr uint64_t word(const char (&text)[9]) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(text[i]);
  return value;
}

// Eight characters against a pattern in which '0' stands for any digit and everything else for itself. The digits'
// values are in the result's bytes, if `bad` stays 0: x + 0x76 has its top bit set for x > 9, x + 0x7f for x > 0.
constexpr uint64_t margins(uint64_t pattern) {
  uint64_t result = 0;
  for (int i = 0; i < 8; ++i) {
    const uint64_t c = pattern >> (8 * i) & 0xff;
    result |= (c == '0' ? uint64_t{0x76} : uint64_t{0x7f}) << (8 * i);
  }
  return result;
}

template <uint64_t kPattern>
uint64_t match8(const char* from, uint64_t& bad) {
  const uint64_t value = load8(from) ^ kPattern;
  bad |= ((value + margins(kPattern)) | value) & 0x8080808080808080;
  return value;
}

// The number in bytes `at` and `at + 1` of a matched word.
constexpr uint32_t two_digits(uint64_t word, int at) {
  return static_cast<uint32_t>(word >> (8 * at) & 0xf) * 10 + static_cast<uint32_t>(word >> (8 * at + 8) & 0xf);
}

constexpr std::array<uint8_t, 16> kDaysInMonth = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

constexpr bool is_leap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// A cursor over the less common forms.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool done() const { return at_ == end_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }
  bool next_is(char c) const { return at_ != end_ && *at_ == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }
  // A word in lower case, written in either.
  bool take_word(std::string_view word) {
    if (left() < word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i)
      if ((at_[i] | 0x20) != word[i]) return false;
    at_ += word.size();
    return true;
  }
  void skip_spaces() {
    while (take(' ')) {
    }
  }
  size_t digits() const {
    const char* c = at_;
    while (c != end_ && is_digit(*c)) ++c;
    return static_cast<size_t>(c - at_);
  }

  // A number of `least` to `most` digits; what follows is not looked at.
  std::optional<int64_t> number(int least, int most) {
    int64_t value = 0;
    int count = 0;
    for (; count < most && at_ != end_ && is_digit(*at_); ++at_, ++count) value = value * 10 + (*at_ - '0');
    if (count < least) return std::nullopt;
    return value;
  }

  // The digits behind a point, as microseconds (0 to 1,000,000). PostgreSQL reads a fraction as a double and rounds.
  std::optional<int64_t> fraction() {
    const char* begin = at_;
    int64_t micros = 0;
    int64_t unit = 100'000;
    for (; at_ != end_ && is_digit(*at_); ++at_, unit /= 10) micros += (*at_ - '0') * unit;
    if (at_ == begin) return std::nullopt;
    if (at_ - begin <= 6) return micros;
    constexpr ptrdiff_t kFractionDigitsMax = 64;
    if (at_ - begin > kFractionDigitsMax) return std::nullopt;
    double value = 0;
    std::from_chars(begin - 1, at_, value);  // from the point on
    return static_cast<int64_t>(std::nearbyint(value * 1e6));
  }

 private:
  const char* at_;
  const char* end_;
};

std::optional<int64_t> checked_days(int64_t year, int64_t month, int64_t day) {
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, static_cast<int32_t>(month))) return std::nullopt;
  return days_from_civil(year, static_cast<int32_t>(month), static_cast<int32_t>(day));
}

// "BC" at the end turns year N into 1 - N; there is no year 0 in SQL. "AD" changes nothing.
bool strip_era(std::string_view& text) {
  if (text.size() < 2) return false;
  const auto before_last = static_cast<char>(text[text.size() - 2] | 0x20);
  const auto last = static_cast<char>(text.back() | 0x20);
  const bool before_christ = before_last == 'b' && last == 'c';
  if (!before_christ && !(before_last == 'a' && last == 'd')) return false;
  text.remove_suffix(2);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return before_christ;
}

// "2001-02-03", "2001-2-3" or "20010203".
std::optional<int64_t> scan_date(Scanner& scanner, bool before_christ) {
  constexpr size_t kBasicDigits = 8;
  const bool basic = scanner.digits() == kBasicDigits;
  const auto year = scanner.number(4, basic ? 4 : 7);
  if (!year || *year == 0 || (!basic && !scanner.take('-'))) return std::nullopt;
  const auto month = scanner.number(1, 2);
  if (!month || (!basic && !scanner.take('-'))) return std::nullopt;
  const auto day = scanner.number(1, 2);
  if (!day) return std::nullopt;
  return checked_days(before_christ ? 1 - *year : *year, *month, *day);
}

// Microseconds since midnight, up to and including 24:00:00. "04:05:06.5", "4:5", "0405", "040506".
std::optional<int64_t> scan_time(Scanner& scanner) {
  const size_t digits = scanner.digits();
  const bool basic = digits == 4 || digits == 6;
  const auto hour = scanner.number(1, 2);
  if (!hour || (!basic && !scanner.take(':'))) return std::nullopt;
  const auto minute = scanner.number(1, 2);
  if (!minute) return std::nullopt;
  int64_t second = 0;
  int64_t micros = 0;
  if (basic ? digits == 6 : scanner.take(':')) {
    const auto seconds = scanner.number(1, 2);
    if (!seconds) return std::nullopt;
    second = *seconds;
    if (scanner.take('.')) {
      const auto fraction = scanner.fraction();
      if (!fraction) return std::nullopt;
      micros = *fraction;
    }
  }
  if (*hour > 24 || *minute > 59 || second > 60) return std::nullopt;
  const int64_t result = ((*hour * 60 + *minute) * 60 + second) * kMicrosPerSecond + micros;
  if (result > kMicrosPerDay) return std::nullopt;
  return result;
}

// Seconds east of UTC. PostgreSQL allows offsets below 16 hours: "+05:30", "+5", "+0530", "-08:00:30". Of the names of
// time zones only those of UTC itself are known.
std::optional<int64_t> scan_offset(Scanner& scanner) {
  if (scanner.done()) return 0;
  scanner.skip_spaces();
  for (const std::string_view name : {"zulu", "z", "utc", "gmt"})
    if (scanner.take_word(name)) return 0;
  const bool negative = scanner.next_is('-');
  if (!negative && !scanner.next_is('+')) return std::nullopt;
  scanner.take(negative ? '-' : '+');
  const size_t digits = scanner.digits();
  const auto hours = scanner.number(1, digits == 3 ? 1 : 2);
  if (!hours) return std::nullopt;
  int64_t minutes = 0;
  int64_t seconds = 0;
  const bool colon = scanner.take(':');
  if (colon || digits > 2) {
    const auto value = scanner.number(1, 2);
    if (!value) return std::nullopt;
    minutes = *value;
    if (colon && scanner.take(':')) {
      const auto more = scanner.number(1, 2);
      if (!more) return std::nullopt;
      seconds = *more;
    }
  }
  if (*hours > 15 || minutes > 59 || seconds > 59) return std::nullopt;
  const int64_t offset = (*hours * 60 + minutes) * 60 + seconds;
  return negative ? -offset : offset;
}

std::optional<int64_t> instant(int64_t days, int64_t micros_of_day, int64_t offset_seconds) {
  if (days < kDateMin - 1 || days > kTimestampMax / kMicrosPerDay + 1) return std::nullopt;
  const __int128 micros =
      static_cast<__int128>(days) * kMicrosPerDay + micros_of_day - offset_seconds * kMicrosPerSecond;
  if (micros < kTimestampMin || micros > kTimestampMax) return std::nullopt;
  return static_cast<int64_t>(micros);
}

// Two digits at a time.
constexpr auto kPairs = [] {
  std::array<char, 200> pairs{};
  for (int i = 0; i < 100; ++i) {
    pairs[static_cast<size_t>(2 * i)] = static_cast<char>('0' + i / 10);
    pairs[static_cast<size_t>(2 * i + 1)] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

char* put_pair(char* to, uint32_t value) {
  std::memcpy(to, kPairs.data() + static_cast<size_t>(value) * 2, 2);
  return to + 2;
}

// The year, as 4 digits or more; 1 - year for years before Christ.
char* put_date(char* to, const CivilDate& date) {
  const int64_t year = date.year > 0 ? date.year : 1 - date.year;
  if (year <= 9999) [[likely]] {
    to = put_pair(to, static_cast<uint32_t>(year) / 100);
    to = put_pair(to, static_cast<uint32_t>(year) % 100);
  } else {
    to = std::to_chars(to, to + 20, year).ptr;
  }
  *to++ = '-';
  to = put_pair(to, static_cast<uint32_t>(date.month));
  *to++ = '-';
  return put_pair(to, static_cast<uint32_t>(date.day));
}

char* put_era(char* to, const CivilDate& date) {
  if (date.year > 0) [[likely]]
    return to;
  std::memcpy(to, " BC", 3);
  return to + 3;
}

constexpr size_t kDateBytes = 10;
constexpr size_t kSecondsBytes = 19;  // YYYY-MM-DDTHH:MM:SS

// Everything that is not YYYY-MM-DDTHH:MM:SS at the front.
std::optional<int64_t> parse_general(std::string_view text) {
  const bool before_christ = strip_era(text);
  Scanner scanner(text);
  const auto days = scan_date(scanner, before_christ);
  if (!days) return std::nullopt;
  // "2001-01-01-08" is no date with an offset for PostgreSQL, though "2001-01-01+08" and "2001-01-01 -08" are.
  if (scanner.next_is('-')) return std::nullopt;
  std::optional<int64_t> time = 0;
  if (scanner.next_is('T') || scanner.next_is('t')) {
    scanner.take_word("t");
    time = scan_time(scanner);
  } else if (scanner.next_is(' ')) {
    scanner.skip_spaces();
    if (scanner.digits() > 0) time = scan_time(scanner);
  }
  if (!time) return std::nullopt;
  const auto offset = scan_offset(scanner);
  if (!offset || !scanner.done()) return std::nullopt;
  return instant(*days, *time, *offset);
}

}  // namespace

int32_t days_in_month(int64_t year, int32_t month) {
  return kDaysInMonth[static_cast<size_t>(month) & 15] + (month == 2 && is_leap(year));
}

std::optional<int64_t> parse_date(std::string_view text) {
  const bool before_christ = strip_era(text);
  Scanner scanner(text);
  const auto days = scan_date(scanner, before_christ);
  if (!days || !scanner.done() || *days < kDateMin || *days > kDateMax) return std::nullopt;
  return days;
}

std::optional<int64_t> parse_timestamptz(std::string_view text) {
  if (text.size() < kSecondsBytes) return parse_general(text);
  const char* from = text.data();
  uint64_t bad = 0;
  const uint64_t date = match8<word("0000-00-")>(from, bad);
  const uint64_t time = match8<word("00:00:00")>(from + kDateBytes + 1, bad);
  const auto day_high = static_cast<uint8_t>(from[8] - '0');
  const auto day_low = static_cast<uint8_t>(from[9] - '0');
  const char separator = from[kDateBytes];
  if (bad != 0 || day_high > 3 || day_low > 9 || (separator != 'T' && separator != ' ')) [[unlikely]]
    return parse_general(text);

  const uint32_t year = two_digits(date, 0) * 100 + two_digits(date, 2);
  const uint32_t month = two_digits(date, 5);
  const uint32_t day = day_high * 10U + day_low;
  const uint32_t hour = two_digits(time, 0);
  const uint32_t minute = two_digits(time, 3);
  const uint32_t second = two_digits(time, 6);
  if (year == 0 || month - 1 > 11 || day == 0 || hour > 23 || minute > 59 || second > 59) [[unlikely]]
    return parse_general(text);
  if (day > 28 && day > static_cast<uint32_t>(days_in_month(year, static_cast<int32_t>(month))))
    return parse_general(text);

  const int64_t days = days_from_civil(year, static_cast<int32_t>(month), static_cast<int32_t>(day));
  const int64_t seconds = days * 86'400 + (hour * 60 + minute) * 60 + second;
  const int64_t micros = seconds * kMicrosPerSecond;
  if (text.size() == kSecondsBytes + 1 && from[kSecondsBytes] == 'Z') [[likely]]
    return micros;

  // An era at the end, or UTC.
  if ((text.back() | 0x20) == 'c' || (text.back() | 0x20) == 'd') return parse_general(text);
  Scanner scanner(text.substr(kSecondsBytes));
  int64_t fraction = 0;
  if (scanner.take('.')) {
    const auto parsed = scanner.fraction();
    if (!parsed) return std::nullopt;
    fraction = *parsed;
  }
  const auto offset = scan_offset(scanner);
  if (!offset || !scanner.done()) return std::nullopt;
  return micros + fraction - *offset * kMicrosPerSecond;
}

char* format_date(char* to, int64_t days) {
  check(days >= INT32_MIN && days <= INT32_MAX, "a date is a 32-bit number of days");
  const CivilDate date = civil_from_days(days);
  return put_era(put_date(to, date), date);
}

char* format_timestamptz(char* to, int64_t micros) {
  int64_t days = micros / kMicrosPerDay;
  int64_t of_day = micros % kMicrosPerDay;
  if (of_day < 0) {
    of_day += kMicrosPerDay;
    --days;
  }
  const CivilDate date = civil_from_days(days);
  to = put_date(to, date);
  const auto fraction = static_cast<uint32_t>(of_day % kMicrosPerSecond);
  const auto seconds = static_cast<uint32_t>(of_day / kMicrosPerSecond);
  *to++ = 'T';
  to = put_pair(to, seconds / 3600);
  *to++ = ':';
  to = put_pair(to, seconds / 60 % 60);
  *to++ = ':';
  to = put_pair(to, seconds % 60);
  if (fraction != 0) {
    *to++ = '.';
    to = put_pair(to, fraction / 10'000);
    to = put_pair(to, fraction / 100 % 100);
    to = put_pair(to, fraction % 100);
  }
  *to++ = 'Z';
  return put_era(to, date);
}

}  // namespace headrace
