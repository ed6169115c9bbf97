// How the server shares out partitions among the members of a consumer group (KIP-848). An assignor is a function of
// who subscribes to what and who should have had what before; it gives every partition of every topic that somebody
// subscribes to to exactly one of those who do.
//
// `uniform` levels the number of partitions: nobody has two more than another member that could take one of them. It
// moves a partition only where that is needed for it.
//
// `range` gives each member consecutive partitions of each topic, and of topics that have the same subscribers and
// equally many partitions the same ones, for those who join topics partition by partition. Members keep their order, so
// that ranges shift as little as consecutive ones can.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/coordinator/partition_set.h"

namespace headrace {

struct AssignmentTask {
  struct Topic {
    TopicId id;
    PartitionId partitions = 0;
  };
  struct Member {
    std::string_view id;         // breaks ties
    size_t subscription = 0;     // its place in `subscriptions`
    const PartitionSet* before;  // its last assignment; may have what is no longer there or no longer wanted
  };
  std::vector<Topic> topics;                         // that somebody subscribes to
  std::vector<std::vector<uint32_t>> subscriptions;  // places in `topics`, ascending; each of them somebody's
  std::vector<Member> members;
};

// By member, in the task's order.
using Assignments = std::vector<PartitionSet>;

Assignments assign_uniformly(const AssignmentTask& task);
Assignments assign_ranges(const AssignmentTask& task);

// Topics that the same members subscribe to, and these members: the unit in which both assignors work. Of a group whose
// members all want the same there is one.
struct TopicClass {
  std::vector<uint32_t> topics;   // places in the task's
  std::vector<uint32_t> members;  // likewise, ascending
};
std::vector<TopicClass> classes_of(const AssignmentTask& task);

struct Assignor {
  std::string_view name;
  Assignments (*assign)(const AssignmentTask& task);
};
// The first is the default.
std::span<const Assignor> assignors();
const Assignor* find_assignor(std::string_view name);

}  // namespace headrace
