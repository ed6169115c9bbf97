// Numbers of any length as key bytes: a sign, an exponent, and the digits in pairs. Keys of numeric columns and numbers
// within jsonb share this form. Format: docs/formats.md.
#pragma once

#include <string>
#include <string_view>

#include "base/decimal.h"

namespace headrace {

void append_decimal_key(std::string& out, const Decimal& value);
// Takes the number off the front of `bytes`, in its canonical scale: 1.50 comes back as 1.5. Throws Error(kCorrupt).
Decimal take_decimal_key(std::string_view& bytes);

// The same for a number as text, without exponent ("-12.50"), of up to kJsonNumberDigitsMax digits.
void append_number_key(std::string& out, std::string_view text);
void take_number_key(std::string_view& bytes, std::string& text);

}  // namespace headrace
