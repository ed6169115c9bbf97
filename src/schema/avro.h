// How rows are written on the log: Apache Avro 1.11 binary, behind Confluent's five bytes (0, schema id big-endian), so
// that every Kafka client with a standard deserializer reads them. The codec goes straight between bytes and columns: a
// writer's schema and a row type are compiled once into a list of steps.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "schema/columns.h"

namespace headrace {

inline constexpr size_t kSchemaBytesMax = 256 * 1024;
inline constexpr int kSchemaDepthMax = 32;

// A parsed .avsc: a schema whose top is a record, unless it comes from parse_any(). Immutable.
class AvroSchema {
 public:
  // Throws Error(kInvalid) with a position for what is not a valid schema, Error(kTooLarge) beyond the limits.
  static std::shared_ptr<const AvroSchema> parse(std::string_view json);
  // The same with any type at the top, as a registry holds it. `references` are other schemas whose named types this
  // one uses, each behind those that it uses itself; together they have the same limits as one schema.
  static std::shared_ptr<const AvroSchema> parse_any(std::string_view json,
                                                     std::span<const std::string> references = {});
  // The schema that Headrace writes for a row type; the record is called `name`. Mapping: docs/formats.md.
  static std::shared_ptr<const AvroSchema> from_columns(std::string_view name, const RowType& type);
  ~AvroSchema();

  // The columns this schema has for SQL. Throws Error(kUnsupported) naming the field for what has no column type.
  RowType to_columns() const;
  // Parsing Canonical Form keeps what resolution needs (defaults, aliases, logical types): the text to store.
  const std::string& json() const;

  struct Node;
  const Node& root() const;

 private:
  explicit AvroSchema(std::unique_ptr<Node> root, std::string json);
  std::unique_ptr<Node> root_;
  std::string json_;
};
using AvroSchemaPtr = std::shared_ptr<const AvroSchema>;

struct AvroProgram;

// Encodes rows of a batch, in the form of from_columns(). NULL in a NOT NULL column is a bug of the caller's.
class AvroEncoder {
 public:
  AvroEncoder(RowTypePtr type, int32_t schema_id);
  // Appends the five bytes and the datum of one row.
  void append(std::string& out, const Batch& batch, size_t row) const;

 private:
  RowTypePtr type_;
  int32_t schema_id_;
};

// Decodes rows written with `writer` as rows of `reader`, by Avro's resolution rules: fields are matched by name and
// alias, missing ones take the default, numbers are promoted, what the reader does not have is skipped.
class AvroDecoder {
 public:
  // Throws Error(kInvalid), saying which column, when the two do not resolve.
  AvroDecoder(AvroSchemaPtr writer, RowTypePtr reader);
  ~AvroDecoder();

  // Appends one row, decoded from `datum` (without the five bytes), to the columns. Text becomes views into `datum`,
  // whose buffer the caller adds. Throws Error(kCorrupt) for bytes that do not follow the schema, and then leaves the
  // columns as they were.
  void decode(std::string_view datum, BatchBuilder& to) const;

 private:
  std::unique_ptr<const AvroProgram> program_;
};

}  // namespace headrace
