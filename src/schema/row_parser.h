// Rows as people and programs send them: JSON object, JSON array, NDJSON, CSV with a header. Straight into columns,
// with every value checked against its column. The first bad row ends parsing with Error(kInvalid) and its row, column
// and position, unless the caller collects bad rows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "schema/columns.h"

namespace headrace {

enum class RowFormat : uint8_t { kJson, kNdjson, kCsv };

struct RowLimits {
  size_t rows_max = 1'000'000;
  size_t row_bytes_max = 1024 * 1024;
};

struct BadRow {
  int64_t row;  // from 1; in CSV the header is not counted
  Error error;
  std::string_view text;  // the row as it was sent
};

class JsonRows;
class RowShape;

// Keeps its buffers from body to body. Not safe for use by two at a time.
class RowParser {
 public:
  // `collect`: what to do with bad rows; empty: the first one throws.
  RowParser(RowTypePtr type, RowFormat format, RowLimits limits = {}, std::function<void(BadRow)> collect = {});
  ~RowParser();
  RowParser(RowParser&&) noexcept;

  // Parses a whole body. `body` may be padded by the caller: when `capacity` >= body.size() + 64 the JSON parser reads
  // it in place, else it makes a copy. For CSV the first line is the header, unless set_header() was called.
  // Columns that the row does not name are NULL (or their default); an unknown name, a missing NOT NULL column, a
  // duplicate name and a value that does not fit its type are errors. The batch keeps no views into `body`.
  Batch parse(std::string_view body, size_t capacity = 0);

  // Appends the row of one JSON object to `to`, which has the type's columns. Throws as parse() does, and then `to` is
  // as it was. For formats other than CSV.
  void parse_object(std::string_view object, BatchBuilder& to);

  // For CSV whose header was sent before. Throws Error(kInvalid) for unknown or repeated names.
  void set_header(std::string_view line);

 private:
  std::unique_ptr<const RowShape> shape_;
  RowFormat format_;
  RowLimits limits_;
  std::function<void(BadRow)> collect_;
  std::unique_ptr<JsonRows> json_;
  std::vector<int> header_;  // CSV position to column
};

}  // namespace headrace
