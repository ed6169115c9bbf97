// Who shall have which partitions, and how members get there one by one.
#include <algorithm>

#include "fmt/format.h"
#include "kafka/coordinator/consumer_group.h"

namespace headrace {

// What most members ask for; of equally many, the one that stands first.
const Assignor& ConsumerGroup::preferred_assignor(const std::vector<Subscriber>& subscribers) {
  return *std::ranges::max_element(assignors(), {}, [&](const Assignor& assignor) {
    return std::ranges::count(subscribers, assignor.name,
                              [](const Subscriber& each) -> std::string_view { return each.about->assignor; });
  });
}

// The targets for the members as they are after the change.
ConsumerGroup::Plan ConsumerGroup::plan(const Change& change) {
  std::vector<Subscriber> all;
  for (const Subscriber& each : subscribers())
    if (each.record != change.member && each.record != change.replaced) all.push_back(each);
  if (change.about != nullptr) all.push_back({change.member, change.about});

  const std::shared_ptr<const TopicTable> table = services_.log.topic_table();
  const AssignmentTask task = assignment_task(all, *table);
  Plan plan;
  plan.table = table;
  size_t partitions = 0;
  for (const AssignmentTask::Topic& topic : task.topics) {
    plan.topics.emplace(topic.id, topic.partitions);
    partitions += static_cast<size_t>(topic.partitions);
  }
  const size_t partitions_max = services_.options.partitions_max;
  if (partitions > partitions_max) {
    plan.refusal = fmt::format("the group would subscribe to {} partitions, of at most {}: subscribe to fewer topics",
                               partitions, partitions_max);
    return plan;
  }
  Assignments assignments = preferred_assignor(all).assign(task);
  size_t bytes = 0;
  size_t bytes_before = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    bytes += bytes_of(assignments[i]);
    bytes_before += bytes_of(all[i].record->target);
    plan.targets.emplace(all[i].record->id, std::move(assignments[i]));
  }
  if (bytes > bytes_before && !services_.memory.has_room(bytes - bytes_before))
    plan.refusal = "there is no memory left for consumer groups";
  return plan;
}

// Whether topics are not what they were when the target was computed. A look costs a little, so that heartbeats look
// from time to time only.
bool ConsumerGroup::topics_have_changed() {
  if (now() < looked_ + services_.options.topics_interval) return false;
  looked_ = now();
  const std::shared_ptr<const TopicTable> table = services_.log.topic_table();
  if (table_.lock() == table) return false;
  table_ = table;
  std::map<TopicId, PartitionId> topics;
  for (const AssignmentTask::Topic& topic : assignment_task(subscribers(), *table).topics)
    topics.emplace(topic.id, topic.partitions);
  return topics != topics_;
}

void ConsumerGroup::take_over(Plan plan) {
  ++epoch_;
  services_.metrics.of(GroupType::kConsumer).rebalances->add();
  group_unwritten_ = true;
  topics_ = std::move(plan.topics);
  table_ = std::move(plan.table);
  looked_ = now();
  for (auto& [id, target] : plan.targets) {
    Member& member = members_.at(id);
    if (member.target == target) continue;
    member.target = std::move(target);
    member.target_epoch = epoch_;
    recharge(member);
    mark(id);
  }
  show();
}

void ConsumerGroup::reconcile(Member& member, const std::optional<PartitionSet>& owned) {
  switch (member.state) {
    case ConsumerState::kStable:
      if (member.epoch != epoch_) step(member, member.epoch, owned);
      break;
    case ConsumerState::kRevoking:
      if (!owned || intersects(*owned, member.revoking)) return;
      release(member.revoking);
      step(member, std::min(member.epoch + 1, epoch_), owned);
      break;
    case ConsumerState::kWaiting: step(member, member.epoch, owned); break;
  }
}

// One step towards the target. `epoch` is the member's until it has given up what is not its any more.
void ConsumerGroup::step(Member& member, int32_t epoch, const std::optional<PartitionSet>& owned) {
  PartitionSet kept = intersection(member.assigned, member.target);
  PartitionSet lost = difference(member.assigned, member.target);
  const auto go_to = [&member](int32_t next) {
    if (member.epoch == next) return;
    member.previous_epoch = std::exchange(member.epoch, next);
  };
  if (!lost.empty() && (!owned || intersects(*owned, lost))) {
    go_to(epoch);
    member.state = ConsumerState::kRevoking;
    member.revoking = std::move(lost);
    member.assigned = std::move(kept);
    await_revocation(member);
  } else {
    release(lost);
    const PartitionSet missing = difference(member.target, kept);
    const PartitionSet free = free_of(missing);
    hold(free);
    const ConsumerState state = free == missing ? ConsumerState::kStable : ConsumerState::kWaiting;
    if (member.epoch == epoch_ && member.state == state && free.empty() && kept == member.assigned) return;
    go_to(epoch_);
    member.state = state;
    member.revoke_deadline = SteadyTime::max();
    member.assigned = std::move(kept);
    add(member.assigned, free);
  }
  recharge(member);
  mark(member.id);
  show();
}

void ConsumerGroup::hold(const PartitionSet& partitions) {
  for (const auto& [topic, numbers] : partitions) {
    std::vector<bool>& held = held_[topic];
    if (held.size() <= static_cast<size_t>(numbers.back())) held.resize(static_cast<size_t>(numbers.back()) + 1);
    for (const PartitionId number : numbers) held[static_cast<size_t>(number)] = true;
  }
}

void ConsumerGroup::release(PartitionSet& partitions) {
  for (const auto& [topic, numbers] : partitions) {
    const auto held = held_.find(topic);
    for (const PartitionId number : numbers) held->second[static_cast<size_t>(number)] = false;
    if (std::ranges::find(held->second, true) == held->second.end()) held_.erase(held);
  }
  partitions.clear();
}

PartitionSet ConsumerGroup::free_of(const PartitionSet& partitions) const {
  PartitionSet free = partitions;
  for (auto& [topic, numbers] : free) {
    const auto held = held_.find(topic);
    if (held == held_.end()) continue;
    std::erase_if(numbers, [&](PartitionId number) {
      return static_cast<size_t>(number) < held->second.size() && held->second[static_cast<size_t>(number)];
    });
  }
  std::erase_if(free, [](const auto& each) { return each.second.empty(); });
  return free;
}

}  // namespace headrace
