#include "flow/hyperloglog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace headrace {
namespace {

std::string encoded(const HyperLogLog& sketch) {
  std::string bytes;
  sketch.encode(bytes);
  return bytes;
}

TEST(HyperLogLog, StaysWithinItsErrorAtEverySize) {
  Random random(1);
  for (const size_t size : {0UL, 1UL, 2UL, 10UL, 100UL, 380UL, 1'000UL, 5'000UL, 20'000UL, 100'000UL, 400'000UL}) {
    constexpr int kTrials = 20;
    double squares = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      HyperLogLog sketch;
      for (size_t i = 0; i < size; ++i) sketch.add(random());
      const double error = size ? sketch.estimate() / static_cast<double>(size) - 1 : sketch.estimate();
      squares += error * error;
    }
    // The standard error is 1.04 / 64; of 20 trials it is seldom off by half.
    EXPECT_LT(std::sqrt(squares / kTrials), 1.5 * 1.04 / 64) << size << " values";
  }
}

TEST(HyperLogLog, CountsFewValuesExactly) {
  Random random(3);
  for (int trial = 0; trial < 20'000; ++trial) {
    const size_t size = random.below(25);
    HyperLogLog sketch;
    for (size_t i = 0; i < size; ++i) sketch.add(random());
    const std::string bytes = encoded(sketch);
    std::string_view rest = bytes;
    ASSERT_EQ(HyperLogLog::estimate(rest), static_cast<double>(size)) << "trial " << trial;
  }
}

TEST(HyperLogLog, IsTheSameWhateverTheOrderTheCutsAndTheRepetition) {
  Random random(2);
  for (const size_t size : {5UL, 300UL, 384UL, 385UL, 2'000UL}) {
    std::vector<uint64_t> hashes(size);
    for (uint64_t& hash : hashes) hash = random();
    HyperLogLog whole;
    for (const uint64_t hash : hashes) whole.add(hash);

    HyperLogLog parts[3];
    for (int pass = 0; pass < 2; ++pass) {
      std::ranges::shuffle(hashes, random);
      for (const uint64_t hash : hashes) parts[random.below(3)].add(hash);
    }
    HyperLogLog merged;
    for (const HyperLogLog& part : parts) {
      const std::string bytes = encoded(part);
      std::string_view rest = bytes;
      merged.merge(rest);
      EXPECT_TRUE(rest.empty());
    }
    EXPECT_EQ(merged.estimate(), whole.estimate()) << size;
    const std::string bytes = encoded(merged);
    std::string_view rest = bytes;
    EXPECT_EQ(HyperLogLog::estimate(rest), whole.estimate());
    EXPECT_TRUE(rest.empty());
    EXPECT_LE(bytes.size(), 3073U);
  }
}

TEST(HyperLogLog, RefusesBytesThatNoSketchHas) {
  HyperLogLog sketch;
  for (uint64_t i = 0; i < 20; ++i) sketch.add(i * 0x9e3779b97f4a7c15);
  const std::string good = encoded(sketch);
  for (size_t size = 0; size < good.size(); ++size) {
    HyperLogLog other;
    std::string_view cut = std::string_view(good).substr(0, size);
    EXPECT_THROW(other.merge(cut), Error) << size;
  }
  for (const std::string& bad : {std::string("\x03"), std::string("\x01\xff", 2), std::string("\x02\x02\x00", 3),
                                 std::string(1, '\x01') + std::string(3072, '\xff')}) {
    HyperLogLog other;
    std::string_view rest = bad;
    EXPECT_THROW(other.merge(rest), Error);
  }
}

}  // namespace
}  // namespace headrace
