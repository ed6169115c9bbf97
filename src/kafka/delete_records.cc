// DeleteRecords. What a view may have to read again after a crash cannot be deleted yet, but its progress is made
// durable every few seconds, and clients do not try again: the call waits for that. The client's own limit is of no
// use: it is what the client waits for an answer in some, less than that progress takes in others.
#include "kafka/messages/delete_records.h"

#include <algorithm>

#include "kafka/apis.h"
#include "kafka/each_partition.h"

namespace headrace::kafka {
namespace {

constexpr int64_t kHighWatermark = -1;  // in the place of an offset: everything that there is now
constexpr std::chrono::milliseconds kWaitMax{8'000};

ErrorCode code_of(const Error& error) {
  switch (error.code()) {
    case Code::kNotFound: return ErrorCode::kUnknownTopicOrPartition;
    case Code::kInvalid: return ErrorCode::kOffsetOutOfRange;
    case Code::kRefused: return ErrorCode::kPolicyViolation;
    default: return static_cast<ErrorCode>(info(error.code()).kafka_code);
  }
}

awaitable<Offset> delete_before(Call& call, std::string topic, PartitionId partition, int64_t offset,
                                SteadyTime deadline) {
  const Clock& clock = call.broker.timers.clock();
  Offset before{offset};
  if (offset == kHighWatermark) before = (co_await call.broker.log.bounds(topic, partition)).end;
  while (true) {
    const SteadyTime look = std::min(deadline, clock.steady() + kLookInterval);
    try {
      co_return co_await call.broker.log.delete_before(topic, partition, before, look);
    } catch (const Error& error) {
      // Before the time is up, the floor is not the reason.
      const bool waited = error.code() == Code::kRefused && clock.steady() >= look;
      if (!waited || look == deadline || call.ended) throw;
    }
  }
}

}  // namespace

awaitable<void> answer_delete_records(Call& call) {
  const auto request = call.read<DeleteRecordsRequest>();
  const SteadyTime deadline = call.broker.timers.clock().steady() + kWaitMax;
  DeleteRecordsResponse response;
  co_await answer_each_partition(
      request, response,
      [&](const std::string& topic, const auto& asked, auto& found) -> awaitable<void> {
        found.low_watermark = -1;
        if (is_internal(topic)) {
          found.error_code = static_cast<int16_t>(ErrorCode::kTopicAuthorizationFailed);
        } else if (asked.offset < kHighWatermark) {
          found.error_code = static_cast<int16_t>(ErrorCode::kOffsetOutOfRange);
        } else {
          found.low_watermark = (co_await delete_before(call, topic, asked.index, asked.offset, deadline)).value;
        }
      },
      code_of);
  call.write(response);
}

}  // namespace headrace::kafka
