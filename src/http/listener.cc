#include "http/listener.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/trace.h"
#include "boost/asio/post.hpp"
#include "boost/asio/redirect_error.hpp"
#include "fmt/chrono.h"
#include "fmt/format.h"

namespace headrace {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kAcceptRetry{100};

tcp::endpoint parse_endpoint(const std::string& text) {
  const auto fail = [&] {
    throw Error(Code::kInvalid,
                fmt::format("\"{}\" is not an address to listen on; write ADDRESS:PORT such as 127.0.0.1:8080", text));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) fail();
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  uint16_t port = 0;
  const auto [end, bad_port] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  if (bad_port != std::errc() || end != text.data() + text.size()) fail();
  error_code bad_address;
  const auto address = asio::ip::make_address(host, bad_address);
  if (bad_address) fail();
  return {address, port};
}

std::string make_date_line(WallTime now) {
  return fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} GMT\r\n",
                     fmt::gmtime(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count()));
}

}  // namespace

Listener::Listener(Runtime& runtime, Timers& timers, Metrics& metrics, std::vector<Route> routes, Services* services,
                   HttpOptions options)
    : runtime_(runtime),
      timers_(timers),
      options_(std::move(options)),
      router_(std::move(routes)),
      acceptor_(runtime.shard(0).context()),
      ended_(runtime.shard(0)) {
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

Listener::~Listener() {
  check(!accepting_ && open() == 0, "the HTTP listener is stopped before it is destroyed");
}

void Listener::start() {
  const tcp::endpoint wanted = parse_endpoint(options_.listen);
  if (!wanted.address().is_loopback() && !options_.insecure) {
    throw Error(Code::kRefused,
                fmt::format("{} can be reached from other machines, and there is no authentication; listen on "
                            "127.0.0.1, or say --insecure if the network is trusted",
                            options_.listen));
  }
  try {
    acceptor_.open(wanted.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(wanted);
    acceptor_.listen(kBacklog);
    endpoint_ = acceptor_.local_endpoint();
  } catch (const boost::system::system_error& failure) {
    throw Error(Code::kIo, fmt::format("cannot listen on {}: {}; is another server running there?", options_.listen,
                                       failure.code().message()));
  }
  accepting_ = true;
  for (const auto& shard : shards_) {
    asio::post(shard->shared.shard.executor(), [this, one = shard.get()] { sweep(*one); });
  }
  runtime_.shard(0).spawn(accept_all());
}

std::string Listener::url() const {
  const std::string address = endpoint_.address().to_string();
  return endpoint_.address().is_v6() ? fmt::format("http://[{}]:{}", address, port())
                                     : fmt::format("http://{}:{}", address, port());
}

size_t Listener::open() const {
  size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->open;
  return sum;
}

awaitable<void> Listener::accept_all() {
  while (!stopping_) {
    PerShard& least = **std::ranges::min_element(shards_, {}, [](const auto& shard) { return shard->open; });
    Socket socket(least.shared.shard.context());
    error_code failure;
    co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, failure));
    if (stopping_) break;
    if (failure) {
      if (failure == asio::error::connection_aborted) continue;
      // Most likely out of file descriptors: connections that end will free some.
      trace::warn("cannot accept a connection: {}", failure.message());
      co_await timers_.sleep(runtime_.shard(0), kAcceptRetry);
      continue;
    }
    const bool refused = open() >= options_.limits.connections_max;
    if (refused && open() >= options_.limits.connections_max + kRefusalsMax) continue;
    socket.set_option(tcp::no_delay(true), failure);
    ++least.open;
    least.shared.shard.spawn(serve(least, std::move(socket), refused));
  }
  accepting_ = false;
  ended_.notify_all();
}

awaitable<void> Listener::serve(PerShard& shard, Socket socket, bool refused) {
  {
    Connection connection(shard.shared, std::move(socket));
    co_await connection.run(refused);
  }
  asio::post(runtime_.shard(0).executor(), [this, &shard] {
    --shard.open;
    ended_.notify_all();
  });
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

void Listener::stop_accepting() {
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
}

awaitable<void> Listener::wait_until_ended() {
  while (accepting_ || open() > 0) co_await ended_.wait();
}

awaitable<void> Listener::stop() {
  co_await on(runtime_.shard(0), [this] { stop_accepting(); });
  for (const auto& shard : shards_) {
    PerShard* one = shard.get();
    co_await on(one->shared.shard, [this, one] { return stop_connections(*one); });
  }
  co_await on(runtime_.shard(0), [this] { return wait_until_ended(); });
}

}  // namespace headrace
