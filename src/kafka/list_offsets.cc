// Offsets by time, and the ends of leader epochs, of which there is one.
#include "kafka/messages/list_offsets.h"
#include "kafka/apis.h"
#include "kafka/messages/offset_for_leader_epoch.h"
#include "log/record_batch.h"

namespace headrace::kafka {
namespace {

constexpr int64_t kLatest = -1;
constexpr int64_t kEarliest = -2;
constexpr int64_t kMaxTimestamp = -3;
constexpr size_t kReadBytes = 64 * 1024;

int16_t error_of(const Error& error) {
  if (error.code() == Code::kNotFound) return static_cast<int16_t>(ErrorCode::kUnknownTopicOrPartition);
  return info(error.code()).kafka_code;
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
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& found = answered.partitions.emplace_back();
      found.index = partition.index;
      try {
        co_await find(call.broker.log, answered.name, partition.timestamp, found);
      } catch (const Error& error) {
        found.error_code = error_of(error);
      }
    }
  }
  call.write(response);
}

awaitable<void> answer_offset_for_leader_epoch(Call& call) {
  const auto request = call.read<OffsetForLeaderEpochRequest>();
  OffsetForLeaderEpochResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& found = answered.partitions.emplace_back();
      found.index = partition.index;
      try {
        const Bounds bounds = co_await call.broker.log.bounds(answered.name, partition.index);
        if (partition.leader_epoch != kLeaderEpoch) continue;  // not known: -1 and -1
        found.leader_epoch = kLeaderEpoch;
        found.end_offset = bounds.end.value;
      } catch (const Error& error) {
        found.error_code = error_of(error);
      }
    }
  }
  call.write(response);
}

}  // namespace headrace::kafka
