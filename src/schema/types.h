// SQL types and the shape of rows. Values of 15 types are held in five physical forms, so that operators and codecs
// need five cases and not fifteen.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

enum class Kind : uint8_t {
  kBoolean,
  kSmallint,
  kInteger,
  kBigint,
  kReal,
  kDouble,
  kNumeric,
  kText,
  kBytea,
  kUuid,
  kDate,
  kTimestamptz,
  kInterval,
  kJsonb,
  kArray,
};

// How a value lies in memory:
//   kInt      boolean (0, 1), smallint, integer, bigint, date (days since 1970-01-01), timestamptz (µs since 1970 UTC)
//   kFloat    real (rounded to float), double precision
//   kDecimal  numeric
//   kBytes    text (UTF-8), bytea, uuid (16 bytes), jsonb (canonical JSON text), array (its JSON text)
//   kInterval interval
enum class Form : uint8_t { kInt, kFloat, kDecimal, kBytes, kInterval };

struct Type {
  Kind kind = Kind::kText;
  // numeric(precision, scale); precision 0 is plain numeric, where each value has a scale of its own.
  uint8_t precision = 0;
  uint8_t scale = 0;
  Kind element = Kind::kText;  // of an array; arrays have one dimension

  bool operator==(const Type&) const = default;
  Form form() const;
  bool is_integer() const { return kind >= Kind::kSmallint && kind <= Kind::kBigint; }
  bool is_number() const { return kind >= Kind::kSmallint && kind <= Kind::kNumeric; }
  // As PostgreSQL's format_type prints it: "numeric(12,2)", "timestamptz", "text[]".
  std::string name() const;
};

// The type called `name` in SQL ("int8", "bigint", "varchar", "timestamptz", ...), or nullopt.
std::optional<Kind> kind_named(std::string_view name);

struct Column {
  std::string name;
  Type type;
  bool nullable = true;
  // The value a reader takes for rows written before the column existed, as JSON text; empty: null.
  std::string default_json;

  bool operator==(const Column&) const = default;
};

// The columns of a row, in order. Immutable and shared once made.
struct RowType {
  std::vector<Column> columns;

  bool operator==(const RowType&) const = default;
  std::optional<size_t> find(std::string_view name) const;
};
using RowTypePtr = std::shared_ptr<const RowType>;

// Named limits on what a schema may be.
inline constexpr size_t kColumnsMax = 1000;
inline constexpr size_t kNameBytesMax = 249;  // Kafka's limit for topics

}  // namespace headrace
