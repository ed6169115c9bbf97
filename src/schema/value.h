// One value on its own: a literal, a part of a key, a cell of a result. Rows in bulk are columns (columns.h).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/decimal.h"
#include "schema/types.h"

namespace headrace {

// As PostgreSQL's: three parts that do not convert into each other, because months and days differ in length.
struct Interval {
  int32_t months = 0;
  int32_t days = 0;
  int64_t micros = 0;

  bool operator==(const Interval&) const = default;
};

// The alternative is decided by Type::form(); monostate is NULL.
using Value = std::variant<std::monostate, int64_t, double, Decimal, std::string, Interval>;

inline bool is_null(const Value& value) {
  return value.index() == 0;
}

// SQL's text form of a value and back: what PostgreSQL prints with `SET timezone = 'UTC'`, except that timestamptz is
// RFC 3339 ("2001-01-01T00:01:00Z", with up to six decimals where they are not zero), and reading also accepts
// PostgreSQL's form. parse_text throws Error(kInvalid) with a message like `"12,5" is not numeric(12,2)`.
std::string to_text(const Value& value, const Type& type);
Value parse_text(std::string_view text, const Type& type);

// JSON as rows are shown (DESIGN §5): bigint and numeric as exact numbers, timestamptz and uuid and date as strings,
// bytea in base64, jsonb and arrays as themselves. NaN and infinities are the strings "NaN", "Infinity", "-Infinity".
void append_json(std::string& out, const Value& value, const Type& type);

// Order and equality as SQL has them for non-null values of one type; NULL is the greatest, as in PostgreSQL's ORDER
// BY. text compares by bytes (collation "C").
int compare(const Value& left, const Value& right, const Type& type);

}  // namespace headrace
