// The listening socket and its connections. One acceptor on shard 0 hands each connection to the shard that has the
// fewest: with few connections all shards work, which SO_REUSEPORT's hashing does not promise. The limit of
// connections is counted there too, exactly and without atomics.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/connection.h"
#include "http/limits.h"
#include "http/router.h"

namespace headrace {

class Listener {
 public:
  // `services` is handed to the routes' handlers as it is.
  Listener(Runtime& runtime, Timers& timers, Metrics& metrics, std::vector<Route> routes, Services* services,
           HttpOptions options);
  // After stop(), or when start() was not called or threw.
  ~Listener();

  // Listens and serves. From a thread that is not a shard's. Throws Error(kRefused) for an address that is not
  // loopback unless the options say insecure, Error(kInvalid) for what is not an address, Error(kIo) if it is taken.
  void start();
  uint16_t port() const { return endpoint_.port(); }
  // "http://127.0.0.1:8080"
  std::string url() const;

  // Refuses new connections, lets requests in flight end (at most HttpLimits::stop_time), cuts off the rest.
  awaitable<void> stop();

  const Router& router() const { return router_; }

 private:
  // How often deadlines are looked at: a time-out is late by at most this.
  static constexpr std::chrono::milliseconds kSweepInterval{250};
  // Above the limit of connections, this many at once are told so; the rest are just closed.
  static constexpr size_t kRefusalsMax = 64;

  struct PerShard {
    ConnectionShard shared;
    std::unique_ptr<Timers::Handle> next_sweep = nullptr;
    size_t open = 0;  // counted on shard 0
  };

  awaitable<void> accept_all();
  awaitable<void> serve(PerShard& shard, Socket socket, bool refused);
  void sweep(PerShard& shard);
  awaitable<void> stop_connections(PerShard& shard);
  void stop_accepting();
  awaitable<void> wait_until_ended();
  size_t open() const;

  Runtime& runtime_;
  Timers& timers_;
  const HttpOptions options_;
  const Router router_;
  std::vector<std::unique_ptr<PerShard>> shards_;
  asio::ip::tcp::acceptor acceptor_;
  asio::ip::tcp::endpoint endpoint_;
  Signal ended_;  // on shard 0: the acceptor or a connection
  bool accepting_ = false;
  bool stopping_ = false;
};

}  // namespace headrace
