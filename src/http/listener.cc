#include "http/listener.h"

#include <algorithm>

#include "boost/asio/post.hpp"
#include "fmt/chrono.h"
#include "fmt/format.h"

namespace headrace {
namespace {

std::string make_date_line(WallTime now) {
  return fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} GMT\r\n",
                     fmt::gmtime(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count()));
}

}  // namespace

Listener::Listener(Runtime& runtime, Timers& timers, Metrics& metrics, std::vector<Route> routes, Services* services,
                   HttpOptions options)
    : timers_(timers),
      options_(std::move(options)),
      router_(std::move(routes)),
      tcp_(runtime, timers,
           {.listen = options_.listen,
            .insecure = options_.insecure,
            .connections_max = options_.limits.connections_max},
           [this](size_t shard, Socket socket, bool refused) -> awaitable<void> {
             Connection connection(shards_[shard]->shared, std::move(socket));
             co_await connection.run(refused);
           }) {
  const HttpLimits& limits = options_.limits;
  const size_t body_bytes = std::max(limits.body_bytes_total_max / runtime.shard_count(), limits.body_bytes_max + 1024);
  for (size_t index = 0; index < runtime.shard_count(); ++index) {
    Shard& shard = runtime.shard(index);
    shards_.push_back(
        std::unique_ptr<PerShard>(new PerShard{.shared = {.runtime = runtime,
                                                          .shard = shard,
                                                          .timers = timers,
                                                          .router = router_,
                                                          .limits = options_.limits,
                                                          .services = services,
                                                          .metrics = HttpMetrics::of_shard(metrics, index),
                                                          .any_host = options_.insecure,
                                                          .body_memory = BodyMemory(shard, timers, body_bytes),
                                                          .connections = {},
                                                          .now = timers.clock().steady(),
                                                          .date_line = make_date_line(timers.clock().wall()),
                                                          .connection_ended = Signal(shard)}}));
  }
}

void Listener::start() {
  tcp_.start();
  for (const auto& shard : shards_) {
    asio::post(shard->shared.shard.executor(), [this, one = shard.get()] { sweep(*one); });
  }
}

void Listener::sweep(PerShard& shard) {
  ConnectionShard& shared = shard.shared;
  if (shared.stopping) return;
  shared.now = timers_.clock().steady();
  shared.date_line = make_date_line(timers_.clock().wall());
  shared.metrics.body_bytes->set(static_cast<int64_t>(shared.body_memory.used()));
  for (Connection* connection : shared.connections) connection->check_deadline();
  shard.next_sweep = timers_.call_at(shared.shard, shared.now + kSweepInterval, [this, &shard] {
    // A call may not destroy itself, so the next one is made from outside.
    asio::post(shard.shared.shard.executor(), [this, &shard] { sweep(shard); });
  });
}

awaitable<void> Listener::stop_connections(PerShard& shard) {
  ConnectionShard& shared = shard.shared;
  shared.stopping = true;
  shard.next_sweep.reset();
  for (Connection* connection : shared.connections) connection->stop();
  const SteadyTime deadline = timers_.clock().steady() + options_.limits.stop_time;
  while (!shared.connections.empty() && timers_.clock().steady() < deadline) {
    co_await shared.connection_ended.wait_until(timers_, deadline);
  }
  for (Connection* connection : shared.connections) connection->cut();
  // What was queued here before, such as a sweep, is done when this has been through the queue.
  co_await asio::post(shared.shard.executor(), asio::use_awaitable);
}

awaitable<void> Listener::stop() {
  co_await tcp_.stop_accepting();
  for (const auto& shard : shards_) {
    PerShard* one = shard.get();
    co_await on(one->shared.shard, [this, one] { return stop_connections(*one); });
  }
  co_await tcp_.wait_until_ended();
}

}  // namespace headrace
