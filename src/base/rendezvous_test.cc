#include "base/rendezvous.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace headrace {
namespace {

// These decide where things are: they must never change.
TEST(Rendezvous, IsStable) {
  EXPECT_EQ(stable_hash(""), 0xf52a15e9a9b5e89bU);
  EXPECT_EQ(stable_hash("scans/0"), stable_hash(std::string("scans/0")));
  EXPECT_NE(stable_hash("scans/0"), stable_hash("scans/1"));
}

TEST(Rendezvous, ANewNodeOnlyTakes) {
  std::vector<int> count(5);
  int moved = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "partition-" + std::to_string(i);
    const size_t before = rendezvous_owner(name, 4);
    const size_t after = rendezvous_owner(name, 5);
    if (before != after) {
      EXPECT_EQ(after, 4U);
      ++moved;
    }
    ++count[after];
  }
  EXPECT_NEAR(moved, 2'000, 200);
  for (const int each : count) EXPECT_NEAR(each, 2'000, 200);
  EXPECT_EQ(rendezvous_owner("anything", 1), 0U);
}

TEST(Rendezvous, TheOrderOfNodesDoesNotMatter) {
  std::vector<std::string> nodes = {"a:9092", "b:9092", "c:9092"};
  std::vector<std::string> other = {"c:9092", "a:9092", "b:9092"};
  for (int i = 0; i < 1'000; ++i) {
    const std::string name = std::to_string(i);
    EXPECT_EQ(nodes[rendezvous_owner(name, nodes)], other[rendezvous_owner(name, other)]);
  }
}

}  // namespace
}  // namespace headrace
