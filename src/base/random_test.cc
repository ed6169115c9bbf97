#include "base/random.h"

#include <array>

#include "gtest/gtest.h"

namespace headrace {
namespace {

// Computed with the authors' C code, seeded by their splitmix64 from 42.
TEST(Random, IsTheSameEverywhere) {
  Random random(42);
  EXPECT_EQ(random(), 1546998764402558742U);
  EXPECT_EQ(random(), 6990951692964543102U);
  EXPECT_EQ(random(), 12544586762248559009U);
  EXPECT_EQ(random(), 17057574109182124193U);
}

TEST(Random, BelowIsUniform) {
  Random random(1);
  std::array<int, 10> count{};
  for (int i = 0; i < 100'000; ++i) ++count.at(random.below(10));
  for (const int each : count) {
    EXPECT_GT(each, 9'500);
    EXPECT_LT(each, 10'500);
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.below(1), 0U);
}

TEST(Random, OneInN) {
  Random random(2);
  int hits = 0;
  for (int i = 0; i < 100'000; ++i) hits += random.one_in(50) ? 1 : 0;
  EXPECT_GT(hits, 1'800);
  EXPECT_LT(hits, 2'200);
}

}  // namespace
}  // namespace headrace
