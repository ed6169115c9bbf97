// What the group coordinator is asked and what it answers, without the wire format. Field by field these are the
// requests of the Kafka protocol; where versions differ, the caller says which behaviour the client's version has.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kafka/error_code.h"
#include "log/log.h"

namespace headrace {

using std::chrono::milliseconds;

inline constexpr int32_t kNoGeneration = -1;

enum class GroupState : uint8_t {
  kEmpty,                // no members; it may have offsets
  kPreparingRebalance,   // waits for the members to join
  kCompletingRebalance,  // waits for the leader's assignment
  kStable,
  kReconciling,  // of the consumer type: some member is not yet where the target has it
  kDead,         // being deleted, or not there
};
inline constexpr size_t kGroupStates = 6;
// As Kafka spells it: "Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Reconciling", "Dead".
std::string_view name(GroupState state);

enum class GroupType : uint8_t {
  kClassic,   // JoinGroup, SyncGroup; the members' leader assigns. Also a group that has offsets only.
  kConsumer,  // ConsumerGroupHeartbeat; the server assigns (KIP-848)
};
inline constexpr size_t kGroupTypes = 2;
// "classic", "consumer".
std::string_view name(GroupType type);

// A way to assign partitions that a member offers, and what it tells the leader in it. The bytes are the clients'
// affair.
struct MemberProtocol {
  std::string name;
  std::string metadata;

  bool operator==(const MemberProtocol&) const = default;
};

struct JoinRequest {
  std::string group;
  std::string member_id;  // empty: a new member
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  milliseconds session_timeout{};
  milliseconds rebalance_timeout{};  // before v1 clients have none: pass their session timeout
  std::string protocol_type;
  std::vector<MemberProtocol> protocols;  // the best first
  std::string reason;
  bool member_id_required = false;   // v4 and later: a new member is told its id and joins again with it
  bool can_skip_assignment = false;  // v9 and later
};

struct JoinedMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string metadata;
};

struct JoinResult {
  ErrorCode error = ErrorCode::kNone;
  int32_t generation = kNoGeneration;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::string leader;
  bool skip_assignment = false;
  std::string member_id;
  std::vector<JoinedMember> members;  // for the leader only
};

struct MemberAssignment {
  std::string member_id;
  std::string assignment;
};

struct SyncRequest {
  std::string group;
  int32_t generation = kNoGeneration;
  std::string member_id;
  std::optional<std::string> instance_id;
  std::optional<std::string> protocol_type;  // v5 and later; must be the group's then
  std::optional<std::string> protocol;
  std::vector<MemberAssignment> assignments;  // from the leader
};

struct SyncResult {
  ErrorCode error = ErrorCode::kNone;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::string assignment;
};

struct HeartbeatRequest {
  std::string group;
  int32_t generation = kNoGeneration;
  std::string member_id;
  std::optional<std::string> instance_id;
};

struct LeavingMember {
  std::string member_id;  // may be empty when instance_id is given
  std::optional<std::string> instance_id;
  std::string reason;
};

struct LeaveRequest {
  std::string group;
  std::vector<LeavingMember> members;  // before v3: the one
};

struct LeaveResult {
  ErrorCode error = ErrorCode::kNone;  // of the request as a whole
  struct Member {
    std::string member_id;
    std::optional<std::string> instance_id;
    ErrorCode error = ErrorCode::kNone;  // before v3: the answer's error
  };
  std::vector<Member> members;  // as in the request
};

struct CommitPartition {
  PartitionId partition = 0;
  int64_t offset = 0;
  int32_t leader_epoch = -1;
  std::string metadata;
};

struct CommitTopic {
  std::string topic;
  std::vector<CommitPartition> partitions;
};

struct CommitRequest {
  std::string group;
  int32_t generation = kNoGeneration;  // -1: not as a member ("simple" consumers and tools)
  std::string member_id;
  std::optional<std::string> instance_id;
  int64_t retention_ms = -1;  // v2 to v4; -1: the server's
  bool knows_epochs = true;   // v9 and later: the generation may be a member's epoch
  std::vector<CommitTopic> topics;
};

struct PartitionError {
  PartitionId partition = 0;
  ErrorCode error = ErrorCode::kNone;
};

struct TopicErrors {
  std::string topic;
  std::vector<PartitionError> partitions;
};

struct TopicPartitions {
  std::string topic;
  std::vector<PartitionId> partitions;
};

struct FetchOffsetsRequest {
  std::string group;
  std::optional<std::string> member_id;  // v9 and later, from members of a group of the consumer type
  int32_t member_epoch = -1;
  std::optional<std::vector<TopicPartitions>> topics;  // nullopt: all that have an offset
};

struct PartitionOffset {
  PartitionId partition = 0;
  int64_t offset = -1;  // none
  int32_t leader_epoch = -1;
  std::string metadata;
};

struct TopicOffsets {
  std::string topic;
  std::vector<PartitionOffset> partitions;
};

struct FetchOffsetsResult {
  ErrorCode error = ErrorCode::kNone;
  std::vector<TopicOffsets> topics;
};

struct DeleteOffsetsRequest {
  std::string group;
  std::vector<TopicPartitions> topics;
};

struct DeleteOffsetsResult {
  ErrorCode error = ErrorCode::kNone;  // then there are no topics
  std::vector<TopicErrors> topics;
};

struct DescribedMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::string metadata;    // of the protocol chosen; empty unless the group is stable
  std::string assignment;  // likewise
};

struct DescribedGroup {
  ErrorCode error = ErrorCode::kNone;
  std::string group;
  bool found = false;  // if not: state Dead and no error before v6, GROUP_ID_NOT_FOUND from v6 on
  GroupState state = GroupState::kDead;
  std::string protocol_type;
  std::string protocol;  // empty unless the group is stable
  std::vector<DescribedMember> members;
};

struct ListGroupsRequest {
  std::vector<std::string> states;  // as spelled by name(), in any case; empty: all
  std::vector<std::string> types;   // "classic", "consumer", in any case; empty: all
};

struct ListedGroup {
  std::string group;
  std::string protocol_type;  // empty: has offsets only
  GroupState state = GroupState::kEmpty;
  GroupType type = GroupType::kClassic;
};

struct ListGroupsResult {
  ErrorCode error = ErrorCode::kNone;
  std::vector<ListedGroup> groups;  // by name
};

struct DeletedGroup {
  std::string group;
  ErrorCode error = ErrorCode::kNone;
};

}  // namespace headrace
