// Every limit of the Kafka port, with its default and what a client sees beyond it. They hold from the first byte of a
// connection to the last, so that no client can make the server use more than they allow.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "log/log.h"

namespace headrace::kafka {

struct KafkaLimits {
  using Milliseconds = std::chrono::milliseconds;

  size_t connections_max = 4096;                      // the connection is closed
  size_t request_bytes_max = 32 * 1024 * 1024;        // of one request; the connection is closed
  size_t batch_bytes_max = kBatchBytesMax;            // of a record batch; MESSAGE_TOO_LARGE
  size_t request_bytes_total_max = 64 * 1024 * 1024;  // of all requests in memory; reading waits
  size_t frame_pool_bytes = 32 * 1024 * 1024;         // kept for large requests, beside that
  size_t requests_in_flight_max = 64;                 // of one connection; reading waits
  size_t produce_partitions_max = 10'000;             // that one Produce has batches for; the connection is closed
  size_t unsent_bytes_max = 1024 * 1024;              // of a connection's answers, but for its last; reading waits
  size_t fetch_bytes_max = 16 * 1024 * 1024;          // of one answer to a fetch, but for its first batch
  size_t fetch_session_partitions_max = 100'000;      // that all fetch sessions of a shard remember; none is handed out
  // How long a request may be on its way, and how fast it must come beyond that; the connection is closed.
  Milliseconds request_time{10'000};
  size_t request_bytes_per_second_min = 64 * 1024;
  Milliseconds stall_time{1'000};       // for part of a request, while others wait for memory; the connection is closed
  Milliseconds idle_time{600'000};      // between requests, as Kafka's connections.max.idle.ms
  Milliseconds write_time{30'000};      // without progress of an answer; the connection is closed
  Milliseconds fetch_wait_max{60'000};  // of a fetch's max.wait.ms
  Milliseconds stop_time{3'000};        // for requests in flight when the server stops
  size_t topics_max = 100'000;          // made by clients; POLICY_VIOLATION
};

struct KafkaOptions {
  std::string listen = "127.0.0.1:9092";  // ADDRESS:PORT; port 0 takes a free one
  bool insecure = false;                  // allow an address that is not loopback
  bool create_topics = true;       // a client's first use of a topic makes it, as Kafka's auto.create.topics.enable
  int32_t partitions_default = 1;  // of topics that clients make without saying
  KafkaLimits limits;
};

}  // namespace headrace::kafka
