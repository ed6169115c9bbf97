#include "schema/text_form.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "fmt/format.h"
#include "schema/utf8.h"

namespace headrace {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, {}, lower);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

constexpr uint8_t kNotHex = 0xff;
constexpr auto kHexValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(kNotHex);
  for (uint8_t i = 0; i < 10; ++i) values[static_cast<size_t>('0' + i)] = i;
  for (uint8_t i = 0; i < 6; ++i) {
    values[static_cast<size_t>('a' + i)] = static_cast<uint8_t>(10 + i);
    values[static_cast<size_t>('A' + i)] = static_cast<uint8_t>(10 + i);
  }
  return values;
}();
constexpr std::string_view kHex = "0123456789abcdef";

uint8_t hex_value(char c) {
  return kHexValues[static_cast<uint8_t>(c)];
}

// Infinity and NaN by their names.
template <typename Float>
std::optional<Float> parse_special(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (equals_ignoring_case(text, "nan")) return std::numeric_limits<Float>::quiet_NaN();
  if (!equals_ignoring_case(text, "infinity") && !equals_ignoring_case(text, "inf")) return std::nullopt;
  constexpr Float kInfinity = std::numeric_limits<Float>::infinity();
  return negative ? -kInfinity : kInfinity;
}

template <typename Float>
std::optional<Float> parse_float(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  if (at != end && *at == '+') ++at;
  const char* unsigned_part = at != end && *at == '-' && at == text.data() ? at + 1 : at;
  if (unsigned_part == end || !(is_digit(*unsigned_part) || *unsigned_part == '.')) return parse_special<Float>(text);
  Float value = 0;
  const auto [stop, error] = std::from_chars(at, end, value);
  if (error != std::errc() || stop != end || std::isinf(value)) return std::nullopt;
  if (value == 0) {
    // A number that is too small for the type is an error, as in PostgreSQL; only zero is zero.
    for (const char* c = unsigned_part; c != end && (is_digit(*c) || *c == '.'); ++c) {
      if (*c != '0' && *c != '.') return std::nullopt;
    }
  }
  return value;
}

// Whether `digits` * 10^exponent lies exactly between two numbers, of which `value` is the one with the even mantissa:
// then what is a little above or a little below it reads as the other one.
template <typename Float>
bool between_two(uint64_t digits, int exponent, Float value) {
  const auto reads_as_value = [value, exponent](uint64_t leading, std::string_view trailing) {
    const std::string text = fmt::format("{}{}e{}", leading, trailing, exponent - static_cast<int>(trailing.size()));
    Float read = 0;
    std::from_chars(text.data(), text.data() + text.size(), read);
    return read == value;
  };
  return !reads_as_value(digits, "00000000000000000001") || !reads_as_value(digits - 1, "99999999999999999999");
}

// The shortest digits, as std::to_chars finds them, in scientific notation; but PostgreSQL does not rely on readers
// rounding a tie to even, and so prints more digits for some large numbers, where ties are whole: 9.999999999999999e+22
// and not 1e+23. (common/d2s.c: acceptBounds.)
template <typename Float>
char* format_scientific(char* to, Float size) {
  char* end = std::to_chars(to, to + kDoubleBytesMax, size, std::chars_format::scientific).ptr;
  constexpr int kMantissaBits = std::numeric_limits<Float>::digits;
  constexpr Float kTiesAreWholeFrom = static_cast<Float>(uint64_t{1} << (kMantissaBits - 1));
  constexpr Float kTiesAreLongFrom = std::is_same_v<Float, double> ? Float(1e41) : Float(1e20);
  if (size < kTiesAreWholeFrom || size >= kTiesAreLongFrom) return end;
  using Bits = std::conditional_t<std::is_same_v<Float, double>, uint64_t, uint32_t>;
  if ((std::bit_cast<Bits>(size) & 1) != 0) return end;
  for (int precision = 0; precision < std::numeric_limits<Float>::max_digits10; ++precision) {
    uint64_t digits = 0;
    const char* at = to;
    int behind_point = -1;
    for (; *at != 'e'; ++at) {
      if (*at != '.') digits = digits * 10 + static_cast<uint64_t>(*at - '0');
      behind_point += *at != '.';
    }
    int exponent = 0;
    std::from_chars(at + (at[1] == '+' ? 2 : 1), end, exponent);
    Float read = 0;
    std::from_chars(to, end, read);
    if (read == size && !between_two(digits, exponent - behind_point, size)) return end;
    precision = std::max(precision, behind_point);
    end = std::to_chars(to, to + kDoubleBytesMax, size, std::chars_format::scientific, precision + 1).ptr;
  }
  return end;
}

// PostgreSQL writes exponents from 10^15 for double precision, from 10^6 for real, and below 10^-4.
template <typename Float>
char* format_float(char* to, Float value, Float exponent_from) {
  const auto put = [to](std::string_view text) {
    std::memcpy(to, text.data(), text.size());
    return to + text.size();
  };
  if (std::isnan(value)) return put("NaN");
  if (std::isinf(value)) return put(value < 0 ? "-Infinity" : "Infinity");
  const Float size = std::fabs(value);
  if (size < exponent_from && (size >= static_cast<Float>(1e-4L) || size == 0)) {
    const auto whole = static_cast<int64_t>(value);
    if (static_cast<Float>(whole) == value && !(whole == 0 && std::signbit(value))) {
      return std::to_chars(to, to + kDoubleBytesMax, whole).ptr;
    }
    return std::to_chars(to, to + kDoubleBytesMax, value, std::chars_format::fixed).ptr;
  }
  if (std::signbit(value)) *to++ = '-';
  return format_scientific(to, size);
}

}  // namespace

