#include "kafka/coordinator/group_metrics.h"

#include <string>

namespace headrace {

std::string_view name(GroupType type) {
  return type == GroupType::kClassic ? "classic" : "consumer";
}

GroupMetrics GroupMetrics::of_shard(Metrics& metrics, size_t shard) {
  using enum GroupState;
  const std::string number = std::to_string(shard);
  GroupMetrics result;
  const auto add = [&](GroupType type, std::initializer_list<GroupState> states) {
    const Labels labels{{"shard", number}, {"type", std::string(name(type))}};
    OfType& of = result.of(type);
    for (const GroupState state : states) {
      Labels with_state = labels;
      with_state.emplace_back("state", name(state));
      of.groups[static_cast<size_t>(state)] =
          metrics.gauge("headrace_kafka_groups", "Consumer groups, by type and state.", std::move(with_state));
    }
    of.members = metrics.gauge("headrace_kafka_group_members", "Members of consumer groups.", labels);
    of.rebalances = metrics.counter("headrace_kafka_group_rebalances_total",
                                    "New generations of classic groups and new assignments of the others.", labels);
  };
  add(GroupType::kClassic, {kEmpty, kPreparingRebalance, kCompletingRebalance, kStable});
  add(GroupType::kConsumer, {kEmpty, kStable, kReconciling});
  result.committed_offsets = metrics.counter("headrace_kafka_committed_offsets_total",
                                             "Offsets committed by consumers, of partitions.", {{"shard", number}});
  return result;
}

void ShownGroup::show(GroupState state, size_t members) {
  Gauge* const fresh = metrics_.groups[static_cast<size_t>(state)].get();
  if (state_ != fresh) {
    if (state_ != nullptr) state_->add(-1);
    if (fresh != nullptr) fresh->add(1);
    state_ = fresh;
  }
  const auto now = static_cast<int64_t>(members);
  if (now != members_) metrics_.members->add(now - members_);
  members_ = now;
}

void ShownGroup::hide() {
  if (state_ != nullptr) state_->add(-1);
  state_ = nullptr;
  if (members_ != 0) metrics_.members->add(-members_);
  members_ = 0;
}

}  // namespace headrace
