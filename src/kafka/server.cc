#include "kafka/server.h"

#include <algorithm>
#include <random>

#include "boost/asio/post.hpp"

namespace headrace::kafka {
namespace {

uint64_t entropy() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace

KafkaServer::KafkaServer(Runtime& runtime, Timers& timers, Metrics& metrics, Log& log, Catalog& catalog,
                         KafkaOptions options)
    : runtime_(runtime),
      timers_(timers),
      options_(std::move(options)),
      groups_(runtime, timers, log, metrics, {}, entropy()),
      producer_ids_(runtime, log),
      quotas_(runtime, timers.clock(), log),
      broker_{.log = log,
              .catalog = catalog,
              .groups = groups_,
              .producer_ids = producer_ids_,
              .quotas = quotas_,
              .timers = timers,
              .options = options_},
      frames_(options_.limits.frame_pool_bytes),
      tcp_(runtime, timers,
           {.listen = options_.listen,
            .insecure = options_.insecure,
            .connections_max = options_.limits.connections_max},
           [this](size_t shard, TcpListener::Socket socket, bool refused) {
             return serve(shard, std::move(socket), refused);
           }) {
  const KafkaLimits& limits = options_.limits;
  const size_t request_bytes = limits.request_bytes_total_max / runtime.shard_count();
  for (size_t index = 0; index < runtime.shard_count(); ++index) {
    Shard& shard = runtime.shard(index);
    shards_.push_back(
        std::unique_ptr<PerShard>(new PerShard{.shared = {.broker = broker_,
                                                          .shard = shard,
                                                          .pool = runtime.pool(),
                                                          .request_memory = BodyMemory(shard, timers, request_bytes),
                                                          .frames = frames_,
                                                          .metrics = KafkaMetrics::of_shard(metrics, index),
                                                          .fetch_session_room = limits.fetch_session_partitions_max,
                                                          .connections = {},
                                                          .now = timers.clock().steady(),
                                                          .connection_ended = Signal(shard)}}));
  }
}

KafkaServer::~KafkaServer() = default;

void KafkaServer::start() {
  runtime_.block_on([this]() -> awaitable<void> {
    co_await groups_.start();
    co_await producer_ids_.start();
    co_await quotas_.start();
  });
  tcp_.start();
  for (const auto& shard : shards_) {
    asio::post(shard->shared.shard.executor(), [this, one = shard.get()] { sweep(*one); });
  }
}

awaitable<void> KafkaServer::serve(size_t shard, TcpListener::Socket socket, bool refused) {
  if (refused) co_return;  // the protocol has no way to say why
  Connection connection(shards_[shard]->shared, std::move(socket));
  co_await connection.run();
}

void KafkaServer::sweep(PerShard& shard) {
  ConnectionShard& shared = shard.shared;
  if (shared.stopping) return;
  shared.now = timers_.clock().steady();
  shared.metrics.request_bytes->set(static_cast<int64_t>(shared.request_memory.used()));
  for (Connection* connection : shared.connections) connection->check_deadlines();
  shard.next_sweep = timers_.call_at(shared.shard, shared.now + kSweepInterval, [this, &shard] {
    // A call may not destroy itself, so the next one is made from outside.
    asio::post(shard.shared.shard.executor(), [this, &shard] { sweep(shard); });
  });
}

awaitable<void> KafkaServer::stop_connections(PerShard& shard) {
  ConnectionShard& shared = shard.shared;
  shared.stopping = true;
  shard.next_sweep.reset();
  for (Connection* connection : shared.connections) connection->cut();
  const SteadyTime deadline = timers_.clock().steady() + options_.limits.stop_time;
  while (!shared.connections.empty() && co_await shared.connection_ended.wait_until(timers_, deadline)) {
  }
  co_await asio::post(shared.shard.executor(), asio::use_awaitable);
}

awaitable<void> KafkaServer::stop() {
  co_await tcp_.stop_accepting();
  // Answers those who wait for a rebalance.
  co_await groups_.stop();
  for (const auto& shard : shards_) {
    PerShard* one = shard.get();
    co_await on(one->shared.shard, [this, one] { return stop_connections(*one); });
  }
  co_await tcp_.wait_until_ended();
}

}  // namespace headrace::kafka
