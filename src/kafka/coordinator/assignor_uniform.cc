// The uniform assignor. First everybody keeps what he may keep. What nobody has goes to whoever has least; topics that
// few can take come first. Then, class by class, partitions move from who has most to who has least until nobody who
// has one has two more than somebody who could take it. Moves in one class may give work to another: it goes round
// until there is none. Every move lowers the sum of the squared loads by two at least, so it ends.
#include <algorithm>
#include <set>

#include "kafka/coordinator/assignor.h"

namespace headrace {
namespace {

// Chains of members that overlap two by two level themselves slowly: beyond this the rest stays a little uneven.
constexpr int kRoundsMax = 100;

struct Partition {
  uint32_t topic;  // its place in the task's
  PartitionId partition;
};
using Owned = std::vector<std::vector<Partition>>;  // by member

class Uniform {
 public:
  explicit Uniform(const AssignmentTask& task)
      : task_(task), classes_(classes_of(task)), loads_(task.members.size()), owned_(classes_.size()) {
    std::ranges::sort(classes_, {},
                      [](const TopicClass& each) { return std::pair(each.members.size(), each.topics.front()); });
    for (size_t index = 0; index < classes_.size(); ++index) owned_[index].resize(classes_[index].members.size());
  }

  Assignments assign() {
    std::vector<std::vector<Partition>> free;
    free.reserve(classes_.size());
    for (size_t index = 0; index < classes_.size(); ++index) free.push_back(keep(index));
    for (size_t index = 0; index < classes_.size(); ++index) share_out(index, free[index]);
    for (int round = 0; round < kRoundsMax; ++round) {
      bool moved = false;
      for (size_t index = 0; index < classes_.size(); ++index) moved |= level(index);
      if (!moved) break;
    }
    return result();
  }

 private:
  size_t& load(size_t index, size_t place) { return loads_[classes_[index].members[place]]; }

  // Returns what nobody has.
  std::vector<Partition> keep(size_t index) {
    const TopicClass& topics = classes_[index];
    std::vector<Partition> free;
    for (const uint32_t topic : topics.topics) {
      const auto partitions = static_cast<size_t>(task_.topics[topic].partitions);
      std::vector<bool> kept(partitions);
      for (size_t place = 0; place < topics.members.size(); ++place) {
        const PartitionSet& before = *task_.members[topics.members[place]].before;
        const auto found = before.find(task_.topics[topic].id);
        if (found == before.end()) continue;
        for (const PartitionId partition : found->second) {
          if (partition < 0 || static_cast<size_t>(partition) >= partitions) continue;
          if (kept[static_cast<size_t>(partition)]) continue;
          kept[static_cast<size_t>(partition)] = true;
          give(index, place, {topic, partition});
        }
      }
      for (size_t partition = 0; partition < partitions; ++partition)
        if (!kept[partition]) free.push_back({topic, static_cast<PartitionId>(partition)});
    }
    return free;
  }

  void give(size_t index, size_t place, Partition partition) {
    owned_[index][place].push_back(partition);
    ++load(index, place);
  }

  void share_out(size_t index, const std::vector<Partition>& partitions) {
    if (partitions.empty() || classes_[index].members.empty()) return;
    std::set<std::pair<size_t, size_t>> by_load;  // and place
    for (size_t place = 0; place < owned_[index].size(); ++place) by_load.emplace(load(index, place), place);
    for (const Partition& partition : partitions) {
      auto least = by_load.extract(by_load.begin());
      give(index, least.value().second, partition);
      ++least.value().first;
      by_load.insert(std::move(least));
    }
  }

  bool level(size_t index) {
    auto& owned = owned_[index];
    std::set<std::pair<size_t, size_t>> takers;
    std::set<std::pair<size_t, size_t>> givers;  // those who have something to give
    for (size_t place = 0; place < owned.size(); ++place) {
      takers.emplace(load(index, place), place);
      if (!owned[place].empty()) givers.emplace(load(index, place), place);
    }
    bool moved = false;
    while (!givers.empty()) {
      const auto [most, giver] = *givers.rbegin();
      const auto [least, taker] = *takers.begin();
      if (most < least + 2) break;
      for (const size_t place : {giver, taker}) {
        takers.erase({load(index, place), place});
        givers.erase({load(index, place), place});
      }
      const Partition partition = owned[giver].back();
      owned[giver].pop_back();
      --load(index, giver);
      give(index, taker, partition);
      for (const size_t place : {giver, taker}) {
        takers.emplace(load(index, place), place);
        if (!owned[place].empty()) givers.emplace(load(index, place), place);
      }
      moved = true;
    }
    return moved;
  }

  Assignments result() const {
    Assignments assignments(task_.members.size());
    for (size_t index = 0; index < classes_.size(); ++index)
      for (size_t place = 0; place < owned_[index].size(); ++place)
        for (const Partition& each : owned_[index][place])
          assignments[classes_[index].members[place]][task_.topics[each.topic].id].push_back(each.partition);
    for (PartitionSet& assignment : assignments) normalize(assignment);
    return assignments;
  }

  const AssignmentTask& task_;
  std::vector<TopicClass> classes_;
  std::vector<size_t> loads_;  // by member
  std::vector<Owned> owned_;   // by class, and place in its members
};

}  // namespace

Assignments assign_uniformly(const AssignmentTask& task) {
  return Uniform(task).assign();
}

}  // namespace headrace
