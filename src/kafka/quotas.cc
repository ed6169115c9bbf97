#include "kafka/quotas.h"

#include "fmt/format.h"
#include "log/replay.h"

namespace headrace::kafka {

using std::chrono::nanoseconds;

awaitable<void> Quotas::start() {
  if (!co_await log_.find(kQuotasTopic)) {
    co_await log_.create(kQuotasTopic, {.segment_bytes = 1024 * 1024, .compact = true});
  }
  auto table = std::make_shared<QuotaTable>();
  co_await replay(log_, std::string(kQuotasTopic), 0, [&](const Record& record) {
    try {
      table->set(decode_quota_client(record.key.value_or("")), record.value ? decode_quota(*record.value) : Quota());
    } catch (const Error& error) {
      throw Error(Code::kCorrupt,
                  fmt::format("offset {} of {} is not a record of quotas: {}; it was written by a later version: use "
                              "that version, or restore the topic from a backup",
                              record.offset.value, kQuotasTopic, error.message()));
    }
  });
  table_.set(std::move(table));
}

nanoseconds Quotas::charge(QuotaKey key, std::string_view client, size_t bytes) {
  const auto limit = rate(key, client);
  if (!limit) return {};
  const SteadyTime now = clock_.steady();
  return buckets_.with([&](ClientBuckets& buckets) { return buckets.of(client, key).charge(bytes, *limit, now); });
}

nanoseconds Quotas::debt(QuotaKey key, std::string_view client) {
  if (!rate(key, client)) return {};
  const SteadyTime now = clock_.steady();
  return buckets_.with([&](ClientBuckets& buckets) { return buckets.of(client, key).debt(now); });
}

awaitable<void> Quotas::alter(QuotaChange change) {
  co_await on(runtime_.shard(0), [&]() -> awaitable<void> {
    while (altering_) co_await idle_.wait();
    altering_ = true;
    std::exception_ptr failure;
    try {
      co_await alter_here(change);
    } catch (...) {
      failure = std::current_exception();
    }
    altering_ = false;
    idle_.notify_all();
    if (failure) std::rethrow_exception(failure);
  });
}

awaitable<void> Quotas::alter_here(const QuotaChange& change) {
  auto table = std::make_shared<QuotaTable>(*table_.get());
  Quota quota = table->quota_of(change.client);
  for (const auto& [key, rate] : change.rates) quota[key] = rate;
  table->set(change.client, quota);
  if (table->clients().size() > kQuotasMax) {
    throw Error(
        Code::kRefused,
        fmt::format("at most {} clients can have a quota of their own; remove some, or use the default", kQuotasMax));
  }
  const std::string value = encode(quota);
  RecordBatchBuilder builder;
  builder.append(clock_.wall_ms(), encode(change.client),
                 quota.empty() ? std::nullopt : std::optional<std::string_view>(value));
  std::vector<PartitionBatch> batches;
  batches.push_back({.partition = 0, .bytes = builder.finish()});
  co_await log_.append(kQuotasTopic, std::move(batches));
  table_.set(std::move(table));
}

}  // namespace headrace::kafka
