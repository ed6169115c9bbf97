#include "log/topic_table.h"

#include <algorithm>
#include <iostream>

#include "base/random.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

TopicInfo topic(std::string name, TopicId id) {
  return {.name = std::move(name), .id = id, .config = {}};
}

std::vector<std::string> names(const TopicTable& table) {
  std::vector<std::string> names;
  for (const TopicInfo& info : table.by_name()) names.push_back(info.name);
  return names;
}

TEST(TopicTable, FindsEachByNameAndByIdWhateverTheOrder) {
  const uint64_t seed = 20261122;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (uint64_t size = 0; size < 40; ++size) {
    std::vector<TopicInfo> topics;
    for (uint64_t i = 0; i < size; ++i) {
      // Many share one half of the id, so that both halves have to be looked at.
      topics.push_back(topic("topic-" + std::to_string(random.below(10)) + "-" + std::to_string(i),
                             {random.below(3), random.below(3) << 32 | i}));
      topics.back().config.partitions = static_cast<PartitionId>(i + 1);
    }
    const TopicTable table(topics);
    EXPECT_EQ(table.by_name().size(), size);
    EXPECT_TRUE(std::ranges::is_sorted(table.by_name(), {}, &TopicInfo::name));
    for (const TopicInfo& expected : topics) {
      const TopicInfo* const found = table.find(expected.name);
      ASSERT_NE(found, nullptr) << expected.name;
      EXPECT_EQ(found->id, expected.id);
      EXPECT_EQ(found->config, expected.config);
      EXPECT_EQ(table.find(expected.id), found) << "both ways lead to the same";
    }
  }
}

TEST(TopicTable, WhatIsNotThereIsNotFound) {
  const TopicTable empty({});
  EXPECT_EQ(empty.find("a"), nullptr);
  EXPECT_EQ(empty.find(TopicId{}), nullptr);
  const TopicTable table({topic("m", {5, 5})});
  for (const char* const name : {"", "a", "m-", "l", "n", "M"}) EXPECT_EQ(table.find(name), nullptr) << name;
  for (const TopicId id : {TopicId{}, {5, 4}, {5, 6}, {4, 5}, {6, 5}, {6, 4}}) EXPECT_EQ(table.find(id), nullptr);
}

TEST(TopicTable, NamesAreInTheOrderOfTheirBytes) {
  const TopicTable table({topic("b", {1, 1}), topic("_x", {2, 2}), topic("a-b", {3, 3}), topic("a", {4, 4}),
                          topic("B", {5, 5}), topic("a.b", {6, 6})});
  EXPECT_EQ(names(table), (std::vector<std::string>{"B", "_x", "a", "a-b", "a.b", "b"}));
}

// A copy of it is a moment of its own: what is found in it lies in it.
TEST(TopicTable, ACopyFindsItsOwn) {
  auto table = std::make_unique<TopicTable>(std::vector{topic("a", {1, 1}), topic("b", {0, 0})});
  const TopicTable copy = *table;
  table.reset();
  EXPECT_EQ(copy.find(TopicId{0, 0}), &copy.by_name()[1]);
  EXPECT_EQ(copy.find("a"), &copy.by_name()[0]);
}

}  // namespace
}  // namespace headrace
