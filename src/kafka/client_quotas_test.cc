// Quotas from the request that sets one to the answer that asks its client to wait.
#include <cmath>

#include "kafka/messages/alter_client_quotas.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/describe_client_quotas.h"
#include "kafka/messages/fetch.h"
#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

using namespace std::chrono_literals;

using Rates = std::vector<std::pair<std::string, double>>;

struct Told {
  ErrorCode error;
  std::string message;
};

class ClientQuotas : public testing::Test {
 protected:
  using Name = std::optional<std::string>;

  // A rate of 0 removes.
  Told alter(const Name& client, const Rates& rates, const std::string& type = "client-id", bool only_check = false) {
    AlterClientQuotasRequest request;
    request.validate_only = only_check;
    auto& entry = request.entries.emplace_back();
    auto& entity = entry.entity.emplace_back();
    entity.entity_type = type;
    if (client) entity.entity_name = *client;
    for (const auto& [key, value] : rates) {
      auto& op = entry.ops.emplace_back();
      op.key = key;
      op.value = value;
      op.remove = value == 0;
    }
    const auto response = broker.ask<AlterClientQuotasResponse>(answer_alter_client_quotas, request);
    EXPECT_EQ(response.entries.size(), 1U);
    EXPECT_EQ(response.entries[0].entity[0].entity_name, client);
    return {ErrorCode{response.entries[0].error_code}, response.entries[0].error_message.value_or("")};
  }
  // As "client: key=value key=value" each; "*" is the default.
  std::vector<std::string> describe(std::vector<DescribeClientQuotasRequest::Component> components,
                                    bool strict = false) {
    DescribeClientQuotasRequest request;
    request.components = std::move(components);
    request.strict = strict;
    const auto response = broker.ask<DescribeClientQuotasResponse>(answer_describe_client_quotas, request);
    if (response.error_code != 0) return {"error " + std::to_string(response.error_code)};
    std::vector<std::string> lines;
    for (const auto& entry : *response.entries) {
      std::string line = entry.entity[0].entity_name.value_or("*") + ":";
      for (const auto& [key, value] : entry.values) line += " " + key + "=" + std::to_string(std::lround(value));
      lines.push_back(line);
    }
    return lines;
  }
  FetchResponse fetch(const std::string& client) {
    FetchRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    auto& partition = topic.partitions.emplace_back();
    partition.partition_max_bytes = 1 << 20;
    return broker.ask<FetchResponse>(answer_fetch, request, 11, client);
  }

  TestingBroker broker;
};

using Lines = std::vector<std::string>;

TEST_F(ClientQuotas, AreSetShownChangedAndRemoved) {
  EXPECT_EQ(describe({}), Lines{});
  EXPECT_EQ(alter("a", {{"producer_byte_rate", 1000}, {"consumer_byte_rate", 2000}}).error, ErrorCode::kNone);
  EXPECT_EQ(alter({}, {{"consumer_byte_rate", 3000}}).error, ErrorCode::kNone);
  EXPECT_EQ(alter("a", {{"producer_byte_rate", 0}}).error, ErrorCode::kNone);
  EXPECT_EQ(alter("b", {{"producer_byte_rate", 5}}, "client-id", true).error, ErrorCode::kNone);
  const Lines all = {"*: consumer_byte_rate=3000", "a: consumer_byte_rate=2000"};
  EXPECT_EQ(describe({}), all);
  EXPECT_EQ(describe({{"client-id", 2, {}}}, true), all);
  EXPECT_EQ(describe({{"client-id", 0, "a"}}), Lines{all[1]});
  EXPECT_EQ(describe({{"client-id", 1, {}}}), Lines{all[0]});
  EXPECT_EQ(describe({{"client-id", 0, "b"}}), Lines{});
  EXPECT_EQ(describe({{"user", 2, {}}}), Lines{});
  EXPECT_EQ(describe({}, true), Lines{});
}

TEST_F(ClientQuotas, OutliveARestart) {
  alter("a", {{"producer_byte_rate", 1000}});
  alter("b", {{"producer_byte_rate", 1000}});
  alter("b", {{"producer_byte_rate", 0}});
  alter({}, {{"producer_byte_rate", 9}});
  broker.restart();
  EXPECT_EQ(describe({}), (Lines{"*: producer_byte_rate=9", "a: producer_byte_rate=1000"}));
}

