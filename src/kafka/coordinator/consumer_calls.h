// What members of groups of the consumer type (KIP-848) ask the coordinator and what it answers, without the wire
// format. In a heartbeat, nullopt says that nothing has changed since the last one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kafka/coordinator/group_calls.h"
#include "kafka/coordinator/partition_set.h"

namespace headrace {

inline constexpr int32_t kJoinEpoch = 0;
inline constexpr int32_t kLeaveEpoch = -1;
inline constexpr int32_t kLeaveForAWhileEpoch = -2;  // a static member that will be back within its session

struct ConsumerHeartbeatRequest {
  std::string group;
  std::string member_id;
  int32_t member_epoch = kJoinEpoch;
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  std::optional<milliseconds> rebalance_timeout;
  std::optional<std::vector<std::string>> topics;
  std::optional<std::string> pattern;  // of topic names, in RE2's syntax
  std::optional<std::string> assignor;
  std::optional<PartitionSet> owned;
  bool brings_its_id = false;  // v1 and later
};

struct ConsumerHeartbeatResult {
  ErrorCode error = ErrorCode::kNone;
  std::string message;  // with an error
  std::string member_id;
  int32_t member_epoch = 0;
  milliseconds interval{};                 // to the next heartbeat
  std::optional<PartitionSet> assignment;  // nullopt: as before
};

struct DescribedConsumer {
  std::string id;
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  int32_t epoch = 0;
  std::vector<std::string> topics;
  std::string pattern;
  PartitionSet assigned;
  PartitionSet target;
};

struct DescribedConsumerGroup {
  ErrorCode error = ErrorCode::kNone;
  std::string message;  // with an error
  std::string group;
  GroupState state = GroupState::kDead;
  int32_t epoch = 0;  // of the group, and of its target assignment
  std::string assignor;
  std::vector<DescribedConsumer> members;
};

}  // namespace headrace
