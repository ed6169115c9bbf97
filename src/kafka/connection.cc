#include "kafka/connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>

#include "base/bytes.h"
#include "base/trace.h"
#include "boost/asio/redirect_error.hpp"
#include "fmt/format.h"
#include "kafka/answer_sender.h"
#include "kafka/messages/produce.h"

namespace headrace::kafka {
namespace {

using boost::system::error_code;

constexpr size_t kLengthBytes = 4;
constexpr size_t kHeaderBytesMin = 8;
constexpr size_t kAheadBytes = 16 * 1024;
constexpr size_t kRoomStepMin = 16 * 1024;
constexpr size_t kRoomStepMax = 256 * 1024;
// What of files is sent at once: on the shard, where others wait for their turn, and on the pool, where it may have to
// come from the disk.
constexpr size_t kShardStepBytes = size_t{1} << 20;
constexpr size_t kPoolStepBytes = size_t{4} << 20;
constexpr std::chrono::hours kNoLimit{24 * 365};

Peer peer_of(const TcpListener::Socket& socket) {
  error_code failure;
  const auto client = socket.remote_endpoint(failure);
  const auto server = socket.local_endpoint(failure);
  return {.client_host = "/" + client.address().to_string(),
          .server_host = server.address().to_string(),
          .server_port = server.port()};
}

}  // namespace

size_t Answer::size() const {
  size_t size = bytes.size();
  for (const SplicedRecords& each : splices) size += each.records.size();
  return size;
}

size_t Answer::bytes_in_memory() const {
  size_t size = bytes.size();
  for (const SplicedRecords& each : splices) size += each.records.bytes().size();
  return size;
}

Connection::Request::Request(Connection& connection)
    : lease(connection.shared_.request_memory),
      call{.broker = connection.shared_.broker,
           .shard = connection.shared_.shard,
           .frame = {},
           .header = {},
           .body = KafkaReader({}),
           .peer = connection.peer_,
           .fetch_session = connection.fetch_session_,
           .throttle = connection.throttle_,
           .ended = connection.ended_,
           .answer = {}} {}

Connection::Connection(ConnectionShard& shared, TcpListener::Socket socket)
    : shared_(shared),
      socket_(std::move(socket)),
      peer_(peer_of(socket_)),
      fetch_session_(shared.fetch_session_room),
      throttle_(shared.broker.timers.clock(), shared.metrics),
      progress_(shared.shard) {
  place_ = shared_.connections.insert(shared_.connections.end(), this);
  shared_.metrics.connections->add(1);
  read_deadline_ = shared_.now + shared_.broker.options.limits.idle_time;
  write_deadline_ = shared_.now + kNoLimit;
}

Connection::~Connection() {
  shared_.connections.erase(place_);
  shared_.metrics.connections->add(-1);
  shared_.connection_ended.notify_all();
}

awaitable<void> Connection::run() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  shared_.shard.spawn(write_all());
  co_await read_all();
  reading_ = false;
  progress_.notify_all();
  while (writing_ || handling_ > 0) co_await progress_.wait();
}

awaitable<void> Connection::read_all() {
  const KafkaLimits& limits = shared_.broker.options.limits;
  while (!ended_ && !shared_.stopping) {
    auto request = std::make_shared<Request>(*this);
    Call& call = request->call;
    if (!co_await read_frame(request->lease, call.frame)) co_return;
    call.body = KafkaReader(std::string_view(call.frame.bytes));
    try {
      call.header.read(call.body);
    } catch (const Error& error) {
      shared_.metrics.refused->add();
      trace::debug("kafka: {} sent a request that cannot be read: {}", peer_.client_host, error.message());
      co_return;
    }
    // Before the next request is read: those who send faster than they are answered are not let in first.
    const bool produces = call.header.api_key == ProduceRequest::kKey;
    if (produces) {
      throttle_.extend(
          shared_.broker.quotas.charge(QuotaKey::kProducerByteRate, call.client_id(), request->lease.bytes()));
    }
    if (!produces) co_await wait_until_handled();
    if (ended_) co_return;
    requests_.push_back(request);
    ++handling_;
    shared_.shard.spawn(handle(std::move(request)));
    if (!produces) co_await wait_until_handled();
    while ((requests_.size() >= limits.requests_in_flight_max || unsent_bytes_ >= limits.unsent_bytes_max) && !ended_)
      co_await progress_.wait();
  }
}

