// Any bytes as JSON rows. Good rows print as rows that parse to themselves; an error names a place in the body; and a
// single row is accepted only if another JSON parser takes it too.

#include "base/check.h"
#include "base/error.h"
#include "boost/json.hpp"
#include "schema/json_text.h"
#include "schema/row_parser.h"
#include "schema/utf8.h"

namespace {

using namespace headrace;

RowTypePtr row_type() {
  static const RowTypePtr type = [] {
    auto made = std::make_shared<RowType>();
    for (int kind = 0; kind <= static_cast<int>(Kind::kJsonb); ++kind) {
      made->columns.push_back({std::string(1, static_cast<char>('a' + kind)), {static_cast<Kind>(kind)}, true, ""});
    }
    made->columns.push_back({"list", {.kind = Kind::kArray, .element = Kind::kBigint}, true, ""});
    made->columns.push_back({"added", {Kind::kInteger}, false, "7"});
    return made;
  }();
  return type;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const RowFormat format = (data[0] & 1) != 0 ? RowFormat::kJson : RowFormat::kNdjson;
  int64_t bad = 0;
  Batch batch;
  try {
    RowParser parser(row_type(), format, {}, [&](BadRow row) {
      ++bad;
      check(row.error.where().position >= 0 && row.error.where().position <= static_cast<int64_t>(body.size()),
            "an error is in the body");
      check(row.text.data() >= body.data() && row.text.data() + row.text.size() <= body.data() + body.size(),
            "a bad row is shown from the body");
    });
    batch = parser.parse(body);
  } catch (const Error&) {
    return 0;
  }
  if (batch.rows == 1 && bad == 0) {
    boost::json::error_code error;
    boost::json::parse_options options;
    options.max_depth = kJsonDepthMax + 2;  // an array, a row
    const std::string_view json = body.substr(byte_order_mark(body));
    boost::json::parse(boost::json::string_view(json.data(), json.size()), error, {}, options);
    // 0e9999999999 is JSON too, but not for Boost.
    check(!error || error == boost::json::error::exponent_overflow, "what was accepted is JSON");
  }
  std::string lines;
  for (size_t row = 0; row < batch.rows; ++row) {
    append_row_json(lines, batch, row);
    lines += '\n';
  }
  const Batch again = RowParser(row_type(), RowFormat::kNdjson, {.row_bytes_max = SIZE_MAX}).parse(lines);
  std::string lines_again;
  for (size_t row = 0; row < again.rows; ++row) {
    append_row_json(lines_again, again, row);
    lines_again += '\n';
  }
  check(lines == lines_again, "rows that are printed parse to the same rows");
  return 0;
}
