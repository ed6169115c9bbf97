// What the Kafka port counts about itself.
#pragma once

#include <array>
#include <memory>

#include "base/metrics.h"

namespace headrace::kafka {

inline constexpr size_t kApiKeysMax = 128;

struct KafkaMetrics {
  std::array<std::shared_ptr<Counter>, kApiKeysMax> requests;  // by API key; null for those that are not served
  std::shared_ptr<Counter> refused;                            // requests that ended their connection
  std::shared_ptr<Counter> throttled;                          // requests that went beyond a quota
  std::shared_ptr<Counter> throttled_ms;                       // for which connections were not listened to
  std::shared_ptr<Counter> received_bytes;
  std::shared_ptr<Counter> sent_bytes;
  std::shared_ptr<Gauge> connections;
  std::shared_ptr<Gauge> request_bytes;  // of requests in memory, as of the last sweep

  static KafkaMetrics of_shard(Metrics& metrics, size_t shard);
};

}  // namespace headrace::kafka
