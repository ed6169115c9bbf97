#include "schema/row_parser.h"

#include <algorithm>

#include "schema/csv_rows.h"
#include "schema/json_rows.h"
#include "schema/row_shape.h"

namespace headrace {

RowParser::RowParser(RowTypePtr type, RowFormat format, RowLimits limits, std::function<void(BadRow)> collect)
    : shape_(std::make_unique<const RowShape>(std::move(type))),
      format_(format),
      limits_(limits),
      collect_(std::move(collect)) {
  if (format_ != RowFormat::kCsv) json_ = std::make_unique<JsonRows>(*shape_);
}

RowParser::~RowParser() = default;
RowParser::RowParser(RowParser&&) noexcept = default;

Batch RowParser::parse(std::string_view body, size_t capacity) {
  RowSink sink(*shape_, limits_, collect_);
  capacity = std::max(capacity, body.size());
  switch (format_) {
    case RowFormat::kJson: json_->parse_document(body, capacity, sink); break;
    case RowFormat::kNdjson: json_->parse_lines(body, capacity, sink); break;
    case RowFormat::kCsv:
      if (!header_.empty()) {
        parse_csv_rows(body, 0, header_, *shape_, sink);
      } else {
        const size_t start = csv_line_end(body, 0);
        parse_csv_rows(body, start, read_csv_header(body.substr(0, start), *shape_), *shape_, sink);
      }
      break;
  }
  return sink.finish();
}

void RowParser::parse_object(std::string_view object, BatchBuilder& to) {
  const std::function<void(BadRow)> throws;
  RowSink sink(*shape_, limits_, throws, &to);
  json_->parse_object(object, sink);
}

void RowParser::set_header(std::string_view line) {
  header_ = read_csv_header(line, *shape_);
}

}  // namespace headrace