awaitable<void> Connection::wait_until_handled() {
  while (handling_ > 0 && !ended_) co_await progress_.wait();
}

awaitable<bool> Connection::read_frame(BodyMemory::Lease& lease, Frame& frame) {
  const KafkaLimits& limits = shared_.broker.options.limits;
  read_deadline_ = shared_.now + limits.idle_time;
  char prefix[kLengthBytes];
  if (!co_await receive(prefix, sizeof prefix)) co_return false;
  const auto length = load_big_endian<int32_t>(prefix);
  if (length < static_cast<int32_t>(kHeaderBytesMin) || static_cast<size_t>(length) > limits.request_bytes_max) {
    trace::debug("kafka: {} announced a request of {} bytes; the limit is {}", peer_.client_host, length,
                 limits.request_bytes_max);
    co_return false;
  }
  if (!co_await wait_out_throttle()) co_return false;
  const auto size = static_cast<size_t>(length);
  const SteadyTime began = shared_.broker.timers.clock().steady();
  const auto enough = std::chrono::milliseconds(size * 1000 / limits.request_bytes_per_second_min);
  const SteadyTime patience = began + limits.request_time + enough;
  // Pages that nothing was written to cost nothing, or are the pool's, so the room is taken as the bytes come, not as
  // they are announced: never much more than has come, or those who announce and do not send would have it all.
  frame = shared_.frames.take(size);
  for (size_t received = 0; received < size;) {
    const size_t part = std::min(size - received, std::clamp(received, kRoomStepMin, kRoomStepMax));
    read_deadline_ = shared_.now + kNoLimit;
    if (!co_await shared_.request_memory.take(lease, part, patience)) co_return false;
    const auto so_far = std::chrono::milliseconds(received * 1000 / limits.request_bytes_per_second_min);
    read_deadline_ = std::max(began, shared_.now) + limits.request_time + so_far;
    receiving_since_ = shared_.now;
    if (!co_await receive(frame.bytes.data() + received, part)) co_return false;
    receiving_since_.reset();
    received += part;
  }
  read_deadline_ = shared_.now + kNoLimit;  // until the next one may come
  shared_.metrics.received_bytes->add(size + kLengthBytes);
  co_return true;
}

awaitable<bool> Connection::wait_out_throttle() {
  read_deadline_ = shared_.now + kNoLimit;
  while (throttle_.active() && !ended_) co_await progress_.wait_until(shared_.broker.timers, throttle_.until());
  co_return !ended_;
}

awaitable<bool> Connection::receive(char* to, size_t size) {
  while (!ended_) {
    const size_t had = ahead_.copy(to, size, ahead_used_);
    ahead_used_ += had;
    to += had;
    size -= had;
    if (size == 0) co_return true;
    const ssize_t received = receive_some(to, size);
    if (received > 0) {
      const size_t mine = std::min(size, static_cast<size_t>(received));
      to += mine;
      size -= mine;
    } else if (received < 0 && errno == EINTR) {
      continue;
    } else if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      std::string().swap(ahead_);
      error_code failure;
      co_await socket_.async_wait(TcpListener::Socket::wait_read, asio::redirect_error(asio::use_awaitable, failure));
      if (failure) co_return false;
    } else {
      co_return false;
    }
  }
  co_return false;
}

// What follows in the socket comes along when little is asked for: small requests, and the beginning of a large one,
// whose rest goes straight to its place.
ssize_t Connection::receive_some(char* to, size_t size) {
  ssize_t received = 0;
  ahead_used_ = 0;
  ahead_.resize_and_overwrite(size < kAheadBytes ? kAheadBytes : 0, [&](char* ahead, size_t ahead_size) {
    std::array<iovec, 2> room{{{to, size}, {ahead, ahead_size}}};
    msghdr message{};
    message.msg_iov = room.data();
    message.msg_iovlen = room.size();
    received = ::recvmsg(socket_.native_handle(), &message, MSG_DONTWAIT);
    return received > static_cast<ssize_t>(size) ? static_cast<size_t>(received) - size : 0;
  });
  return received;
}

