// What the handlers of the Kafka port work with. There is one broker, number kNodeId, which leads every partition.
#pragma once

#include <string>

#include "base/clock.h"
#include "kafka/coordinator/groups.h"
#include "kafka/limits.h"
#include "kafka/producer_ids.h"
#include "kafka/quotas.h"
#include "log/log.h"
#include "runtime/timers.h"
#include "views/catalog.h"

namespace headrace::kafka {

inline constexpr int32_t kNodeId = 1;
inline constexpr int32_t kLeaderEpoch = 0;
inline constexpr const char* kClusterId = "headrace";

struct Broker {
  Log& log;
  Catalog& catalog;
  Groups& groups;
  ProducerIds& producer_ids;
  Quotas& quotas;
  Timers& timers;
  const KafkaOptions& options;
};

// Topics that Headrace keeps its own state in: clients may read them.
inline bool is_internal(std::string_view topic) {
  return topic.starts_with('_');
}
// Why a client may not produce to the topic; empty if it may.
std::string refusal_to_write(const CatalogState& catalog, std::string_view topic);
// The stream or table whose records the topic has, or null.
StreamInfoPtr stream_of(const CatalogState& catalog, std::string_view topic);

}  // namespace headrace::kafka
