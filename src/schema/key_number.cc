#include "schema/key_number.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/error.h"
#include "schema/json_text.h"

namespace headrace {
namespace {

// A number is 0.DDDD * 10^exponent, without zeros at either end of the digits.
//   sign      1 byte: 1 negative, 2 zero (and nothing follows), 3 positive
//   exponent  2 bytes, big-endian, plus 0x8000
//   digits    in pairs, each plus 1, so that the end, a byte 0, is below all of them; a last odd digit is followed by 0
// All bytes behind a negative sign are inverted.
constexpr char kNegative = 1;
constexpr char kZero = 2;
constexpr char kPositive = 3;
constexpr int kExponentBias = 0x8000;
constexpr size_t kDigitsMax = 2 * kJsonNumberDigitsMax;

void append_digits_key(std::string& out, bool negative, std::string_view digits, int exponent) {
  const size_t start = out.size();
  out.resize(start + 4 + (digits.size() + 1) / 2);
  char* to = out.data() + start;
  *to++ = negative ? kNegative : kPositive;
  const char* inverted_from = to;
  store_big_endian(to, static_cast<uint16_t>(exponent + kExponentBias));
  to += 2;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int low = i + 1 < digits.size() ? digits[i + 1] - '0' : 0;
    *to++ = static_cast<char>((digits[i] - '0') * 10 + low + 1);
  }
  *to++ = 0;
  if (!negative) return;
  for (char* c = out.data() + (inverted_from - out.data()); c != to; ++c) *c = static_cast<char>(~*c);
}

struct Digits {
  bool negative = false;
  int exponent = 0;
  std::string digits;  // empty for zero
};

Digits take_digits_key(std::string_view& bytes) {
  Reader reader(bytes);
  Digits result;
  const auto sign = static_cast<char>(reader.byte());
  if (sign != kZero) {
    if (sign != kNegative && sign != kPositive) reader.fail("a number in a key has no such sign");
    result.negative = sign == kNegative;
    const uint8_t inverted = result.negative ? 0xff : 0;
    const auto high = static_cast<uint8_t>(reader.byte() ^ inverted);
    const auto low = static_cast<uint8_t>(reader.byte() ^ inverted);
    result.exponent = (high << 8 | low) - kExponentBias;
    while (const auto pair = static_cast<uint8_t>(reader.byte() ^ inverted)) {
      if (pair > 100 || result.digits.size() >= kDigitsMax) reader.fail("a number in a key has a wrong digit");
      result.digits.push_back(static_cast<char>('0' + (pair - 1) / 10));
      result.digits.push_back(static_cast<char>('0' + (pair - 1) % 10));
    }
    if (!result.digits.empty() && result.digits.back() == '0') result.digits.pop_back();
    if (result.digits.empty() || result.digits.front() == '0' || result.digits.back() == '0') {
      reader.fail("a number in a key is not in its shortest form");
    }
  }
  bytes.remove_prefix(reader.position());
  return result;
}

}  // namespace

void append_decimal_key(std::string& out, const Decimal& value) {
  if (value.coefficient == 0) {
    out.push_back(kZero);
    return;
  }
  char buffer[Decimal::kTextBytesMax];
  const bool negative = value.coefficient < 0;
  const Decimal whole{value.coefficient, 0};
  std::string_view digits(buffer, static_cast<size_t>(whole.format(buffer) - buffer));
  if (negative) digits.remove_prefix(1);
  const int exponent = static_cast<int>(digits.size()) - value.scale;
  digits = digits.substr(0, digits.find_last_not_of('0') + 1);
  append_digits_key(out, negative, digits, exponent);
}

Decimal take_decimal_key(std::string_view& bytes) {
  std::string_view rest = bytes;
  const Digits number = take_digits_key(rest);
  const int scale = std::max(static_cast<int>(number.digits.size()) - number.exponent, 0);
  const int zeros = number.digits.empty() ? 0 : number.exponent - static_cast<int>(number.digits.size()) + scale;
  if (number.digits.size() + static_cast<size_t>(zeros) > Decimal::kDigitsMax || scale > Decimal::kDigitsMax) {
    Reader(bytes).fail("a number in a key has too many digits for numeric");
  }
  bytes = rest;
  if (number.digits.empty()) return {};
  Decimal result{0, scale};
  for (const char c : number.digits) result.coefficient = result.coefficient * 10 + (c - '0');
  for (int i = 0; i < zeros; ++i) result.coefficient *= 10;
  if (number.negative) result.coefficient = -result.coefficient;
  return result;
}

void append_number_key(std::string& out, std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  if (point < text.size()) digits.append(text.substr(point + 1));
  const size_t leading = digits.find_first_not_of('0');
  if (leading == std::string::npos) {
    out.push_back(kZero);
    return;
  }
  const int exponent = static_cast<int>(point) - static_cast<int>(leading);
  const std::string_view all(digits);
  append_digits_key(out, negative, all.substr(leading, all.find_last_not_of('0') + 1 - leading), exponent);
}

void take_number_key(std::string_view& bytes, std::string& text) {
  std::string_view rest = bytes;
  const Digits number = take_digits_key(rest);
  constexpr int kExponentMax = static_cast<int>(kJsonNumberDigitsMax) + 2;
  if (number.exponent > kExponentMax || number.exponent < -kExponentMax) {
    Reader(bytes).fail("a number in a key has too many digits");
  }
  bytes = rest;
  if (number.digits.empty()) {
    text.push_back('0');
    return;
  }
  if (number.negative) text.push_back('-');
  const auto size = static_cast<int>(number.digits.size());
  if (number.exponent <= 0) {
    text.append("0.").append(static_cast<size_t>(-number.exponent), '0').append(number.digits);
  } else if (number.exponent >= size) {
    text.append(number.digits).append(static_cast<size_t>(number.exponent - size), '0');
  } else {
    text.append(number.digits, 0, static_cast<size_t>(number.exponent)).push_back('.');
    text.append(number.digits, static_cast<size_t>(number.exponent));
  }
}

}  // namespace headrace
