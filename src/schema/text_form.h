// The text of single values, for codecs that go straight between bytes and columns. The parse functions are strict:
// they take the whole text, without blanks around it (parse_text of value.h takes them off), and answer nullopt for
// what is not such a value. The append functions print what PostgreSQL prints.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "schema/types.h"

namespace headrace {

// An optional sign and decimal digits that fit into 64 bits.
std::optional<int64_t> parse_integer(std::string_view text);
// Whether an integer type holds `value`. True for every type that is not one of the three.
bool in_range(int64_t value, Kind kind);

inline void append_integer(std::string& out, int64_t value) {
  char buffer[20];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

// Decimal notation, and NaN, Infinity, inf with a sign in any case. Too large or too small for the type is nullopt, as
// in PostgreSQL. parse_real rounds to float.
std::optional<double> parse_double(std::string_view text);
std::optional<double> parse_real(std::string_view text);
// The shortest text that reads back as the same value; a real is printed as the float it is.
inline constexpr size_t kDoubleBytesMax = 32;
char* format_double(char* to, double value);
char* format_real(char* to, double value);

// Rounds to the scale of numeric(p,s); nullopt if it then has more digits than the precision allows.
std::optional<Decimal> fit_decimal(const Decimal& value, const Type& type);

// PostgreSQL's spellings: true, yes, on, 1 and false, no, off, 0, and what is the beginning of only one of them.
std::optional<bool> parse_boolean(std::string_view text);

// 32 hexadecimal digits in either case, with hyphens after any four of them, perhaps in braces, as PostgreSQL reads
// them.
std::optional<std::array<char, 16>> parse_uuid(std::string_view text);
inline constexpr size_t kUuidTextBytes = 36;
// Writes 36 characters. `bytes` has 16.
char* format_uuid(char* to, std::string_view bytes);

// bytea: "\x" and hexadecimal digits, or PostgreSQL's older escape format. False, and `out` as it was, if it is
// neither.
bool append_from_bytea_text(std::string& out, std::string_view text);
void append_bytea_text(std::string& out, std::string_view bytes);

// A text in quotes for an error message, cut to a length that fits on a line.
std::string quoted(std::string_view text);

}  // namespace headrace
