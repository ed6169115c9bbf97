// What is counted about consumer groups: groups by type and state, their members, rebalances and commits. One set of
// series per shard, however many groups there are. Belongs to its shard.
#pragma once

#include <array>
#include <memory>

#include "base/metrics.h"
#include "kafka/coordinator/group_calls.h"

namespace headrace {

struct GroupMetrics {
  struct OfType {
    std::array<std::shared_ptr<Gauge>, kGroupStates> groups;  // by state; null where the type has no such state
    std::shared_ptr<Gauge> members;
    std::shared_ptr<Counter> rebalances;
  };
  std::array<OfType, kGroupTypes> types;
  std::shared_ptr<Counter> committed_offsets;

  OfType& of(GroupType type) { return types[static_cast<size_t>(type)]; }

  static GroupMetrics of_shard(Metrics& metrics, size_t shard);
};

// A group's part in the gauges, for as long as it lives.
class ShownGroup {
 public:
  ShownGroup(GroupMetrics& metrics, GroupType type) : metrics_(metrics.of(type)) {}
  ~ShownGroup() { hide(); }
  ShownGroup(const ShownGroup&) = delete;
  ShownGroup& operator=(const ShownGroup&) = delete;

  void show(GroupState state, size_t members);
  void hide();

 private:
  GroupMetrics::OfType& metrics_;
  Gauge* state_ = nullptr;
  int64_t members_ = 0;
};

}  // namespace headrace
