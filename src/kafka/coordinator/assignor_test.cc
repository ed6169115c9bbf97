// What the assignors promise, on random subscriptions: HEADRACE_SEED repeats a run.
#include "kafka/coordinator/assignor.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "base/testing_setting.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

// A group that changes, and its last assignment.
struct Group {
  struct Member {
    std::string id;
    std::vector<uint32_t> topics;
    PartitionSet assigned;
  };
  std::vector<AssignmentTask::Topic> topics;
  std::vector<Member> members;

  AssignmentTask task() const {
    AssignmentTask task;
    std::vector<uint32_t> places(topics.size());  // topics without subscribers are no part of it
    for (uint32_t index = 0; index < topics.size(); ++index) {
      const bool wanted =
          std::ranges::any_of(members, [&](const Member& each) { return std::ranges::count(each.topics, index) > 0; });
      places[index] = static_cast<uint32_t>(task.topics.size());
      if (wanted) task.topics.push_back(topics[index]);
    }
    for (const Member& member : members) {
      std::vector<uint32_t> subscription;
      for (const uint32_t index : member.topics) subscription.push_back(places[index]);
      auto found = std::ranges::find(task.subscriptions, subscription);
      if (found == task.subscriptions.end()) found = task.subscriptions.insert(found, std::move(subscription));
      task.members.push_back({.id = member.id,
                              .subscription = static_cast<size_t>(found - task.subscriptions.begin()),
                              .before = &member.assigned});
    }
    return task;
  }
  void take(Assignments assignments) {
    for (size_t i = 0; i < members.size(); ++i) members[i].assigned = std::move(assignments[i]);
  }
  bool subscribes(const Member& member, const TopicId& topic) const {
    return std::ranges::any_of(member.topics, [&](uint32_t index) { return topics[index].id == topic; });
  }
};

constexpr uint32_t kTopics = 8;

std::vector<uint32_t> random_subscription(Random& random, bool all) {
  std::vector<uint32_t> subscription;
  for (uint32_t topic = 0; topic < kTopics; ++topic)
    if (all || !random.one_in(3)) subscription.push_back(topic);
  return subscription;
}

Group random_group(Random& random, bool all) {
  Group group;
  for (uint32_t topic = 0; topic < kTopics; ++topic)
    group.topics.push_back({{random(), random()}, static_cast<PartitionId>(1 + random.below(20))});
  const uint64_t members = 1 + random.below(12);
  for (uint64_t i = 0; i < members; ++i)
    group.members.push_back({"member " + std::to_string(random()), random_subscription(random, all), {}});
  return group;
}

// Every partition that somebody subscribes to has one owner, who subscribes to it.
void expect_each_once(const Group& group) {
  std::map<std::pair<TopicId, PartitionId>, int> owners;
  for (const auto& member : group.members) {
    for (const auto& [topic, partitions] : member.assigned) {
      EXPECT_TRUE(group.subscribes(member, topic));
      EXPECT_TRUE(std::ranges::is_sorted(partitions));
      for (const PartitionId partition : partitions) ++owners[{topic, partition}];
    }
  }
  size_t expected = 0;
  for (const auto& topic : group.topics) {
    const bool wanted =
        std::ranges::any_of(group.members, [&](const auto& member) { return group.subscribes(member, topic.id); });
    for (PartitionId partition = 0; wanted && partition < topic.partitions; ++partition, ++expected)
      EXPECT_EQ((owners[{topic.id, partition}]), 1);
  }
  EXPECT_EQ(owners.size(), expected);
}

void expect_balanced(const Group& group) {
  for (const auto& rich : group.members) {
    for (const auto& [topic, partitions] : rich.assigned) {
      for (const auto& poor : group.members)
        if (group.subscribes(poor, topic)) EXPECT_LE(count(rich.assigned), count(poor.assigned) + 1);
    }
  }
}

void expect_ranges(const Group& group) {
  for (const auto& topic : group.topics) {
    size_t subscribers = 0;
    std::vector<size_t> sizes;
    for (const auto& member : group.members) {
      if (!group.subscribes(member, topic.id)) continue;
      ++subscribers;
      const auto found = member.assigned.find(topic.id);
      if (found == member.assigned.end()) continue;
      sizes.push_back(found->second.size());
      EXPECT_EQ(static_cast<size_t>(found->second.back() - found->second.front()) + 1, found->second.size());
    }
    if (subscribers == 0) continue;
    const auto partitions = static_cast<size_t>(topic.partitions);
    EXPECT_EQ(sizes.size(), std::min(subscribers, partitions));
    for (const size_t size : sizes) EXPECT_LE(size, (partitions + subscribers - 1) / subscribers);
  }
}

size_t kept(const Group& before, const Group& after) {
  size_t kept = 0;
  for (const auto& old : before.members)
    for (const auto& fresh : after.members)
      if (old.id == fresh.id) kept += count(intersection(old.assigned, fresh.assigned));
  return kept;
}

