// What the coordinator keeps on `_groups` of a group of the consumer type: a record of the group, and one of each
// member, in an encoding of our own (docs/formats.md, "Consumer groups").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/coordinator/group_calls.h"
#include "kafka/coordinator/partition_set.h"

namespace headrace {

// What a member says about itself.
struct ConsumerDescription {
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  milliseconds rebalance_timeout{};
  std::string assignor;             // empty: does not care
  std::vector<std::string> topics;  // in order, each once
  std::string pattern;              // empty: none

  size_t bytes() const;  // roughly, in memory
  bool operator==(const ConsumerDescription&) const = default;
};

enum class ConsumerState : uint8_t {
  kStable,    // has what it should have, as of its epoch
  kRevoking,  // was told to give up partitions and has not said yet that it did
  kWaiting,   // gave up what it had to, and waits for partitions that others have not given up yet
};

struct ConsumerRecord {
  std::string id;
  ConsumerDescription about;
  ConsumerState state = ConsumerState::kStable;
  int32_t epoch = 0;
  int32_t previous_epoch = 0;
  int32_t target_epoch = 0;  // the group's epoch when `target` was last changed
  PartitionSet assigned;     // that it may use
  PartitionSet revoking;     // that it was told to give up: nobody else has them yet
  PartitionSet target;       // that it shall have

  size_t bytes() const;
  bool operator==(const ConsumerRecord&) const = default;
};

struct ConsumerGroupRecord {
  int32_t epoch = 0;
  int64_t members = 0;   // how many there are: a write that was cut off in the middle is told by it
  int64_t since_ms = 0;  // when it became empty

  bool operator==(const ConsumerGroupRecord&) const = default;
};

std::string encode(const ConsumerRecord& record);
std::string encode(const ConsumerGroupRecord& record);
// Throw Error(kCorrupt). The id is the key's.
ConsumerRecord decode_consumer_record(std::string id, std::string_view bytes);
ConsumerGroupRecord decode_consumer_group_record(std::string_view bytes);

}  // namespace headrace
