// The tree behind an AvroSchema. References by name make it a graph (a record may contain itself), so every node is
// owned by the root's list and all other links are plain pointers. Whoever walks it bounds the depth.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/avro.h"

namespace headrace {

enum class AvroKind : uint8_t {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kRecord,
  kEnum,
  kArray,
  kMap,
  kUnion,
  kFixed,
};

enum class AvroLogical : uint8_t {
  kNone,
  kDecimal,
  kUuid,
  kDate,
  kTimeMillis,
  kTimeMicros,
  kTimestampMillis,
  kTimestampMicros,
  kLocalTimestampMillis,
  kLocalTimestampMicros,
  kDuration,
};

// The words of the specification: "int", "timestamp-micros".
std::string_view name_of(AvroKind kind);
std::string_view name_of(AvroLogical logical);

struct AvroField {
  std::string name;
  // The column's name where that is not a legal Avro name (property "headrace.name"); else empty.
  std::string column_name;
  std::vector<std::string> aliases;
  const AvroSchema::Node* type = nullptr;
  std::optional<std::string> default_json;

  const std::string& column() const { return column_name.empty() ? name : column_name; }
};

struct AvroSchema::Node {
  AvroKind kind = AvroKind::kNull;
  AvroLogical logical = AvroLogical::kNone;
  int precision = 0;  // of a decimal
  int scale = 0;
  // Property "headrace.type": the SQL type where Avro has none of its own (numeric, interval, jsonb, smallint).
  std::string sql_type;
  std::string name;  // full name of a record, enum or fixed
  std::vector<std::string> aliases;
  std::vector<AvroField> fields;     // of a record
  std::vector<std::string> symbols;  // of an enum
  std::string default_symbol;
  std::vector<const Node*> branches;  // of a union
  const Node* items = nullptr;        // of an array; the values of a map
  size_t size = 0;                    // of a fixed

  std::vector<std::unique_ptr<Node>> owned;  // only in the root: every other node

  bool named() const { return kind == AvroKind::kRecord || kind == AvroKind::kEnum || kind == AvroKind::kFixed; }
};

using AvroNode = AvroSchema::Node;

// The two branches of ["null", T] or [T, "null"], which is how Avro says "nullable".
struct AvroOptional {
  const AvroNode* value;
  int null_branch;  // 0 or 1
};
std::optional<AvroOptional> as_optional(const AvroNode& node);

// The schema as JSON without what resolution does not need (documentation, foreign properties), names in full.
std::string schema_text(const AvroNode& root);

}  // namespace headrace
