#include "kafka/coordinator/group_record.h"

#include "kafka/coordinator/record_fields.h"

namespace headrace {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kOffsetVersion = 2;  // 1 had no topic's id

MemberRecord take_member(Reader& reader) {
  MemberRecord member;
  member.id = take_text(reader);
  member.instance_id = take_optional(reader);
  member.client_id = take_text(reader);
  member.client_host = take_text(reader);
  member.session_timeout = milliseconds(take_int(reader));
  member.rebalance_timeout = milliseconds(take_int(reader));
  // Each takes two bytes at least, so that what is reserved is bounded by what is there.
  member.protocols.resize(reader.length());
  for (MemberProtocol& protocol : member.protocols) {
    protocol.name = take_text(reader);
    protocol.metadata = take_text(reader);
  }
  member.assignment = take_text(reader);
  return member;
}

}  // namespace

size_t MemberRecord::bytes() const {
  size_t bytes = sizeof(MemberRecord) + id.size() * 2 + client_id.size() + client_host.size() + assignment.size();
  if (instance_id) bytes += instance_id->size() * 2;
  for (const MemberProtocol& protocol : protocols)
    bytes += sizeof(MemberProtocol) + protocol.name.size() + protocol.metadata.size();
  return bytes;
}

std::string encode(const GroupRecordKey& key) {
  std::string out;
  Writer writer(out);
  writer.byte(static_cast<uint8_t>(key.kind));
  put_text(writer, key.group);
  if (key.kind == GroupRecordKind::kOffset) {
    put_text(writer, key.topic);
    writer.varint(key.partition);
  }
  if (key.kind == GroupRecordKind::kConsumerMember) put_text(writer, key.member);
  return out;
}

std::string encode(const GroupRecord& record) {
  std::string out;
  Writer writer(out);
  writer.byte(kVersion);
  writer.varint(record.generation);
  put_optional(writer, record.protocol_type);
  put_optional(writer, record.protocol);
  put_text(writer, record.leader);
  writer.varint(record.since_ms);
  writer.varint(static_cast<int64_t>(record.members.size()));
  for (const MemberRecord& member : record.members) {
    put_text(writer, member.id);
    put_optional(writer, member.instance_id);
    put_text(writer, member.client_id);
    put_text(writer, member.client_host);
    writer.varint(member.session_timeout.count());
    writer.varint(member.rebalance_timeout.count());
    writer.varint(static_cast<int64_t>(member.protocols.size()));
    for (const MemberProtocol& protocol : member.protocols) {
      put_text(writer, protocol.name);
      put_text(writer, protocol.metadata);
    }
    put_text(writer, member.assignment);
  }
  return out;
}

std::string encode(const CommittedOffset& record) {
  std::string out;
  Writer writer(out);
  writer.byte(kOffsetVersion);
  writer.varint(record.offset);
  writer.varint(record.leader_epoch);
  put_text(writer, record.metadata);
  writer.varint(record.committed_ms);
  writer.varint(record.expires_ms);
  writer.big_endian(record.topic.high);
  writer.big_endian(record.topic.low);
  return out;
}

GroupRecordKey decode_group_record_key(std::string_view bytes) {
  Reader reader(bytes);
  GroupRecordKey key;
  const uint8_t kind = reader.byte();
  if (kind < 1 || kind > 4) reader.fail("a key of _groups is of a kind that this program does not know");
  key.kind = static_cast<GroupRecordKind>(kind);
  key.group = take_text(reader);
  if (key.kind == GroupRecordKind::kOffset) {
    key.topic = take_text(reader);
    key.partition = take_int(reader);
  }
  if (key.kind == GroupRecordKind::kConsumerMember) key.member = take_text(reader);
  expect_end(reader);
  return key;
}

GroupRecord decode_group_record(std::string_view bytes) {
  Reader reader = versioned(bytes, kVersion);
  GroupRecord record;
  record.generation = take_int(reader);
  record.protocol_type = take_optional(reader);
  record.protocol = take_optional(reader);
  record.leader = take_text(reader);
  record.since_ms = reader.varint();
  for (size_t left = reader.length(); left > 0; --left) record.members.push_back(take_member(reader));
  expect_end(reader);
  return record;
}

CommittedOffset decode_committed_offset(std::string_view bytes) {
  const bool has_topic = !bytes.empty() && static_cast<uint8_t>(bytes[0]) != kVersion;
  Reader reader = versioned(bytes, has_topic ? kOffsetVersion : kVersion);
  CommittedOffset record;
  record.offset = reader.varint();
  record.leader_epoch = take_int(reader);
  record.metadata = take_text(reader);
  record.committed_ms = reader.varint();
  record.expires_ms = reader.varint();
  if (has_topic) {
    record.topic.high = reader.big_endian<uint64_t>();
    record.topic.low = reader.big_endian<uint64_t>();
  }
  expect_end(reader);
  return record;
}

}  // namespace headrace
