// The token buckets of the clients that were heard of last. A client that has not been heard of for longest is
// forgotten when there are too many: it has long paid its debt, unless somebody changes his client id with every
// request, and whom that lets through, no quota by client id holds back.
#pragma once

#include <array>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "kafka/quota_table.h"
#include "kafka/token_bucket.h"

namespace headrace::kafka {

class ClientBuckets {
 public:
  explicit ClientBuckets(size_t clients_max) : clients_max_(clients_max) {}
  ClientBuckets(const ClientBuckets&) = delete;
  ClientBuckets& operator=(const ClientBuckets&) = delete;

  // The bucket of this client, which lives until the next call. Ids that only differ after kClientIdBytesMax share one.
  TokenBucket& of(std::string_view client, QuotaKey key);
  size_t size() const { return recent_.size(); }

 private:
  struct Client {
    std::string id;
    std::array<TokenBucket, kQuotaKeys> buckets;
  };

  const size_t clients_max_;
  std::list<Client> recent_;  // the last one heard of first
  std::unordered_map<std::string_view, std::list<Client>::iterator> by_id_;
};

}  // namespace headrace::kafka
