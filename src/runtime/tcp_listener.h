// A listening socket and the count of its connections. One acceptor on shard 0 hands each connection to the shard that
// has the fewest: with few connections all shards work, which SO_REUSEPORT's hashing does not promise. The limit of
// connections is counted there too, exactly and without atomics.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "boost/asio/ip/tcp.hpp"
#include "runtime/signal.h"

namespace headrace {

struct TcpListenerOptions {
  std::string listen;             // ADDRESS:PORT; port 0 takes a free one
  bool insecure = false;          // allow an address that is not loopback
  size_t connections_max = 4096;  // beyond it a connection is refused
};

class TcpListener {
 public:
  // With the same (polymorphic) executor as coroutines have, a completed read resumes its coroutine directly; with a
  // concrete one Asio would wrap and allocate each time.
  using Socket = asio::ip::tcp::socket;
  // Serves one connection, on the shard of that number. `refused`: there are too many; say so and end.
  using Serve = std::function<awaitable<void>(size_t shard, Socket socket, bool refused)>;

  TcpListener(Runtime& runtime, Timers& timers, TcpListenerOptions options, Serve serve);
  // After wait_until_ended(), or when start() was not called or threw.
  ~TcpListener();

  // From a thread that is not a shard's. Throws Error(kRefused) for an address that is not loopback unless the options
  // say insecure, Error(kInvalid) for what is not an address, Error(kIo) if it is taken.
  void start();
  uint16_t port() const { return endpoint_.port(); }
  // "127.0.0.1:8080", "[::1]:8080"
  std::string address() const;
  std::string host() const { return endpoint_.address().to_string(); }

  awaitable<void> stop_accepting();
  // Until the last connection has ended.
  awaitable<void> wait_until_ended();

 private:
  // Above the limit of connections, this many at once are told so; the rest are just closed.
  static constexpr size_t kRefusalsMax = 64;

  awaitable<void> accept_all();
  awaitable<void> serve(size_t shard, Socket socket, bool refused);
  size_t open() const;

  Runtime& runtime_;
  Timers& timers_;
  const TcpListenerOptions options_;
  const Serve serve_;
  asio::ip::tcp::acceptor acceptor_;
  asio::ip::tcp::endpoint endpoint_;
  // On shard 0.
  std::vector<size_t> open_;  // connections of each shard
  Signal ended_;              // the acceptor or a connection
  bool accepting_ = false;
  bool stopping_ = false;
};

}  // namespace headrace
