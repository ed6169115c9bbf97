// How the rows of a stream are written as records and read back. The key of a record is the text of the key column, or
// a JSON array of texts when there are several, which is what other Kafka clients find natural to produce and compare.
// The value is Avro (with the schema's id), JSON or raw bytes, as the stream's FORMAT says.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/row_parser.h"
#include "views/catalog.h"

namespace headrace {

class RowEncoder {
 public:
  explicit RowEncoder(StreamInfoPtr stream);

  // The record key of a row; empty optional when the stream has no key.
  bool append_key(std::string& out, const Batch& rows, size_t row) const;
  // What decides the partition of a row without a key: its id, so that a repeat meets the first; false if there is
  // none.
  bool append_id(std::string& out, const Batch& rows, size_t row) const;
  void append_value(std::string& out, const Batch& rows, size_t row) const;

 private:
  StreamInfoPtr stream_;
  AvroEncoder avro_;
};

// Decodes records into a batch. Not for concurrent use.
class RowDecoder {
 public:
  explicit RowDecoder(StreamInfoPtr stream);

  // Appends a row. Text in it may be a view into `value`. Throws Error for a record that is not a row of the stream,
  // and then nothing was appended.
  void decode(std::string_view value, BatchBuilder& to);
  // A tombstone's row: the key columns from the record's key, the others NULL.
  void decode_key(std::string_view key, BatchBuilder& to);

 private:
  // A schema of the stream's own or of the registry, as a decoder of the stream's rows.
  const AvroDecoder& avro_decoder(int32_t schema_id);
  AvroSchemaPtr find_schema(int32_t schema_id) const;

  StreamInfoPtr stream_;
  std::unique_ptr<RowParser> json_;
  std::map<int32_t, std::unique_ptr<AvroDecoder>> avro_;
  std::map<int32_t, std::string> refused_;  // ids whose schemas have no way to the columns, and why
  int32_t last_id_ = -1;
  const AvroDecoder* last_ = nullptr;
};

}  // namespace headrace
