#include "flow/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace headrace {
namespace {

double value_of(const ExactSum& sum) {
  bool overflow = false;
  const double value = sum.value(overflow);
  EXPECT_FALSE(overflow);
  return value;
}

TEST(ExactSum, RoundsOnce) {
  ExactSum tenths;
  for (int i = 0; i < 10; ++i) tenths.add(0.1, 1);
  EXPECT_EQ(value_of(tenths), 1.0);
  ExactSum three_sizes;
  for (const double value : {1e300, 1.0, 1e150, -1e300, -1e150}) three_sizes.add(value, 1);
  EXPECT_EQ(value_of(three_sizes), 1.0);
  // Exactly halfway between two doubles, and a hair above.
  ExactSum halfway;
  halfway.add(1, 1);
  halfway.add(0x1p-53, 1);
  EXPECT_EQ(value_of(halfway), 1.0);
  halfway.add(0x1p-200, 1);
  EXPECT_EQ(value_of(halfway), std::nextafter(1.0, 2));
}

TEST(ExactSum, IsTheSameWhateverTheOrderTheCutsAndWhatWasTakenBack) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<double> values(100);
    for (double& value : values) {
      value =
          std::ldexp(static_cast<double>(static_cast<int64_t>(random())), static_cast<int>(random.below(2000)) - 1100);
    }
    ExactSum forward;
    for (const double value : values) forward.add(value, 1);
    std::ranges::shuffle(values, random);
    ExactSum parts[2];
    for (const double value : values) parts[random.below(2)].add(value, 1);
    for (const double value : values) {
      parts[0].add(value * 3, 1);
      parts[1].add(value * 3, -1);
    }
    ExactSum merged;
    for (const ExactSum& part : parts) {
      std::string bytes;
      part.encode(bytes);
      std::string_view rest = bytes;
      merged.merge(rest);
      EXPECT_TRUE(rest.empty());
    }
    EXPECT_EQ(value_of(merged), value_of(forward));
    for (const double value : values) merged.add(value, -1);
    EXPECT_EQ(value_of(merged), 0);
  }
}

TEST(ExactSum, CountsWhatIsNotFinite) {
  ExactSum sum;
  sum.add(1, 1);
  sum.add(INFINITY, 1);
  EXPECT_EQ(value_of(sum), INFINITY);
  sum.add(-INFINITY, 1);
  EXPECT_TRUE(std::isnan(value_of(sum)));
  sum.add(INFINITY, -1);
  EXPECT_EQ(value_of(sum), -INFINITY);
  sum.add(NAN, 2);
  EXPECT_TRUE(std::isnan(value_of(sum)));
  sum.add(NAN, -2);
  sum.add(-INFINITY, -1);
  EXPECT_EQ(value_of(sum), 1);
}

TEST(ExactSum, SaysWhenItOverflowsAndComesBack) {
  ExactSum sum;
  sum.add(1, 1);
  for (int i = 0; i < 3; ++i) sum.add(1.7e308, 1);
  bool overflow = false;
  sum.value(overflow);
  EXPECT_TRUE(overflow);
  sum.add(-1.7e308, 2);
  EXPECT_EQ(value_of(sum), 1.7e308);
  sum.add(1.7e308, -1);
  EXPECT_EQ(value_of(sum), 1);
  ExactSum many;
  many.add(3, int64_t{1} << 40);
  many.add(3, 1 - (int64_t{1} << 40));
  EXPECT_EQ(value_of(many), 3);
}

TEST(ExactSum, RefusesBytesThatNoSumHas) {
  ExactSum sum;
  for (const double value : {1e300, 1.0, 1e-30, HUGE_VAL}) sum.add(value, 1);
  std::string good;
  sum.encode(good);
  for (size_t size = 0; size < good.size(); ++size) {
    ExactSum other;
    std::string_view cut = std::string_view(good).substr(0, size);
    EXPECT_THROW(other.merge(cut), Error) << size;
  }
}

}  // namespace
}  // namespace headrace
