// The HTTP port's connections: what those of a shard share, their deadlines, and their end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/connection.h"
#include "http/limits.h"
#include "http/router.h"
#include "runtime/tcp_listener.h"

namespace headrace {

class Listener {
 public:
  // `services` is handed to the routes' handlers as it is.
  Listener(Runtime& runtime, Timers& timers, Metrics& metrics, std::vector<Route> routes, Services* services,
           HttpOptions options);
  // Destroyed after stop(), or when start() was not called or threw.

  // Listens and serves. From a thread that is not a shard's. Throws Error(kRefused) for an address that is not
  // loopback unless the options say insecure, Error(kInvalid) for what is not an address, Error(kIo) if it is taken.
  void start();
  uint16_t port() const { return tcp_.port(); }
  std::string url() const { return "http://" + tcp_.address(); }  // "http://127.0.0.1:8080"

  // Refuses new connections, lets requests in flight end (at most HttpLimits::stop_time), cuts off the rest.
  awaitable<void> stop();

  const Router& router() const { return router_; }

 private:
  // How often deadlines are looked at: a time-out is late by at most this.
  static constexpr std::chrono::milliseconds kSweepInterval{250};

  struct PerShard {
    ConnectionShard shared;
    std::unique_ptr<Timers::Handle> next_sweep = nullptr;
  };

  void sweep(PerShard& shard);
  awaitable<void> stop_connections(PerShard& shard);

  Timers& timers_;
  const HttpOptions options_;
  const Router router_;
  std::vector<std::unique_ptr<PerShard>> shards_;
  TcpListener tcp_;
};

}  // namespace headrace
