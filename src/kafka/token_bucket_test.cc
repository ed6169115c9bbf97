#include "kafka/token_bucket.h"

#include "base/random.h"
#include "gtest/gtest.h"

namespace headrace::kafka {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kRate = 1'000'000;
constexpr SteadyTime kStart{};

TEST(TokenBucket, ABurstIsFreeAndWhatIsBeyondItIsPaidForInTime) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.charge(250'000, kRate, kStart), 0s);
  EXPECT_EQ(bucket.charge(1'000'000, kRate, kStart), 1s);
  EXPECT_EQ(bucket.debt(kStart + 400ms), 600ms);
  EXPECT_EQ(bucket.debt(kStart + 1s), 0s);
  // A pause gives no more credit than a burst.
  EXPECT_EQ(bucket.charge(250'000, kRate, kStart + 1h), 0s);
  EXPECT_EQ(bucket.charge(1, kRate, kStart + 1h), 1us);
}

TEST(TokenBucket, NobodyIsAskedToWaitForLongerThanTheMost) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.charge(UINT64_MAX, 1, kStart), TokenBucket::kDebtMax);
  EXPECT_EQ(bucket.charge(UINT64_MAX, 1, kStart + 1s), TokenBucket::kDebtMax);
}

TEST(TokenBucket, WhoWaitsAsAskedGetsTheRateWhateverTheSizesOfHisRequests) {
  const uint64_t seed = 20261121;
  SCOPED_TRACE(seed);
  Random random(seed);
  TokenBucket bucket;
  SteadyTime now = kStart;
  uint64_t bytes = 0;
  while (now < kStart + 600s) {
    const uint64_t size = 1 + random() % 3'000'000;
    bytes += size;
    now += bucket.charge(size, kRate, now) + std::chrono::milliseconds(random() % 20);
  }
  const double seconds = std::chrono::duration<double>(now - kStart).count();
  EXPECT_NEAR(static_cast<double>(bytes) / seconds, kRate, kRate * 0.02);
}

}  // namespace
}  // namespace headrace::kafka
