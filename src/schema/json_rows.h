// Rows as JSON: one object, an array of objects, or an object a line (NDJSON). The body is first cut into rows, by
// brackets or lines; each is then parsed by simdjson on its own. So memory is bounded by the longest row, a bad row can
// be skipped, and the next row is where it is whatever happened before.
#pragma once

#include <memory>

#include "schema/row_shape.h"

namespace headrace {

class JsonRows {
 public:
  explicit JsonRows(const RowShape& shape);
  ~JsonRows();

  // The bytes up to data() + `capacity` may be read, whatever they are.
  void parse_document(std::string_view body, size_t capacity, RowSink& sink);
  void parse_object(std::string_view object, RowSink& sink);
  void parse_lines(std::string_view body, size_t capacity, RowSink& sink);

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace headrace
