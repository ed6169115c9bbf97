#include "kafka/kafka_metrics.h"

#include "gtest/gtest.h"
#include "kafka/apis.h"

namespace headrace::kafka {
namespace {

TEST(KafkaMetrics, EveryApiThatIsServedIsCounted) {
  Metrics metrics;
  const KafkaMetrics counters = KafkaMetrics::of_shard(metrics, 3);
  for (const Api& api : served_apis()) {
    ASSERT_TRUE(counters.requests.at(static_cast<size_t>(api.key))) << api.name;
    counters.requests[static_cast<size_t>(api.key)]->add();
  }
  const std::string text = metrics.text();
  for (const Api& api : served_apis()) {
    const std::string line = "headrace_kafka_requests_total{api=\"" + std::string(api.name) + "\",shard=\"3\"} 1";
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  EXPECT_FALSE(counters.requests.at(kApiKeysMax - 1));
}

TEST(KafkaMetrics, ShardsAreShownByThemselves) {
  Metrics metrics;
  const KafkaMetrics first = KafkaMetrics::of_shard(metrics, 0);
  const KafkaMetrics second = KafkaMetrics::of_shard(metrics, 1);
  first.connections->add(2);
  second.sent_bytes->add(7);
  const std::string text = metrics.text();
  EXPECT_NE(text.find("headrace_kafka_connections{shard=\"0\"} 2"), std::string::npos);
  EXPECT_NE(text.find("headrace_kafka_connections{shard=\"1\"} 0"), std::string::npos);
  EXPECT_NE(text.find("headrace_kafka_sent_bytes_total{shard=\"1\"} 7"), std::string::npos);
}

}  // namespace
}  // namespace headrace::kafka
