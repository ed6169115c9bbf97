#include "kafka/client_buckets.h"

namespace headrace::kafka {

TokenBucket& ClientBuckets::of(std::string_view client, QuotaKey key) {
  client = client.substr(0, kClientIdBytesMax);
  if (const auto found = by_id_.find(client); found != by_id_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
  } else {
    if (recent_.size() >= clients_max_) {
      by_id_.erase(recent_.back().id);
      recent_.pop_back();
    }
    recent_.push_front({.id = std::string(client), .buckets = {}});
    by_id_.emplace(recent_.front().id, recent_.begin());
  }
  return recent_.front().buckets[static_cast<size_t>(key)];
}

}  // namespace headrace::kafka