void change(Group& group, Random& random, bool all) {
  switch (random.below(4)) {
    case 0: {
      const auto place = group.members.begin() + static_cast<ptrdiff_t>(random.below(group.members.size() + 1));
      group.members.insert(place, {"member " + std::to_string(random()), random_subscription(random, all), {}});
      break;
    }
    case 1:
      if (group.members.size() > 1)
        group.members.erase(group.members.begin() + static_cast<ptrdiff_t>(random.below(group.members.size())));
      break;
    case 2: group.topics[random.below(kTopics)].partitions += static_cast<PartitionId>(random.below(5)); break;
    default: group.members[random.below(group.members.size())].topics = random_subscription(random, all); break;
  }
}

class AssignorTest : public testing::Test {
 protected:
  Random random_{test_seed(848)};
};

TEST_F(AssignorTest, UniformIsCompleteBalancedAndSticky) {
  for (int run = 0; run < 200 && !HasFailure(); ++run) {
    const bool all = run % 2 == 0;
    Group group = random_group(random_, all);
    for (int step = 0; step < 20 && !HasFailure(); ++step) {
      group.take(assign_uniformly(group.task()));
      expect_each_once(group);
      expect_balanced(group);
      const Group before = group;
      group.take(assign_uniformly(group.task()));
      for (size_t i = 0; i < group.members.size(); ++i)
        EXPECT_EQ(group.members[i].assigned, before.members[i].assigned) << "it moves without need";
      change(group, random_, all);
    }
  }
}

// When all want the same, exactly as many partitions move as the new quotas ask for.
TEST_F(AssignorTest, UniformMovesAsLittleAsPossible) {
  for (int run = 0; run < 300 && !HasFailure(); ++run) {
    Group group = random_group(random_, true);
    group.take(assign_uniformly(group.task()));
    const Group before = group;
    change(group, random_, true);
    const size_t partitions = std::accumulate(
        group.topics.begin(), group.topics.end(), size_t{0},
        [](size_t sum, const AssignmentTask::Topic& topic) { return sum + static_cast<size_t>(topic.partitions); });
    const size_t quota = partitions / group.members.size();
    size_t larger = partitions % group.members.size();
    size_t possible = 0;
    for (const auto& member : group.members) {
      const size_t had = count(member.assigned);
      const bool one_more = had > quota && larger > 0;
      if (one_more) --larger;
      possible += std::min(had, quota + (one_more ? 1 : 0));
    }
    group.take(assign_uniformly(group.task()));
    EXPECT_EQ(kept(before, group), possible);
  }
}

TEST_F(AssignorTest, RangesAreConsecutiveAndComplete) {
  for (int run = 0; run < 200 && !HasFailure(); ++run) {
    const bool all = run % 2 == 0;
    Group group = random_group(random_, all);
    for (int step = 0; step < 20 && !HasFailure(); ++step) {
      group.take(assign_ranges(group.task()));
      expect_each_once(group);
      expect_ranges(group);
      const Group before = group;
      group.take(assign_ranges(group.task()));
      for (size_t i = 0; i < group.members.size(); ++i)
        EXPECT_EQ(group.members[i].assigned, before.members[i].assigned) << "it moves without need";
      change(group, random_, all);
    }
  }
}

// For those who join two topics partition by partition.
TEST_F(AssignorTest, RangesOfTopicsWithEquallyManyPartitionsAreTheSame) {
  Group group{.topics = {{{1, 1}, 12}, {{2, 2}, 12}}, .members = {{"a", {0, 1}, {}}, {"b", {0, 1}, {}}}};
  for (int step = 0; step < 6; ++step) {
    group.take(assign_ranges(group.task()));
    for (const auto& member : group.members) EXPECT_EQ(member.assigned.at({1, 1}), member.assigned.at({2, 2}));
    group.members.insert(group.members.begin(), {std::to_string(step), {0, 1}, {}});
  }
}

TEST(Assignor, LargeGroups) {
  Group group;
  for (uint64_t i = 0; i < 60; ++i) group.topics.push_back({{i, i}, 1000});
  std::vector<uint32_t> all(60);
  std::iota(all.begin(), all.end(), 0);
  for (int i = 0; i < 1000; ++i) group.members.push_back({std::to_string(i), all, {}});
  const AssignmentTask task = group.task();
  for (const Assignor& assignor : assignors()) {
    group.take(assignor.assign(task));
    for (const auto& member : group.members) EXPECT_EQ(count(member.assigned), 60) << assignor.name;
  }
}

TEST(Assignor, FoundByName) {
  EXPECT_EQ(assignors().front().name, "uniform");
  EXPECT_NE(find_assignor("range"), nullptr);
  EXPECT_EQ(find_assignor("sticky"), nullptr);
}

}  // namespace
}  // namespace headrace