awaitable<void> Connection::handle(std::shared_ptr<Request> request) {
  Call& call = request->call;
  try {
    const Api* api = find_api(call.header.api_key);
    if (api == nullptr) throw Error(Code::kUnsupported, fmt::format("API {} is not served", call.header.api_key));
    const bool known = call.version() >= api->min_version && call.version() <= api->max_version;
    // Asked for a newer version, ApiVersions itself says which there are.
    if (!known && api->handle != answer_api_versions) {
      throw Error(Code::kUnsupported, fmt::format("version {} of API {} is not served; {} to {} are", call.version(),
                                                  api->key, api->min_version, api->max_version));
    }
    co_await answer(*api, call);
    shared_.metrics.requests[static_cast<size_t>(api->key)]->add();
  } catch (const Error& error) {
    shared_.metrics.refused->add();
    // What a client does wrong is for its own eyes, or it could fill the disk with our complaints.
    if (error.code() == Code::kInternal)
      trace::error("kafka: closing the connection of {}: {}", peer_.client_host, error.message());
    else if (!ended_)
      trace::debug("kafka: closing the connection of {}: {}", peer_.client_host, error.message());
    cut();
  }
  request->lease.release();
  call.frame = {};
  unsent_bytes_ += call.answer.bytes_in_memory();
  request->done = true;
  --handling_;
  progress_.notify_all();
}

awaitable<void> Connection::write_all() {
  std::vector<const Answer*> answers;
  while (!ended_) {
    const auto undone = std::ranges::find(requests_, false, [](const auto& request) { return request->done; });
    const auto done = undone - requests_.begin();
    if (done == 0) {
      if (requests_.empty() && !reading_) break;
      co_await progress_.wait();
      continue;
    }
    answers.clear();
    for (const auto& request : requests_ | std::views::take(done)) {
      if (request->call.answered) answers.push_back(&request->call.answer);
    }
    if (!answers.empty() && !co_await send(answers)) break;
    for (const auto& request : requests_ | std::views::take(done))
      unsent_bytes_ -= request->call.answer.bytes_in_memory();
    requests_.erase(requests_.begin(), requests_.begin() + done);
    progress_.notify_all();
  }
  cut();
  writing_ = false;
  progress_.notify_all();
}

awaitable<bool> Connection::send(std::span<const Answer* const> answers) {
  AnswerSender sender(answers);
  const int socket = socket_.native_handle();
  for (;;) {
    if (ended_) co_return false;
    AnswerSender::Outcome outcome;
    if (sender.may_read_disk(kShardStepBytes)) {
      outcome = co_await on_pool(shared_.pool, [&] { return sender.send(socket, kPoolStepBytes); });
    } else {
      outcome = sender.send(socket, kShardStepBytes);
      if (outcome == AnswerSender::Outcome::kPaused) co_await asio::post(shared_.shard.executor(), asio::use_awaitable);
    }
    if (outcome == AnswerSender::Outcome::kSent) break;
    if (outcome == AnswerSender::Outcome::kFailed) co_return false;
    if (outcome == AnswerSender::Outcome::kFull && !co_await wait_writable()) co_return false;
  }
  for (const Answer* answer : answers) shared_.metrics.sent_bytes->add(answer->size() + kLengthBytes);
  co_return true;
}

awaitable<bool> Connection::wait_writable() {
  write_deadline_ = shared_.now + shared_.broker.options.limits.write_time;
  error_code failure;
  co_await socket_.async_wait(TcpListener::Socket::wait_write, asio::redirect_error(asio::use_awaitable, failure));
  write_deadline_ = shared_.now + kNoLimit;
  co_return !failure && !ended_;
}

void Connection::check_deadlines() {
  const bool waits_for_client = requests_.empty();
  // While others wait for the room that its request has taken, a client may not take its time.
  const bool stalls = shared_.request_memory.wanted() && receiving_since_ &&
                      shared_.now >= *receiving_since_ + shared_.broker.options.limits.stall_time;
  if (stalls || shared_.now >= write_deadline_ || (waits_for_client && shared_.now >= read_deadline_)) cut();
}

void Connection::cut() {
  ended_ = true;
  // Not closed before the end: a sendfile on the pool must not find another connection under the same number.
  error_code ignored;
  socket_.shutdown(TcpListener::Socket::shutdown_both, ignored);
  socket_.cancel(ignored);
  progress_.notify_all();
}

}  // namespace headrace::kafka
