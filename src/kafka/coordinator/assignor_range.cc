// The range assignor.
#include <algorithm>

#include "kafka/coordinator/assignor.h"

namespace headrace {
namespace {

// Where in a topic a member's partitions began, from 0 to 1, or 2 if it had none: those who come stand behind those
// who are there.
double place_before(const AssignmentTask& task, const TopicClass& topics, const AssignmentTask::Member& member) {
  constexpr double kNowhere = 2;
  double place = kNowhere;
  for (const uint32_t index : topics.topics) {
    const AssignmentTask::Topic& topic = task.topics[index];
    const auto before = member.before->find(topic.id);
    if (before == member.before->end() || topic.partitions == 0) continue;
    place = std::min(place, static_cast<double>(before->second.front()) / topic.partitions);
  }
  return place;
}

std::vector<uint32_t> in_order(const AssignmentTask& task, const TopicClass& topics) {
  std::vector<std::pair<double, uint32_t>> places;
  places.reserve(topics.members.size());
  for (const uint32_t member : topics.members)
    places.emplace_back(place_before(task, topics, task.members[member]), member);
  std::ranges::sort(places, [&](const auto& left, const auto& right) {
    if (left.first != right.first) return left.first < right.first;
    return task.members[left.second].id < task.members[right.second].id;
  });
  std::vector<uint32_t> order;
  order.reserve(places.size());
  for (const auto& [place, member] : places) order.push_back(member);
  return order;
}

}  // namespace

Assignments assign_ranges(const AssignmentTask& task) {
  Assignments assignments(task.members.size());
  for (const TopicClass& each : classes_of(task)) {
    if (each.members.empty()) continue;
    const std::vector<uint32_t> order = in_order(task, each);
    const auto members = static_cast<PartitionId>(order.size());
    for (const uint32_t index : each.topics) {
      const AssignmentTask::Topic& topic = task.topics[index];
      PartitionId partition = 0;
      for (PartitionId i = 0; i < members && partition < topic.partitions; ++i) {
        const PartitionId end = partition + topic.partitions / members + (i < topic.partitions % members ? 1 : 0);
        auto& range = assignments[order[static_cast<size_t>(i)]][topic.id];
        while (partition < end) range.push_back(partition++);
      }
    }
  }
  return assignments;
}

}  // namespace headrace
