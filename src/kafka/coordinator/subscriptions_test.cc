// Which topics a group's members get partitions of: those that they name, those that their patterns match, and of a
// topic that several of them want, one task's place for all.
#include "kafka/coordinator/subscriptions.h"

#include <algorithm>
#include <array>

#include "gtest/gtest.h"

namespace headrace {
namespace {

using Names = std::set<std::string>;

TopicTable table_of(const std::vector<std::pair<std::string, PartitionId>>& topics) {
  std::vector<TopicInfo> infos;
  for (const auto& [name, partitions] : topics) {
    const uint64_t number = 100 - infos.size();  // in another order than the names
    infos.push_back({.name = name, .id = {number, number}, .config = {.partitions = partitions}});
  }
  return TopicTable(std::move(infos));
}

// Members that keep their records, as subscribers refer to them.
class Members {
 public:
  void add(std::vector<std::string> topics, std::string pattern = {}) {
    ConsumerRecord& record = records_.emplace_back();
    record.id = "member " + std::to_string(records_.size() - 1);
    record.about.topics = std::move(topics);
    record.about.pattern = std::move(pattern);
  }
  ConsumerRecord& operator[](size_t index) { return records_[index]; }
  std::vector<Subscriber> subscribers() const {
    std::vector<Subscriber> all;
    for (const ConsumerRecord& record : records_) all.push_back({&record, &record.about});
    return all;
  }
  AssignmentTask task(const TopicTable& table) const { return assignment_task(subscribers(), table); }
  Names topics(const TopicTable& table) const { return subscribed_topics(subscribers(), table); }

 private:
  std::vector<ConsumerRecord> records_;
};

Names matched_by(const std::string& pattern, const TopicTable& table) {
  Members members;
  members.add({}, pattern);
  return members.topics(table);
}

// What the task says that the member may get.
Names offered_to(const AssignmentTask& task, size_t member, const TopicTable& table) {
  Names names;
  for (const uint32_t place : task.subscriptions.at(task.members.at(member).subscription))
    names.insert(table.find(task.topics.at(place).id)->name);
  return names;
}

TEST(Subscriptions, NamesCountAsFarAsThereAreSuchTopics) {
  const TopicTable table = table_of({{"a", 1}, {"b", 1}, {"_internal", 1}});
  Members members;
  EXPECT_EQ(members.topics(table), Names());
  members.add({"b", "nothing"});
  EXPECT_EQ(members.topics(table), Names({"b"}));
  members.add({"_internal"});
  EXPECT_EQ(members.topics(table), Names({"_internal", "b"})) << "whoever names such a topic means it";
  EXPECT_EQ(members.topics(table_of({})), Names());
}

TEST(Subscriptions, PatternsMatchWholeNamesAndNoInternalTopics) {
  const TopicTable table = table_of({{"orders", 1}, {"orders-eu", 1}, {"paid.orders", 1}, {"_orders", 1}});
  EXPECT_EQ(matched_by("orders", table), Names({"orders"}));
  EXPECT_EQ(matched_by("orders.*", table), Names({"orders", "orders-eu"}));
  EXPECT_EQ(matched_by(".*", table), Names({"orders", "orders-eu", "paid.orders"}));
  EXPECT_EQ(matched_by("orders|_orders", table), Names({"orders"}));
  EXPECT_EQ(matched_by("Orders", table), Names());
  EXPECT_EQ(matched_by("(?i)Orders", table), Names({"orders"}));
}

TEST(Subscriptions, ATopicThatIsNamedAndMatchedCountsOnce) {
  const TopicTable table = table_of({{"a", 3}, {"b", 2}, {"c", 1}});
  Members members;
  members.add({"a", "b"}, "a|c");
  const AssignmentTask task = members.task(table);
  EXPECT_EQ(task.topics.size(), 3U);
  EXPECT_EQ(task.subscriptions, (std::vector<std::vector<uint32_t>>{{0, 1, 2}}));
}

TEST(Subscriptions, TheTaskHasEveryMemberInItsOrderWithWhatItMayGetAndWhatItHad) {
  const TopicTable table = table_of({{"d", 4}, {"a", 1}, {"c", 3}, {"b", 2}, {"unwanted", 9}});
  Members members;
  members.add({"a", "c"});
  members.add({"d"}, "b");
  members.add({"nothing"});
  members.add({"a", "c"});
  members[1].target = {{table.find("d")->id, {0, 1}}};
  const AssignmentTask task = members.task(table);

  ASSERT_EQ(task.topics.size(), 4U) << "nobody wants the last one";
  for (const AssignmentTask::Topic& topic : task.topics)
    EXPECT_EQ(topic.partitions, table.find(topic.id)->config.partitions);
  const std::array expected = {Names({"a", "c"}), Names({"b", "d"}), Names(), Names({"a", "c"})};
  ASSERT_EQ(task.members.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(task.members[i].id, members[i].id);
    EXPECT_EQ(task.members[i].before, &members[i].target);
    EXPECT_EQ(offered_to(task, i, table), expected[i]) << i;
    EXPECT_TRUE(std::ranges::is_sorted(task.subscriptions[task.members[i].subscription]));
  }
  EXPECT_EQ(task.members[0].subscription, task.members[3].subscription) << "members who want the same are of one class";
}

// What a member says in the heartbeat that is being looked at is not in its record yet.
TEST(Subscriptions, WhatAMemberSaysNowCounts) {
  const TopicTable table = table_of({{"a", 1}, {"b", 1}});
  Members members;
  members.add({"a"});
  const ConsumerDescription now{.topics = {"b"}};
  EXPECT_EQ(subscribed_topics({{&members[0], &now}}, table), Names({"b"}));
}

TEST(Subscriptions, APatternThatCannotBeUsedIsRefusedWithTheReason) {
  EXPECT_EQ(error_in_pattern("orders-[0-9]+", 100), std::nullopt);
  EXPECT_EQ(error_in_pattern(std::string(100, 'x'), 100), std::nullopt);
  EXPECT_EQ(error_in_pattern(std::string(101, 'x'), 100), "the pattern of topics has 101 bytes, of at most 100");
  for (const char* const wrong : {"orders-[", "(a", "*", "(?=a)b", "(a)\\1"}) {
    const auto error = error_in_pattern(wrong, 100);
    ASSERT_TRUE(error) << wrong;
    EXPECT_NE(error->find(wrong), std::string::npos) << *error;
  }
  EXPECT_TRUE(error_in_pattern("((a{1000}){1000}){1000}", 100)) << "small as a text, huge when it is compiled";
  EXPECT_TRUE(error_in_pattern("(\\pL{500}\\pN{400}){2}", 100)) << "within the counts that RE2 takes, but too large";
}

}  // namespace
}  // namespace headrace