TEST_F(ClientQuotas, WhatIsNotServedIsRefusedWithTheReason) {
  const Told user = alter("alice", {{"producer_byte_rate", 1}}, "user");
  EXPECT_EQ(user.error, ErrorCode::kInvalidRequest);
  EXPECT_NE(user.message.find("\"user\" is not served"), std::string::npos) << user.message;
  EXPECT_EQ(alter("a", {{"request_percentage", 10}}).error, ErrorCode::kInvalidRequest);
  for (const double rate : {-1.0, 0.5, 1e300, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(alter("a", {{"producer_byte_rate", rate}}).error, ErrorCode::kInvalidRequest) << rate;
  EXPECT_EQ(alter("", {{"producer_byte_rate", 1}}).error, ErrorCode::kInvalidRequest);
  EXPECT_EQ(alter(std::string(256, 'x'), {{"producer_byte_rate", 1}}).error, ErrorCode::kInvalidRequest);
  EXPECT_EQ(describe({{"client-id", 3, {}}}), Lines{"error 42"});
  EXPECT_EQ(describe({{"client-id", 0, {}}}), Lines{"error 42"});
  EXPECT_EQ(describe({{"client-id", 2, {}}, {"client-id", 2, {}}}), Lines{"error 42"});
  EXPECT_EQ(describe({}), Lines{});
}

TEST_F(ClientQuotas, AnEntityTwiceInARequestIsSetOnce) {
  AlterClientQuotasRequest request;
  for (const double rate : {1.0, 2.0}) {
    auto& entry = request.entries.emplace_back();
    entry.entity.emplace_back().entity_type = "client-id";
    entry.ops.push_back({"producer_byte_rate", rate, false});
  }
  const auto response = broker.ask<AlterClientQuotasResponse>(answer_alter_client_quotas, request);
  EXPECT_EQ(response.entries[0].error_code, 0);
  EXPECT_EQ(ErrorCode{response.entries[1].error_code}, ErrorCode::kInvalidRequest);
  EXPECT_EQ(describe({}), Lines{"*: producer_byte_rate=1"});
}

TEST_F(ClientQuotas, AFetchBeyondItsQuotaIsEmptyUntilWhatCameBeforeIsPaidFor) {
  broker.log().create("t", {});
  broker.log().append("t", 0, std::string(100'000, 'x'));
  EXPECT_GT(fetch("a").topics.at(0).partitions.at(0).records->size(), 100'000U);
  EXPECT_EQ(broker.throttle().left_ms(), 0);
  alter("a", {{"consumer_byte_rate", 50'000}});
  // A batch comes whole, and what it is beyond the burst is waited for.
  const FetchResponse first = fetch("a");
  EXPECT_GT(first.topics.at(0).partitions.at(0).records->size(), 100'000U);
  EXPECT_NEAR(first.throttle_time_ms, 2000 - 250, 10);
  const FetchResponse second = fetch("a");
  EXPECT_TRUE(second.topics.empty());
  EXPECT_EQ(second.throttle_time_ms, first.throttle_time_ms);
  EXPECT_FALSE(fetch("b").topics.empty());
  broker.log().time().advance(2s);
  const FetchResponse third = fetch("a");
  EXPECT_FALSE(third.topics.empty());
}

TEST_F(ClientQuotas, EveryAnswerSaysHowLongItsConnectionIsNotHeard) {
  broker.throttle().extend(1500us);
  EXPECT_EQ(broker.ask<ApiVersionsResponse>(answer_api_versions, ApiVersionsRequest{}).throttle_time_ms, 2);
  broker.throttle().extend(1ms);
  EXPECT_EQ(broker.throttle().left_ms(), 2);
  broker.log().time().advance(2ms);
  EXPECT_EQ(broker.ask<ApiVersionsResponse>(answer_api_versions, ApiVersionsRequest{}).throttle_time_ms, 0);
  const std::string metrics = broker.metrics().text();
  EXPECT_NE(metrics.find("headrace_kafka_throttled_requests_total{shard=\"0\"} 2"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("headrace_kafka_throttled_milliseconds_total{shard=\"0\"} 2"), std::string::npos);
}

TEST_F(ClientQuotas, AClientIsChargedOnAllItsConnectionsTogether) {
  alter("a", {{"producer_byte_rate", 1000}});
  EXPECT_EQ(broker.quotas().charge(QuotaKey::kProducerByteRate, "a", 250), 0s);
  EXPECT_EQ(broker.quotas().charge(QuotaKey::kProducerByteRate, "a", 1000), 1s);
  EXPECT_EQ(broker.quotas().charge(QuotaKey::kProducerByteRate, "a", 1000), 2s);
  EXPECT_EQ(broker.quotas().charge(QuotaKey::kProducerByteRate, "b", 1'000'000), 0s);
  alter("a", {{"producer_byte_rate", 0}});
  EXPECT_EQ(broker.quotas().debt(QuotaKey::kProducerByteRate, "a"), 0s);
}

}  // namespace
}  // namespace headrace::kafka
