#include "kafka/messages/delete_records.h"
#include "kafka/apis.h"

namespace headrace::kafka {
namespace {

constexpr int64_t kHighWatermark = -1;  // in the place of an offset: everything

ErrorCode error_of(const Error& error) {
  switch (error.code()) {
    case Code::kNotFound: return ErrorCode::kUnknownTopicOrPartition;
    case Code::kInvalid: return ErrorCode::kOffsetOutOfRange;
    case Code::kRefused: return ErrorCode::kPolicyViolation;
    default: return static_cast<ErrorCode>(info(error.code()).kafka_code);
  }
}

}  // namespace

// What a view may still have to read again is not deleted: POLICY_VIOLATION, for the moment.
awaitable<void> answer_delete_records(Call& call) {
  const auto request = call.read<DeleteRecordsRequest>();
  DeleteRecordsResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& answer = answered.partitions.emplace_back();
      answer.index = partition.index;
      answer.low_watermark = -1;
      ErrorCode code = ErrorCode::kNone;
      if (is_internal(topic.name)) {
        code = ErrorCode::kTopicAuthorizationFailed;
      } else if (partition.offset < kHighWatermark) {
        code = ErrorCode::kOffsetOutOfRange;
      } else {
        try {
          const Bounds bounds = co_await call.broker.log.bounds(answered.name, partition.index);
          const Offset before = partition.offset == kHighWatermark ? bounds.end : Offset{partition.offset};
          const Offset start = co_await call.broker.log.delete_before(answered.name, partition.index, before);
          answer.low_watermark = start.value;
        } catch (const Error& error) {
          code = error_of(error);
        }
      }
      answer.error_code = static_cast<int16_t>(code);
    }
  }
  call.write(response);
}

}  // namespace headrace::kafka
