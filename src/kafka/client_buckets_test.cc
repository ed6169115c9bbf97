#include "kafka/client_buckets.h"

#include "gtest/gtest.h"

namespace headrace::kafka {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kRate = 1'000'000;
constexpr SteadyTime kStart{};

class ClientBucketsTest : public testing::Test {
 protected:
  void owe(std::string_view client, QuotaKey key = QuotaKey::kProducerByteRate) {
    buckets_.of(client, key).charge(2'000'000, kRate, kStart);
  }
  // As long as a client is remembered that owes.
  bool owes(std::string_view client, QuotaKey key = QuotaKey::kProducerByteRate) {
    return buckets_.of(client, key).debt(kStart) > 0s;
  }
  static constexpr size_t kClientsMax = 3;
  ClientBuckets buckets_{kClientsMax};
};

TEST_F(ClientBucketsTest, TheOneNotHeardOfForLongestIsForgotten) {
  for (const char* const client : {"a", "b", "c"}) owe(client);
  EXPECT_TRUE(owes("a"));  // heard of again
  owe("d");
  EXPECT_TRUE(owes("a"));
  EXPECT_TRUE(owes("c"));
  EXPECT_TRUE(owes("d"));
  EXPECT_FALSE(owes("b"));
}

TEST_F(ClientBucketsTest, HoldsNoMoreThanItsMostHoweverManyCome) {
  for (int i = 0; i < 1000; ++i) {
    owe(std::to_string(i));
    EXPECT_LE(buckets_.size(), kClientsMax);
  }
  for (const char* const client : {"999", "998", "997"}) EXPECT_TRUE(owes(client)) << client;
}

// Ids are views of a request's bytes, which are gone when the next one comes.
TEST_F(ClientBucketsTest, KeepsAnIdOfItsOwn) {
  {
    const std::string id = "an id that is longer than what a string holds in itself";
    owe(id);
  }
  EXPECT_TRUE(owes("an id that is longer than what a string holds in itself"));
  EXPECT_EQ(buckets_.size(), 1U);
}

TEST_F(ClientBucketsTest, KeysAndClientsAreCountedByThemselves) {
  owe("a", QuotaKey::kProducerByteRate);
  EXPECT_FALSE(owes("a", QuotaKey::kConsumerByteRate));
  EXPECT_FALSE(owes("b"));
  EXPECT_FALSE(owes("")) << "no id is an id too";
  EXPECT_TRUE(owes("a", QuotaKey::kProducerByteRate));
}

// As long as an id in a quota may be: nobody gets out of his debt by what comes after.
TEST_F(ClientBucketsTest, IdsThatDifferOnlyAfterTheLongestShareTheirDebt) {
  const std::string prefix(kClientIdBytesMax, 'x');
  owe(prefix + "1");
  EXPECT_TRUE(owes(prefix + "2"));
  EXPECT_TRUE(owes(prefix));
  EXPECT_FALSE(owes(std::string(kClientIdBytesMax - 1, 'x')));
}

}  // namespace
}  // namespace headrace::kafka