std::optional<int64_t> parse_integer(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;
  constexpr ptrdiff_t kSafeDigits = 18;
  if (at == end) return std::nullopt;
  if (end - at <= kSafeDigits) {
    int64_t value = 0;
    for (; at != end; ++at) {
      const auto digit = static_cast<uint8_t>(*at - '0');
      if (digit > 9) return std::nullopt;
      value = value * 10 + digit;
    }
    return negative ? -value : value;
  }
  uint64_t value = 0;
  const auto [stop, error] = std::from_chars(at, end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  const uint64_t limit = uint64_t{1} << 63;
  if (negative) return value <= limit ? std::optional(static_cast<int64_t>(0 - value)) : std::nullopt;
  return value < limit ? std::optional(static_cast<int64_t>(value)) : std::nullopt;
}

bool in_range(int64_t value, Kind kind) {
  if (kind == Kind::kSmallint) return value == static_cast<int16_t>(value);
  if (kind == Kind::kInteger) return value == static_cast<int32_t>(value);
  return true;
}

std::optional<double> parse_double(std::string_view text) {
  return parse_float<double>(text);
}

std::optional<double> parse_real(std::string_view text) {
  const auto value = parse_float<float>(text);
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

char* format_double(char* to, double value) {
  return format_float<double>(to, value, 1e15);
}

char* format_real(char* to, double value) {
  return format_float<float>(to, static_cast<float>(value), 1e6F);
}

std::optional<Decimal> fit_decimal(const Decimal& value, const Type& type) {
  if (type.precision == 0) return value;
  if (!value.fits(type.precision, type.scale)) return std::nullopt;
  return value.with_scale(type.scale);
}

std::optional<bool> parse_boolean(std::string_view text) {
  struct Word {
    std::string_view word;
    size_t least;  // shorter beginnings are ambiguous
    bool value;
  };
  constexpr Word kWords[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                             {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};
  for (const Word& word : kWords) {
    if (text.size() >= word.least && text.size() <= word.word.size() &&
        equals_ignoring_case(text, word.word.substr(0, text.size()))) {
      return word.value;
    }
  }
  return std::nullopt;
}

std::optional<std::array<char, 16>> parse_uuid(std::string_view text) {
  std::array<char, 16> bytes;
  const bool braces = text.starts_with('{');
  if (braces) {
    if (!text.ends_with('}')) return std::nullopt;
    text = text.substr(1, text.size() - 2);
  }
  size_t at = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (text.size() - at < 2) return std::nullopt;
    const uint8_t high = hex_value(text[at]);
    const uint8_t low = hex_value(text[at + 1]);
    if (high == kNotHex || low == kNotHex) return std::nullopt;
    bytes[i] = static_cast<char>(high << 4 | low);
    at += 2;
    if (i % 2 == 1 && i != bytes.size() - 1 && at < text.size() && text[at] == '-') ++at;
  }
  if (at != text.size()) return std::nullopt;
  return bytes;
}

char* format_uuid(char* to, std::string_view bytes) {
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    const auto byte = static_cast<uint8_t>(bytes[i]);
    *to++ = kHex[byte >> 4];
    *to++ = kHex[byte & 15];
  }
  return to;
}

bool append_from_bytea_text(std::string& out, std::string_view text) {
  const size_t start = out.size();
  const auto refuse = [&] {
    out.resize(start);
    return false;
  };
  if (text.starts_with("\\x")) {
    text.remove_prefix(2);
    out.resize(start + text.size() / 2);
    size_t end = start;
    for (size_t i = 0; i < text.size();) {
      if (is_blank(text[i])) {  // allowed between bytes
        ++i;
        continue;
      }
      const uint8_t high = hex_value(text[i]);
      const uint8_t low = i + 1 < text.size() ? hex_value(text[i + 1]) : kNotHex;
      if (high == kNotHex || low == kNotHex) return refuse();
      out[end++] = static_cast<char>(high << 4 | low);
      i += 2;
    }
    out.resize(end);
    return true;
  }
  const auto octal = [&](size_t at, char most) { return at < text.size() && text[at] >= '0' && text[at] <= most; };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
    } else if (i + 1 < text.size() && text[i + 1] == '\\') {
      out.push_back('\\');
      ++i;
    } else if (octal(i + 1, '3') && octal(i + 2, '7') && octal(i + 3, '7')) {
      out.push_back(static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0')));
      i += 3;
    } else {
      return refuse();
    }
  }
  return true;
}

void append_bytea_text(std::string& out, std::string_view bytes) {
  out.append("\\x");
  const size_t start = out.size();
  out.resize(start + bytes.size() * 2);
  char* to = out.data() + start;
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    *to++ = kHex[byte >> 4];
    *to++ = kHex[byte & 15];
  }
}

std::string quoted(std::string_view text) {
  constexpr size_t kShown = 80;
  const bool cut = text.size() > kShown;
  if (cut) {
    size_t size = kShown;
    while (size > kShown - 4 && (static_cast<uint8_t>(text[size]) & 0xc0) == 0x80) --size;
    text = text.substr(0, size);
  }
  // A message is printed and sent as JSON: whatever came in, it is one line of valid UTF-8.
  const bool printable = valid_utf8(text);
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    result.push_back(byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !printable) ? '?' : c);
  }
  result += cut ? "...\"" : "\"";
  return result;
}

}  // namespace headrace
