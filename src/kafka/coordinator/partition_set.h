// Partitions of topics, which are named by their ids: what a member of a consumer group has, should have, or is giving
// up. The partitions of a topic are in order and differ; a topic without partitions is not there.
#pragma once

#include <map>
#include <vector>

#include "log/log.h"

namespace headrace {

using PartitionSet = std::map<TopicId, std::vector<PartitionId>>;

size_t count(const PartitionSet& set);
// Whether all of `part` is in `whole`.
bool is_subset(const PartitionSet& part, const PartitionSet& whole);
bool intersects(const PartitionSet& left, const PartitionSet& right);
PartitionSet intersection(const PartitionSet& left, const PartitionSet& right);
PartitionSet difference(const PartitionSet& from, const PartitionSet& without);
void add(PartitionSet& to, const PartitionSet& more);
// Puts partitions in any order, some of them perhaps twice, into the form above.
void normalize(PartitionSet& set);
// What it takes in memory, roughly.
size_t bytes_of(const PartitionSet& set);

}  // namespace headrace
