// Any bytes as a record batch: must end in records or in Error, never in anything else.
#include "base/error.h"
#include "log/record_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace headrace;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string scratch;
  size_t records = 0;
  try {
    read_batch_header(bytes);
    for_each_record(bytes, scratch, [&](const Record& record) {
      records += 1 + record.headers.size();
      return true;
    });
  } catch (const Error&) {
  }
  try {
    RecordReader reader(bytes, scratch);
    Record record;
    while (reader.next(record)) ++records;
  } catch (const Error&) {
  }
  return 0;
}
