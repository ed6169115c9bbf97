// Client quotas: how many bytes a second a client id may send and fetch, all of its connections together. They are set
// by the protocol's AlterClientQuotas, kept on the compacted topic `_quotas` and read back by start(); without any,
// which is how a server begins, nothing is counted.
//
// What a client takes is charged from its connection's shard, under a lock that is held for tens of nanoseconds. The
// bucket could belong to one shard and be sent messages instead; but then requests of one connection would wait for
// answers, and with a quota that comes or goes overtake each other on the way to the log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kafka/client_buckets.h"
#include "log/log.h"
#include "runtime/guarded.h"
#include "runtime/published.h"
#include "runtime/signal.h"

namespace headrace::kafka {

inline constexpr const char* kQuotasTopic = "_quotas";
inline constexpr size_t kQuotasMax = 10'000;  // clients that have one of their own

struct QuotaChange {
  QuotaClient client;
  std::vector<std::pair<QuotaKey, std::optional<int64_t>>> rates;  // without a rate: no limit any more
};

class Quotas {
 public:
  Quotas(Runtime& runtime, const Clock& clock, Log& log)
      : runtime_(runtime), clock_(clock), log_(log), idle_(runtime.shard(0)), buckets_(kBucketsMax) {}

  // Makes the topic if it is missing and reads it. Throws Error(kCorrupt) for a record that cannot be read.
  awaitable<void> start();

  // Takes `bytes` of the client's quota. How long it should wait then: zero within its quota, and without one. This and
  // the next three from any shard.
  std::chrono::nanoseconds charge(QuotaKey key, std::string_view client, size_t bytes);
  std::chrono::nanoseconds debt(QuotaKey key, std::string_view client);
  std::optional<int64_t> rate(QuotaKey key, std::string_view client) const { return table_.get()->rate(key, client); }
  std::shared_ptr<const QuotaTable> table() const { return table_.get(); }

  // Durable on return. From any shard. Error(kRefused) beyond kQuotasMax; with Error(kIo) or
  // Error(kOutOfSpace) it does not count before a restart, and may then.
  awaitable<void> alter(QuotaChange change);

 private:
  static constexpr size_t kBucketsMax = 10'000;

  awaitable<void> alter_here(const QuotaChange& change);

  Runtime& runtime_;
  const Clock& clock_;
  Log& log_;
  // On shard 0: one change at a time.
  Signal idle_;
  bool altering_ = false;
  Published<QuotaTable> table_{std::make_shared<QuotaTable>()};
  Guarded<ClientBuckets> buckets_;
};

}  // namespace headrace::kafka
