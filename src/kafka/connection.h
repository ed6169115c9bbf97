// One client's connection: frames in, answers out, in the order of the frames. As Kafka does it, requests are handled
// one after the other, so that each sees what those before it did; but of Produce as many side by side as the limits
// allow, so that a producer's batches share commits: the log keeps their order. Reading stops while there are too many,
// while anything but Produce is handled, or when all requests of the shard hold too much memory, and pressure reaches
// the client through its socket.
//
// Time-outs cost nothing per request: a connection only notes deadlines, and the server looks at all of them a few
// times a second (check_deadlines).
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "kafka/apis.h"
#include "kafka/kafka_metrics.h"
#include "runtime/body_memory.h"
#include "runtime/tcp_listener.h"

namespace headrace::kafka {

class Connection;

// What the connections of one shard share; owned by the server, used on that shard.
struct ConnectionShard {
  const Broker& broker;
  Shard& shard;
  Pool& pool;
  BodyMemory request_memory;
  FramePool& frames;
  KafkaMetrics metrics;
  size_t fetch_session_room;  // for partitions that sessions remember
  std::list<Connection*> connections;
  SteadyTime now;  // as of the last sweep
  bool stopping = false;
  Signal connection_ended;
};

class Connection {
 public:
  Connection(ConnectionShard& shared, TcpListener::Socket socket);
  ~Connection();

  // Until the connection has ended and nothing uses it any more. Throws nothing.
  awaitable<void> run();

  // Ends what took too long.
  void check_deadlines();
  // Ends now.
  void cut();

 private:
  struct Request {
    explicit Request(Connection& connection);

    BodyMemory::Lease lease;
    Call call;
    bool done = false;
  };

  awaitable<void> read_all();
  // The next frame without its length; false when the client is gone or broke the protocol.
  awaitable<bool> read_frame(BodyMemory::Lease& lease, Frame& frame);
  // Until a client beyond its quota has been silent for long enough.
  awaitable<bool> wait_out_throttle();
  // What was read ahead first, and then from the socket.
  awaitable<bool> receive(char* to, size_t size);
  // One call to the socket, when nothing is ahead. As recvmsg: more than `size` when bytes went ahead.
  ssize_t receive_some(char* to, size_t size);
  // Nothing is read meanwhile: what a client sends behind a call that waits for long holds no memory.
  awaitable<void> wait_until_handled();
  awaitable<void> handle(std::shared_ptr<Request> request);
  awaitable<void> write_all();
  awaitable<bool> send(std::span<const Answer* const> answers);
  awaitable<bool> wait_writable();

  ConnectionShard& shared_;
  std::list<Connection*>::iterator place_;
  TcpListener::Socket socket_;
  const Peer peer_;
  FetchSession fetch_session_;
  Throttle throttle_;
  std::deque<std::shared_ptr<Request>> requests_;  // the oldest first
  Signal progress_;                                // a request was read, done or answered
  std::string ahead_;                              // came behind what was asked for; nothing while the client is silent
  size_t ahead_used_ = 0;
  bool ended_ = false;  // nothing can be sent any more
  bool reading_ = true;
  bool writing_ = true;
  size_t handling_ = 0;
  size_t unsent_bytes_ = 0;  // in memory, of answers that wait to be sent
  SteadyTime read_deadline_;
  std::optional<SteadyTime> receiving_since_;  // a part of a request for which it has room
  SteadyTime write_deadline_;
};

}  // namespace headrace::kafka
