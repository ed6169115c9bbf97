// Keys keep what a value is, not how it looks: 1.0 and 1.00, -0.0 and 0.0, 24 hours and 1 day have one key each. That
// is what grouping and lookups want. Where a row must come back as it was written, the look is kept beside the key.
#pragma once

#include "schema/key.h"

namespace headrace {

// Whether every value of the type comes back from its key exactly as it was.
inline bool key_is_faithful(const Type& type) {
  return type.form() == Form::kInt || type.kind == Kind::kText || type.kind == Kind::kBytea || type.kind == Kind::kUuid;
}

// A value from a key, in the look that all values of the key share: numeric(p,s) in its scale, plain numeric without
// trailing zeros.
inline Value take_canonical(std::string_view& key, const Type& type) {
  Value value = take_key(key, type);
  if (type.kind == Kind::kNumeric && type.precision > 0 && !is_null(value))
    value = std::get<Decimal>(value).with_scale(type.scale);
  return value;
}

}  // namespace headrace
