// JSON as text: strings written and escaped, base64, and the canonical form in which jsonb is held. Numbers stay exact;
// nothing here goes through a double.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace headrace {

inline constexpr int kJsonDepthMax = 64;  // of a jsonb value
// Digits of one number when it is written without an exponent: 1e400 has 401.
inline constexpr size_t kJsonNumberDigitsMax = 1000;

// Appends `text`, which is valid UTF-8, in quotes. Escapes what PostgreSQL escapes: quote, backslash, control
// characters.
void append_json_string(std::string& out, std::string_view text);

// RFC 4648 section 4, with padding.
void append_base64(std::string& out, std::string_view bytes);
// Appends what `text` encodes. False, and `out` as it was, for what is not base64; padding may be missing.
bool append_from_base64(std::string& out, std::string_view text);

// What is wrong with a JSON text and at which byte.
struct JsonFault {
  size_t position;
  const char* reason;
};

// Appends the canonical form of a JSON document, as PostgreSQL's jsonb but without blanks: keys sorted by length and
// then bytes, of equal keys the last one, numbers without exponent, strings with the fewest escapes. A document that is
// bad or beyond the limits above is reported and leaves `out` as it was. Accepts RFC 8259, without U+0000 in strings.
std::optional<JsonFault> append_canonical_json(std::string& out, std::string_view text, int depth_max = kJsonDepthMax);

}  // namespace headrace
