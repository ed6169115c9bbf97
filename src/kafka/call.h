// One request and its answer, as its handler sees them. Handlers are coroutines on the connection's shard. Those of one
// connection follow each other; only those of Produce run side by side, begin in the order of the requests and may end
// in any order. Answers leave in the order of the requests.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/broker.h"
#include "kafka/fetch_session.h"
#include "kafka/throttle.h"
#include "kafka/wire.h"
#include "kafka/wire_header.h"
#include "runtime/frame_pool.h"

namespace headrace::kafka {

// A response with its header. Records are not copied into it: they stand where `splices` says and live in `owners`.
struct Answer {
  std::string bytes;
  std::vector<SplicedRecords> splices;
  std::vector<std::shared_ptr<const void>> owners;

  size_t size() const;
  // Without what is in files.
  size_t bytes_in_memory() const;
};

// The two ends of a connection. A client is told to connect where it did already.
struct Peer {
  std::string client_host;  // "/127.0.0.1", as Kafka shows it
  std::string server_host;
  uint16_t server_port = 0;
};

// How often a call that waits looks at `ended`.
inline constexpr std::chrono::milliseconds kLookInterval{250};

struct Call {
  const Broker& broker;
  Shard& shard;
  Frame frame;  // the request's bytes
  RequestHeader header;
  KafkaReader body;  // views into the frame live as long as the call
  const Peer& peer;
  FetchSession& fetch_session;  // the connection's
  Throttle& throttle;           // the connection's
  const bool& ended;            // the client is gone, or the server stops: waiting has no point any more
  Answer answer;
  bool answered = true;  // false: the client expects none (acks=0)

  int16_t version() const { return header.api_version; }
  // Lives as long as the call.
  std::string_view client_id() const { return header.client_id.value_or(""); }

  template <typename Request>
  Request read() {
    Request request;
    request.read(body, header.api_version);
    return request;
  }
  // Whatever the answer is about, it says how long the connection will not be listened to.
  template <typename Response>
  void write(Response& response) {
    if constexpr (requires { response.throttle_time_ms; }) response.throttle_time_ms = throttle.left_ms();
    KafkaWriter writer(answer.bytes, &answer.splices);
    ResponseHeader{header.correlation_id}.write(writer, header.api_key, header.api_version);
    response.write(writer, header.api_version);
  }
};

}  // namespace headrace::kafka
