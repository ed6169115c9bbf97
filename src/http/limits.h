// Every limit of the HTTP port, with its default and what a client sees beyond it. They hold from the first byte of a
// connection to the last, so that no client can make the server use more than they allow.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace headrace {

struct HttpLimits {
  using Milliseconds = std::chrono::milliseconds;

  size_t connections_max = 4096;                    // 503 and the connection ends
  size_t header_bytes_max = 16 * 1024;              // request line and header fields; 431
  size_t header_fields_max = 100;                   // 431
  size_t body_bytes_max = 64 * 1024 * 1024;         // of one body, as sent and when decompressed; 413
  size_t body_bytes_total_max = 128 * 1024 * 1024;  // of all bodies in memory; wait for `room_time`, then 429
  uint64_t body_bytes_per_second_min = 16 * 1024;   // a body has `body_time` plus its size at this rate; 408
  Milliseconds room_time{5'000};                    // for a body to find room in memory
  Milliseconds header_time{10'000};                 // from a request's first byte to the end of its header; 408
  Milliseconds body_time{60'000};                   // see above
  Milliseconds idle_time{120'000};                  // between requests, before the connection is closed
  Milliseconds request_time{60'000};                // to answer, beyond what `Prefer: wait` asks for; 504
  Milliseconds write_time{20'000};                  // without progress of a response; the connection is cut off
  Milliseconds stop_time{10'000};                   // for requests in flight when the server stops
  Milliseconds wait_default{5'000};                 // `Prefer: wait` when it is not given
  Milliseconds wait_max{60'000};                    // `Prefer: wait` at most
  Milliseconds heartbeat_interval{15'000};          // of server-sent events
  size_t rows_default = 100;                        // of one page of a view or of records
  size_t rows_max = 1000;                           // 422
  size_t record_bytes_per_page = 4 * 1024 * 1024;   // a page of records ends beyond this
  size_t query_parameters_max = 64;                 // 422
  size_t path_segments_max = 40;                    // 404
};

struct HttpOptions {
  std::string listen = "127.0.0.1:8080";  // ADDRESS:PORT; port 0 takes a free one
  bool insecure = false;                  // allow an address that is not loopback
  HttpLimits limits;
};

}  // namespace headrace
