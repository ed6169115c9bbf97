// Any bytes as CSV, with and without a header of its own. Whatever is collected as bad lies in the body, and collecting
// gives the same rows as throwing when nothing is bad.

#include "base/check.h"
#include "base/error.h"
#include "schema/row_parser.h"

namespace {

using namespace headrace;

RowTypePtr row_type() {
  static const RowTypePtr type =
      std::make_shared<const RowType>(RowType{{{"a", {Kind::kText}, true, ""},
                                               {"b", {Kind::kBigint}, false, "1"},
                                               {"c", {Kind::kNumeric, 9, 2}, true, ""},
                                               {"d", {Kind::kTimestamptz}, true, ""},
                                               {"e", {.kind = Kind::kArray, .element = Kind::kText}, true, ""},
                                               {"f", {Kind::kJsonb}, true, ""}}});
  return type;
}

std::string printed(const Batch& batch) {
  std::string out;
  for (size_t row = 0; row < batch.rows; ++row) append_row_json(out, batch, row);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool own_header = (data[0] & 1) != 0;
  const char* end_of_last = body.data();
  int64_t bad = 0;
  try {
    RowParser collecting(row_type(), RowFormat::kCsv, {.row_bytes_max = 4096}, [&](BadRow row) {
      ++bad;
      check(row.text.data() >= end_of_last && row.text.data() + row.text.size() <= body.data() + body.size(),
            "bad rows lie in the body one behind another");
      end_of_last = row.text.data() + row.text.size();
    });
    if (!own_header) collecting.set_header("a,b,c,d,e,f");
    const std::string rows = printed(collecting.parse(body));
    if (bad != 0) return 0;
    RowParser throwing(row_type(), RowFormat::kCsv, {.row_bytes_max = 4096});
    if (!own_header) throwing.set_header("a,b,c,d,e,f");
    check(printed(throwing.parse(body)) == rows, "collecting changes nothing when there is nothing to collect");
  } catch (const Error&) {
    check(bad == 0 || own_header, "only a header or a limit throws when bad rows are collected");
  }
  return 0;
}
