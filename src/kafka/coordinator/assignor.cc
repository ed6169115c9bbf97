#include "kafka/coordinator/assignor.h"

#include <algorithm>
#include <array>
#include <map>

namespace headrace {

std::vector<TopicClass> classes_of(const AssignmentTask& task) {
  std::vector<std::vector<uint32_t>> subscribers(task.topics.size());  // places in `subscriptions`
  for (uint32_t place = 0; place < task.subscriptions.size(); ++place)
    for (const uint32_t topic : task.subscriptions[place]) subscribers[topic].push_back(place);
  std::map<std::vector<uint32_t>, std::vector<uint32_t>> topics_by_subscribers;
  for (uint32_t topic = 0; topic < task.topics.size(); ++topic)
    topics_by_subscribers[std::move(subscribers[topic])].push_back(topic);

  std::vector<std::vector<uint32_t>> members(task.subscriptions.size());
  for (uint32_t member = 0; member < task.members.size(); ++member)
    members[task.members[member].subscription].push_back(member);
  std::vector<TopicClass> classes;
  for (auto& [subscriptions, topics] : topics_by_subscribers) {
    TopicClass& each = classes.emplace_back();
    each.topics = std::move(topics);
    for (const uint32_t subscription : subscriptions)
      each.members.insert(each.members.end(), members[subscription].begin(), members[subscription].end());
    std::ranges::sort(each.members);
  }
  return classes;
}

std::span<const Assignor> assignors() {
  static constexpr auto kAssignors = std::to_array<Assignor>({{"uniform", assign_uniformly}, {"range", assign_ranges}});
  return kAssignors;
}

const Assignor* find_assignor(std::string_view name) {
  const auto found = std::ranges::find(assignors(), name, &Assignor::name);
  return found == assignors().end() ? nullptr : &*found;
}

}  // namespace headrace
