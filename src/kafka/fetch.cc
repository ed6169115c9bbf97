// Fetch: batches from the log, as they are, and not copied on the way: the answer refers to the log's buffers, or to a
// range of a segment's file, which costs a client that does not read its answer no memory.
// A client that asks for more than there is waits for news of any of its partitions. No fetch sessions are handed out,
// which the protocol leaves to the broker: every request names all of its partitions.
#include <algorithm>

#include "fmt/format.h"
#include "kafka/apis.h"
#include "kafka/messages/fetch.h"

namespace headrace::kafka {
namespace {

using Asked = FetchRequest::Topic::Partition;
using Found = FetchResponse::Topic::Partition;

// How often a waiting fetch looks whether its client is still there.
constexpr std::chrono::milliseconds kLookInterval{250};

// What one pass over the partitions found.
struct Pass {
  FetchResponse response;
  std::vector<std::shared_ptr<const void>> owners;
  std::vector<LogPosition> ends;  // of the partitions that have nothing more
  size_t bytes = 0;
  bool failed = false;
};

awaitable<void> read(Call& call, const std::string& topic, const Asked& asked, Pass& pass, Found& found) {
  Log& log = call.broker.log;
  const size_t most =
      std::min(static_cast<size_t>(std::max(asked.partition_max_bytes, 1)), call.broker.options.limits.fetch_bytes_max);
  try {
    const Bounds bounds = co_await log.bounds(topic, asked.index);
    const Offset from{asked.fetch_offset};
    found.high_watermark = found.last_stable_offset = bounds.end.value;
    found.log_start_offset = bounds.start.value;
    if (from < bounds.start || from > bounds.end) {
      found.error_code = static_cast<int16_t>(ErrorCode::kOffsetOutOfRange);
      pass.failed = true;
    } else if (from == bounds.end) {
      pass.ends.push_back({topic, asked.index, bounds.end});
    } else {
      const auto located = std::make_shared<const Located>(co_await log.locate(topic, asked.index, from, most));
      found.high_watermark = found.last_stable_offset = located->bounds.end.value;
      found.records = located->range.file ? RecordsView(located->range) : RecordsView(located->bytes);
      pass.bytes += located->size();
      pass.owners.push_back(located);
    }
  } catch (const Error& error) {
    found.error_code = error.code() == Code::kNotFound ? static_cast<int16_t>(ErrorCode::kUnknownTopicOrPartition)
                                                       : info(error.code()).kafka_code;
    found.high_watermark = -1;
    pass.failed = true;
  }
}

awaitable<Pass> read_all(Call& call, const FetchRequest& request) {
  Pass pass;
  const size_t most =
      std::min(static_cast<size_t>(std::max(request.max_bytes, 1)), call.broker.options.limits.fetch_bytes_max);
  for (const auto& topic : request.topics) {
    auto& answered = pass.response.topics.emplace_back();
    answered.name = topic.name;
    for (const Asked& asked : topic.partitions) {
      Found& found = answered.partitions.emplace_back();
      found.index = asked.index;
      // Beyond the limit a partition is answered without records; the client asks for it first the next time.
      Asked limited = asked;
      if (pass.bytes >= most) {
        limited.partition_max_bytes = 0;
      } else {
        limited.partition_max_bytes = static_cast<int32_t>(
            std::min<size_t>(static_cast<size_t>(std::max(asked.partition_max_bytes, 1)), most - pass.bytes));
      }
      if (limited.partition_max_bytes > 0) {
        co_await read(call, answered.name, limited, pass, found);
      } else {
        found.high_watermark = found.last_stable_offset = asked.fetch_offset;
      }
    }
  }
  co_return pass;
}

}  // namespace

awaitable<void> answer_fetch(Call& call) {
  const auto request = call.read<FetchRequest>();
  Timers& timers = call.broker.timers;
  const auto patience = std::clamp(std::chrono::milliseconds(request.max_wait_ms), std::chrono::milliseconds(0),
                                   call.broker.options.limits.fetch_wait_max);
  const SteadyTime deadline = timers.clock().steady() + patience;
  const auto wanted = static_cast<size_t>(std::max(request.min_bytes, 0));
  Pass pass;
  for (;;) {
    pass = co_await read_all(call, request);
    const SteadyTime now = timers.clock().steady();
    if (pass.bytes >= wanted || pass.failed || pass.ends.empty() || now >= deadline || call.ended) break;
    co_await call.broker.log.wait_any(pass.ends, std::min(deadline, now + kLookInterval));
  }
  call.answer.owners = std::move(pass.owners);
  call.write(pass.response);
}

}  // namespace headrace::kafka
