// What the group coordinator keeps on `_groups`: keys and values of its records, in an encoding of our own
// (docs/formats.md, "Consumer groups"). A record without a value removes what its key names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/coordinator/group_calls.h"

namespace headrace {

struct CommittedOffset {
  int64_t offset = -1;
  int32_t leader_epoch = -1;
  std::string metadata;
  int64_t committed_ms = 0;
  int64_t expires_ms = -1;  // -1: as the server's retention has it
  TopicId topic = {};       // all zeros: there was no such topic

  bool operator==(const CommittedOffset&) const = default;
};

// The lasting part of a member.
struct MemberRecord {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  milliseconds session_timeout{};
  milliseconds rebalance_timeout{};
  std::vector<MemberProtocol> protocols;
  std::string assignment;

  size_t bytes() const;  // roughly, in memory
  bool operator==(const MemberRecord&) const = default;
};

// A group when it became stable or empty.
struct GroupRecord {
  int32_t generation = 0;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::string leader;
  int64_t since_ms = 0;
  std::vector<MemberRecord> members;

  bool operator==(const GroupRecord&) const = default;
};

// The last two are of the consumer type: consumer_record.h.
enum class GroupRecordKind : uint8_t { kGroup = 1, kOffset = 2, kConsumerGroup = 3, kConsumerMember = 4 };

struct GroupRecordKey {
  GroupRecordKind kind = GroupRecordKind::kGroup;
  std::string group;
  std::string topic = {};  // of an offset
  PartitionId partition = 0;
  std::string member = {};  // of a consumer group

  bool operator==(const GroupRecordKey&) const = default;
};

std::string encode(const GroupRecordKey& key);
std::string encode(const GroupRecord& record);
std::string encode(const CommittedOffset& record);
// Throw Error(kCorrupt).
GroupRecordKey decode_group_record_key(std::string_view bytes);
GroupRecord decode_group_record(std::string_view bytes);
CommittedOffset decode_committed_offset(std::string_view bytes);

}  // namespace headrace
