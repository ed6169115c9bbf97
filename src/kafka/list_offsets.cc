// Offsets by time, and the ends of leader epochs, of which there is one.
#include "kafka/messages/list_offsets.h"
#include "kafka/apis.h"
#include "kafka/each_partition.h"
#include "kafka/messages/offset_for_leader_epoch.h"
#include "log/record_batch.h"

namespace headrace::kafka {
namespace {

constexpr int64_t kLatest = -1;
constexpr int64_t kEarliest = -2;
constexpr int64_t kMaxTimestamp = -3;
constexpr size_t kReadBytes = 64 * 1024;

ErrorCode code_of(const Error& error) {
  if (error.code() == Code::kNotFound) return ErrorCode::kUnknownTopicOrPartition;
  return static_cast<ErrorCode>(info(error.code()).kafka_code);
}

// The timestamp of the first record at or behind `offset`.
awaitable<int64_t> timestamp_at(Log& log, const std::string& topic, PartitionId partition, Offset offset) {
  const Fetched fetched = co_await log.read(topic, partition, offset, kReadBytes);
  int64_t timestamp = -1;
  if (!fetched.bytes.empty()) {
    std::string scratch;
    const BatchHeader header = read_batch_header(fetched.bytes);
    for_each_record(fetched.bytes.substr(0, header.bytes()), scratch, [&](const Record& record) {
      timestamp = record.timestamp_ms;
      return record.offset < offset;
    });
  }
  co_return timestamp;
}

awaitable<void> find(Log& log, const std::string& topic, int64_t timestamp,
                     ListOffsetsResponse::Topic::Partition& found) {
  const Bounds bounds = co_await log.bounds(topic, found.index);
  found.leader_epoch = kLeaderEpoch;
  if (timestamp == kLatest || timestamp == kEarliest) {
    found.offset = timestamp == kLatest ? bounds.end.value : bounds.start.value;
    co_return;
  }
  if (timestamp < 0) {
    found.error_code = static_cast<int16_t>(timestamp == kMaxTimestamp ? ErrorCode::kUnsupportedForMessageFormat
                                                                       : ErrorCode::kInvalidRequest);
    co_return;
  }
  const std::optional<Offset> offset = co_await log.offset_at(topic, found.index, timestamp);
  if (!offset) co_return;
  found.offset = offset->value;
  found.timestamp = co_await timestamp_at(log, topic, found.index, *offset);
}

}  // namespace

awaitable<void> answer_list_offsets(Call& call) {
  const auto request = call.read<ListOffsetsRequest>();
  ListOffsetsResponse response;
  Log& log = call.broker.log;
  co_await answer_each_partition(
      request, response,
      [&](const std::string& topic, const auto& asked, auto& found) {
        return find(log, topic, asked.timestamp, found);
      },
      code_of);
  call.write(response);
}

awaitable<void> answer_offset_for_leader_epoch(Call& call) {
  const auto request = call.read<OffsetForLeaderEpochRequest>();
  OffsetForLeaderEpochResponse response;
  Log& log = call.broker.log;
  co_await answer_each_partition(
      request, response,
      [&](const std::string& topic, const auto& asked, auto& found) -> awaitable<void> {
        const Bounds bounds = co_await log.bounds(topic, asked.index);
        if (asked.leader_epoch != kLeaderEpoch) co_return;  // not known: -1 and -1
        found.leader_epoch = kLeaderEpoch;
        found.end_offset = bounds.end.value;
      },
      code_of);
  call.write(response);
}

}  // namespace headrace::kafka
