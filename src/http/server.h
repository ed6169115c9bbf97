// The HTTP port: DESIGN §5's calls on the services behind them. main makes it last and stops it first.
//
//   HttpServer server(runtime, timers, services, options);
//   server.start();                 // listens; server.url() is what to open
//   co_await server.stop();         // lets requests end
#pragma once

#include <memory>
#include <string>

#include "http/limits.h"
#include "http/services.h"
#include "runtime/shard.h"
#include "runtime/timers.h"

namespace headrace {

class Listener;

class HttpServer {
 public:
  HttpServer(Runtime& runtime, Timers& timers, Services services, HttpOptions options);
  ~HttpServer();

  // From a thread that is not a shard's. Throws Error(kRefused) for an address that other machines can reach unless
  // the options say insecure, Error(kInvalid) for what is not an address, Error(kIo) when it is taken.
  void start();
  uint16_t port() const;
  std::string url() const;  // "http://127.0.0.1:8080"
  // Refuses new connections, waits for requests in flight, ends subscriptions.
  awaitable<void> stop();

 private:
  Services services_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace headrace
