#include "kafka/kafka_metrics.h"

#include <string>

#include "kafka/apis.h"

namespace headrace::kafka {

KafkaMetrics KafkaMetrics::of_shard(Metrics& metrics, size_t shard) {
  const Labels labels{{"shard", std::to_string(shard)}};
  KafkaMetrics result{
      .refused =
          metrics.counter("headrace_kafka_refused_requests_total",
                          "Requests that could not be read or are not served; each ended its connection.", labels),
      .throttled = metrics.counter("headrace_kafka_throttled_requests_total",
                                   "Requests that went beyond their client's quota.", labels),
      .throttled_ms = metrics.counter("headrace_kafka_throttled_milliseconds_total",
                                      "Time for which connections were not read from because of quotas.", labels),
      .received_bytes = metrics.counter("headrace_kafka_received_bytes_total", "Bytes of Kafka requests.", labels),
      .sent_bytes = metrics.counter("headrace_kafka_sent_bytes_total", "Bytes of answers to Kafka clients.", labels),
      .connections = metrics.gauge("headrace_kafka_connections", "Open Kafka connections.", labels),
      .request_bytes = metrics.gauge("headrace_kafka_request_bytes", "Memory taken by Kafka requests.", labels)};
  for (const Api& api : served_apis()) {
    result.requests.at(static_cast<size_t>(api.key)) =
        metrics.counter("headrace_kafka_requests_total", "Kafka requests answered, by API.",
                        {{"shard", std::to_string(shard)}, {"api", std::string(api.name)}});
  }
  return result;
}

}  // namespace headrace::kafka
