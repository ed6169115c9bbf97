#include "log/replay.h"

namespace headrace {
namespace {

constexpr size_t kReadBytes = 1024 * 1024;

}  // namespace

awaitable<void> replay(Log& log, std::string topic, PartitionId partition, std::function<void(const Record&)> take) {
  std::string scratch;
  const Bounds bounds = co_await log.bounds(topic, partition);
  for (Offset at = bounds.start; at < bounds.end;) {
    const Fetched fetched = co_await log.read(topic, partition, at, kReadBytes);
    if (fetched.bytes.empty()) break;
    for (std::string_view rest = fetched.bytes; !rest.empty();) {
      const BatchHeader header = verify_batch(rest);
      for_each_record(rest.substr(0, header.bytes()), scratch, [&](const Record& record) {
        take(record);
        return true;
      });
      at = header.end();
      rest.remove_prefix(header.bytes());
    }
  }
  co_await log.set_retention_floor(topic, partition, kOffsetMax);
}

}  // namespace headrace
