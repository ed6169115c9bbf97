// The Kafka port: the protocol's requests on the log that HTTP and the views use. main makes it after the views and
// stops it before them.
//
//   KafkaServer server(runtime, timers, metrics, log, catalog, options);
//   server.start();                 // listens; clients bootstrap from server.address()
//   co_await server.stop();
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kafka/connection.h"

namespace headrace::kafka {

class KafkaServer {
 public:
  KafkaServer(Runtime& runtime, Timers& timers, Metrics& metrics, Log& log, Catalog& catalog, KafkaOptions options);
  ~KafkaServer();

  // Reads groups, producer ids and quotas back and listens. From a thread that is not a shard's. Throws what
  // TcpListener's does.
  void start();
  std::string address() const { return tcp_.address(); }
  awaitable<void> stop();

 private:
  // How often deadlines are looked at: a time-out is late by at most this.
  static constexpr std::chrono::milliseconds kSweepInterval{250};

  struct PerShard {
    ConnectionShard shared;
    std::unique_ptr<Timers::Handle> next_sweep = nullptr;
  };

  awaitable<void> serve(size_t shard, TcpListener::Socket socket, bool refused);
  void sweep(PerShard& shard);
  awaitable<void> stop_connections(PerShard& shard);

  Runtime& runtime_;
  Timers& timers_;
  const KafkaOptions options_;
  Groups groups_;
  ProducerIds producer_ids_;
  Quotas quotas_;
  Broker broker_;
  FramePool frames_;
  std::vector<std::unique_ptr<PerShard>> shards_;
  TcpListener tcp_;
};

}  // namespace headrace::kafka
