// One client's connection, from its first byte to its last: requests are read, answered in order, and answers to
// pipelined requests leave together. A coroutine on the shard that the listener chose.
//
// Time-outs cost nothing per request: a connection only notes a deadline, and the listener looks at all of them a few
// times a second (check_deadline), by a clock that it reads then.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "boost/beast/core/flat_buffer.hpp"
#include "http/content_coding.h"
#include "http/request_parser.h"
#include "http/router.h"
#include "runtime/body_memory.h"
#include "runtime/tcp_listener.h"

namespace headrace {

using Socket = TcpListener::Socket;

class Connection;

// What a shard counts.
struct HttpMetrics {
  std::shared_ptr<Counter> requests;
  std::shared_ptr<Counter> client_errors;  // answers 4xx
  std::shared_ptr<Counter> server_errors;  // answers 5xx
  std::shared_ptr<Gauge> connections;
  std::shared_ptr<Gauge> streams;     // connections on which changes are pushed
  std::shared_ptr<Gauge> body_bytes;  // of bodies in memory, as of the last sweep

  static HttpMetrics of_shard(Metrics& metrics, size_t shard);
};

// What the connections of one shard share; owned by the listener, used on that shard.
struct ConnectionShard {
  Runtime& runtime;
  Shard& shard;
  Timers& timers;
  const Router& router;
  const HttpLimits& limits;
  Services* services;
  HttpMetrics metrics;
  bool any_host;  // else only names of this machine are served
  BodyMemory body_memory;

  std::list<Connection*> connections;
  SteadyTime now;         // as of the last sweep
  std::string date_line;  // likewise
  bool stopping = false;
  Signal connection_ended;
};

class Connection final : public ResponseStream {
 public:
  Connection(ConnectionShard& shared, Socket socket);
  ~Connection() override;

  // Until the connection ends. Throws nothing. `refused`: above the limit of connections; says so and ends.
  awaitable<void> run(bool refused);

  // Ends what took too long.
  void check_deadline();
  // Ends at once when it is between requests, else after the answer.
  void stop();
  // Ends now.
  void cut();

 private:
  enum class Phase : uint8_t { kIdle, kHeader, kBody, kRoom, kHandling, kWriting, kStreaming, kDraining };

  // ResponseStream.
  awaitable<bool> start(const Response& response) override;
  awaitable<bool> write(std::string_view bytes) override;
  bool ended() override;
  bool server_stops() override { return shared_.stopping; }
  void extend(std::chrono::milliseconds wait) override { deadline_ += wait; }

  awaitable<void> serve();
  // Parses the header at the front of the buffer and finds the route. False: response_ has the reason.
  bool accept_header(size_t header_bytes);
  bool accept_origin();
  bool accept_body_header();
  bool has_body() const { return request_.chunked || request_.content_length.value_or(0) > 0; }
  // Reads the body into the request. False: response_ has the reason, or the client is gone.
  awaitable<bool> receive_body(size_t header_bytes);
  awaitable<bool> receive_plain_body();
  awaitable<bool> receive_coded_body(std::unique_ptr<ContentDecoder> decoder, size_t header_bytes);
  awaitable<bool> add_payload(std::string_view payload, ContentDecoder* decoder);
  awaitable<bool> take_room(size_t bytes);
  awaitable<bool> receive(size_t bytes_max);
  void note_body_progress(size_t bytes);
  awaitable<void> handle();
  // Queues the response for sending, or sends it when it is large.
  awaitable<bool> answer();
  void count_answer();
  Framing framing() const;

  // Sends out_, and then `more`. False when the client is gone.
  bool send_now();  // true when all of out_ left without waiting
  awaitable<bool> send(std::string_view more = {});
  // The last words: sends out_ and lets the client read it although it may still be sending.
  awaitable<void> drain();

  static constexpr size_t kBodyReadBytesMax = 256 * 1024;  // of a chunked or compressed body at once

  void enter(Phase phase, std::chrono::nanoseconds time);
  std::string_view buffered() const;

  ConnectionShard& shared_;
  std::list<Connection*>::iterator place_;
  Socket socket_;
  Phase phase_ = Phase::kIdle;
  SteadyTime deadline_;
  bool gone_ = false;       // the socket failed or was closed here
  bool timed_out_ = false;  // set by check_deadline for a read
  bool last_ = false;       // no further request on this connection
  bool streamed_ = false;

  boost::beast::flat_buffer buffer_;
  size_t searched_ = 0;  // of the buffer, for the end of a header
  std::string out_;      // answers that were not sent yet
  Request request_;
  Response response_;
  Match match_;
  std::optional<RequestParser> parser_;
  std::string header_copy_;  // of requests whose body is read through the buffer
  BodyMemory::Lease lease_;
  SteadyTime body_begin_;
  uint64_t body_received_ = 0;
};

}  // namespace headrace
