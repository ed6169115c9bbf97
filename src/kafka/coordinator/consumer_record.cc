#include "kafka/coordinator/consumer_record.h"

#include "kafka/coordinator/consumer_calls.h"
#include "kafka/coordinator/record_fields.h"

namespace headrace {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kTopicIdBytes = 16;

// Of each topic its partitions, as the distance of each from the one before it.
void put_partitions(Writer& writer, const PartitionSet& set) {
  writer.varint(static_cast<int64_t>(set.size()));
  for (const auto& [topic, partitions] : set) {
    writer.big_endian(topic.high);
    writer.big_endian(topic.low);
    writer.varint(static_cast<int64_t>(partitions.size()));
    PartitionId last = -1;
    for (const PartitionId partition : partitions) {
      writer.varint(partition - last);
      last = partition;
    }
  }
}

PartitionSet take_partitions(Reader& reader) {
  PartitionSet set;
  for (size_t topics = reader.length(); topics > 0; --topics) {
    if (reader.remaining() < kTopicIdBytes) reader.fail("the input ends too early");
    TopicId topic;
    topic.high = reader.big_endian<uint64_t>();
    topic.low = reader.big_endian<uint64_t>();
    std::vector<PartitionId> partitions(reader.length());
    if (partitions.empty()) reader.fail("a topic has no partitions");
    int64_t last = -1;
    for (PartitionId& partition : partitions) {
      const int64_t distance = reader.varint();
      if (distance < 1 || distance > kPartitionsMax - 1 - last) reader.fail("partitions are not in order");
      last += distance;
      partition = static_cast<PartitionId>(last);
    }
    if (!set.emplace(topic, std::move(partitions)).second) reader.fail("a topic is there twice");
  }
  return set;
}

ConsumerState take_state(Reader& reader) {
  const uint8_t state = reader.byte();
  if (state > static_cast<uint8_t>(ConsumerState::kWaiting)) reader.fail("a member is in no known state");
  return static_cast<ConsumerState>(state);
}

int32_t take_epoch(Reader& reader, int32_t least) {
  const int32_t epoch = take_int(reader);
  if (epoch < least || epoch == std::numeric_limits<int32_t>::max()) reader.fail("an epoch is out of its range");
  return epoch;
}

size_t text_bytes(const std::optional<std::string>& text) {
  return text ? text->size() : 0;
}

}  // namespace

size_t ConsumerDescription::bytes() const {
  size_t bytes = text_bytes(instance_id) * 2 + text_bytes(rack_id) + client_id.size() + client_host.size() +
                 assignor.size() + pattern.size();
  for (const std::string& topic : topics) bytes += sizeof(std::string) + topic.size();
  return bytes;
}

size_t ConsumerRecord::bytes() const {
  return sizeof(ConsumerRecord) + id.size() * 2 + about.bytes() + headrace::bytes_of(assigned) +
         headrace::bytes_of(revoking) + headrace::bytes_of(target);
}

std::string encode(const ConsumerRecord& record) {
  std::string out;
  Writer writer(out);
  writer.byte(kVersion);
  put_optional(writer, record.about.instance_id);
  put_optional(writer, record.about.rack_id);
  put_text(writer, record.about.client_id);
  put_text(writer, record.about.client_host);
  writer.varint(record.about.rebalance_timeout.count());
  put_text(writer, record.about.assignor);
  writer.varint(static_cast<int64_t>(record.about.topics.size()));
  for (const std::string& topic : record.about.topics) put_text(writer, topic);
  put_text(writer, record.about.pattern);
  writer.byte(static_cast<uint8_t>(record.state));
  writer.varint(record.epoch);
  writer.varint(record.previous_epoch);
  writer.varint(record.target_epoch);
  put_partitions(writer, record.assigned);
  put_partitions(writer, record.revoking);
  put_partitions(writer, record.target);
  return out;
}

std::string encode(const ConsumerGroupRecord& record) {
  std::string out;
  Writer writer(out);
  writer.byte(kVersion);
  writer.varint(record.epoch);
  writer.varint(record.members);
  writer.varint(record.since_ms);
  return out;
}

ConsumerRecord decode_consumer_record(std::string id, std::string_view bytes) {
  Reader reader = versioned(bytes, kVersion);
  ConsumerRecord record;
  record.id = std::move(id);
  record.about.instance_id = take_optional(reader);
  record.about.rack_id = take_optional(reader);
  record.about.client_id = take_text(reader);
  record.about.client_host = take_text(reader);
  record.about.rebalance_timeout = milliseconds(take_int(reader));
  record.about.assignor = take_text(reader);
  for (size_t left = reader.length(); left > 0; --left) record.about.topics.push_back(take_text(reader));
  record.about.pattern = take_text(reader);
  record.state = take_state(reader);
  record.epoch = take_epoch(reader, kLeaveForAWhileEpoch);
  record.previous_epoch = take_epoch(reader, kLeaveForAWhileEpoch);
  record.target_epoch = take_epoch(reader, 0);
  record.assigned = take_partitions(reader);
  record.revoking = take_partitions(reader);
  record.target = take_partitions(reader);
  expect_end(reader);
  return record;
}

ConsumerGroupRecord decode_consumer_group_record(std::string_view bytes) {
  Reader reader = versioned(bytes, kVersion);
  ConsumerGroupRecord record;
  record.epoch = take_epoch(reader, 1);
  record.members = reader.varint();
  record.since_ms = reader.varint();
  expect_end(reader);
  return record;
}

}  // namespace headrace
