#include "kafka/coordinator/partition_set.h"

#include <algorithm>

namespace headrace {
namespace {

using Partitions = std::vector<PartitionId>;

// Applies an algorithm of the standard library for sorted ranges to the topics of `left`; `right` may lack them.
template <typename Combine>
PartitionSet combined(const PartitionSet& left, const PartitionSet& right, Combine combine) {
  static const Partitions none;
  PartitionSet result;
  for (const auto& [topic, partitions] : left) {
    const auto other = right.find(topic);
    Partitions some;
    combine(partitions, other == right.end() ? none : other->second, std::back_inserter(some));
    if (!some.empty()) result.emplace(topic, std::move(some));
  }
  return result;
}

}  // namespace

size_t count(const PartitionSet& set) {
  size_t count = 0;
  for (const auto& [topic, partitions] : set) count += partitions.size();
  return count;
}

bool is_subset(const PartitionSet& part, const PartitionSet& whole) {
  return std::ranges::all_of(part, [&](const auto& each) {
    const auto found = whole.find(each.first);
    return found != whole.end() && std::ranges::includes(found->second, each.second);
  });
}

bool intersects(const PartitionSet& left, const PartitionSet& right) {
  return !intersection(left, right).empty();
}

PartitionSet intersection(const PartitionSet& left, const PartitionSet& right) {
  return combined(left, right, std::ranges::set_intersection);
}

PartitionSet difference(const PartitionSet& from, const PartitionSet& without) {
  return combined(from, without, std::ranges::set_difference);
}

void add(PartitionSet& to, const PartitionSet& more) {
  for (const auto& [topic, partitions] : more) {
    Partitions& there = to[topic];
    Partitions all;
    std::ranges::set_union(there, partitions, std::back_inserter(all));
    there = std::move(all);
  }
}

void normalize(PartitionSet& set) {
  for (auto& [topic, partitions] : set) {
    std::ranges::sort(partitions);
    const auto repeated = std::ranges::unique(partitions);
    partitions.erase(repeated.begin(), repeated.end());
  }
  std::erase_if(set, [](const auto& each) { return each.second.empty(); });
}

size_t bytes_of(const PartitionSet& set) {
  constexpr size_t kNodeBytes = 96;  // of a map, with its vector
  size_t bytes = 0;
  for (const auto& [topic, partitions] : set) bytes += kNodeBytes + partitions.size() * sizeof(PartitionId);
  return bytes;
}

}  // namespace headrace
