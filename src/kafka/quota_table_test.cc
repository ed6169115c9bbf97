#include "kafka/quota_table.h"

#include "base/error.h"
#include "gtest/gtest.h"

namespace headrace::kafka {
namespace {

constexpr auto kProduce = QuotaKey::kProducerByteRate;
constexpr auto kConsume = QuotaKey::kConsumerByteRate;

Quota quota(std::optional<int64_t> produce, std::optional<int64_t> consume) {
  return {.rates = {produce, consume}};
}

TEST(QuotaTable, AClientsOwnQuotaCountsBeforeTheDefaultKeyByKey) {
  QuotaTable table;
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.rate(kProduce, "a"), std::nullopt);
  table.set(std::nullopt, quota(100, 200));
  table.set("a", quota(1, std::nullopt));
  EXPECT_EQ(table.rate(kProduce, "a"), 1);
  EXPECT_EQ(table.rate(kConsume, "a"), 200);
  EXPECT_EQ(table.rate(kProduce, ""), 100);
  table.set("a", {});
  EXPECT_EQ(table.rate(kProduce, "a"), 100);
  EXPECT_TRUE(table.clients().empty());
  table.set(std::nullopt, {});
  EXPECT_TRUE(table.empty());
}

TEST(QuotaTable, RecordsAreReadAsTheyWereWritten) {
  for (const QuotaClient& client : {QuotaClient(), QuotaClient("a"), QuotaClient(std::string(255, '\xff'))})
    EXPECT_EQ(decode_quota_client(encode(client)), client);
  for (const Quota& each : {quota(1, {}), quota({}, INT64_MAX), quota(5, 6), Quota()})
    EXPECT_EQ(decode_quota(encode(each)), each);
}

TEST(QuotaTable, RecordsThatAreNoneAreErrors) {
  for (const std::string& bytes : {std::string(), std::string("\1x"), std::string("\3x")})
    EXPECT_THROW(decode_quota_client(bytes), Error);
  for (const std::string& bytes : {std::string(), std::string("\2"), std::string("\1\2\2"), std::string("\1\1"),
                                   std::string("\1\1\1"), std::string("\1\0\0", 3)})
    EXPECT_THROW(decode_quota(bytes), Error);
}

}  // namespace
}  // namespace headrace::kafka
