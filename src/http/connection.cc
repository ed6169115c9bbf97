#include "http/connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "base/trace.h"
#include "boost/asio/post.hpp"
#include "boost/asio/redirect_error.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "http/content_coding.h"

namespace headrace {
namespace {

using boost::system::error_code;

constexpr size_t kReadBytes = 4 * 1024;
constexpr size_t kCoalescedBytesMax = 64 * 1024;  // of answers to pipelined requests
constexpr size_t kSendBytesPerTurn = 512 * 1024;  // then others on the shard have their turn
constexpr size_t kDrainedBytesMax = 1024 * 1024;  // of what a refused client still sends
constexpr std::chrono::seconds kDrainTime{2};
constexpr std::chrono::hours kNoLimit{24 * 365};

// The host part of an authority: "localhost:8080" and "[::1]:8080" without the port.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, std::min(authority.find(']') + 1, authority.size()));
  return authority.substr(0, authority.find(':'));
}

bool is_this_machine(std::string_view host) {
  return host == "127.0.0.1" || equals_ignoring_case(host, "localhost") || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace

HttpMetrics HttpMetrics::of_shard(Metrics& metrics, size_t shard) {
  const Labels labels{{"shard", std::to_string(shard)}};
  const auto errors = [&](const char* status) {
    return metrics.counter("headrace_http_errors_total", "Requests answered with a problem, by class of status.",
                           {{"shard", std::to_string(shard)}, {"class", status}});
  };
  return {.requests = metrics.counter("headrace_http_requests_total", "HTTP requests answered.", labels),
          .client_errors = errors("4xx"),
          .server_errors = errors("5xx"),
          .connections = metrics.gauge("headrace_http_connections", "Open HTTP connections.", labels),
          .streams = metrics.gauge("headrace_http_subscribers", "Connections that changes are pushed to.", labels),
          .body_bytes = metrics.gauge("headrace_http_body_bytes", "Memory taken by request bodies.", labels)};
}

Connection::Connection(ConnectionShard& shared, Socket socket)
    : shared_(shared),
      socket_(std::move(socket)),
      buffer_(shared.limits.header_bytes_max + kBodyReadBytesMax),
      lease_(shared.body_memory) {
  place_ = shared_.connections.insert(shared_.connections.end(), this);
  shared_.metrics.connections->add(1);
}

Connection::~Connection() {
  shared_.connections.erase(place_);
  shared_.metrics.connections->add(-1);
  if (streamed_) shared_.metrics.streams->add(-1);
  shared_.connection_ended.notify_all();
}

std::string_view Connection::buffered() const {
  return {static_cast<const char*>(buffer_.data().data()), buffer_.data().size()};
}

void Connection::enter(Phase phase, std::chrono::nanoseconds time) {
  // More bytes of the same header give no more time.
  if (phase_ == phase && (phase == Phase::kIdle || phase == Phase::kHeader)) return;
  phase_ = phase;
  deadline_ = shared_.now + time;
}

awaitable<void> Connection::run(bool refused) {
  try {
    enter(Phase::kHandling, shared_.limits.request_time);
    if (refused) {
      respond_problem(response_, Error(Code::kUnavailable, fmt::format("all {} connections are in use; try again later",
                                                                       shared_.limits.connections_max)));
      last_ = true;
      append_response(out_, response_, framing());
      co_await drain();
    } else {
      co_await serve();
    }
  } catch (const std::exception& exception) {
    trace::error("a connection was closed because of an internal error: {}", exception.what());
  }
}

awaitable<void> Connection::serve() {
  const HttpLimits& limits = shared_.limits;
  while (!gone_) {
    size_t header_bytes = 0;
    while ((header_bytes = find_header_end(buffered(), searched_)) == 0) {
      if (buffer_.size() > limits.header_bytes_max) break;
      // Nothing more can be answered without waiting: now send what has been.
      if (!out_.empty() && !send_now() && !co_await send()) co_return;
      if (shared_.stopping && buffer_.size() == 0) co_return;
      const bool idle = buffer_.size() == 0;
      enter(idle ? Phase::kIdle : Phase::kHeader, idle ? limits.idle_time : limits.header_time);
      if (co_await receive(kReadBytes)) continue;
      if (!timed_out_ || buffer_.size() == 0) co_return;
      last_ = true;
      respond_problem(response_, problems::kSlowRequest,
                      fmt::format("its header did not arrive within {} ms", limits.header_time.count()));
      append_response(out_, response_, framing());
      co_await drain();
      co_return;
    }

    searched_ = 0;
    response_.clear();
    enter(Phase::kHandling, limits.request_time);
    const bool accepted = accept_header(header_bytes);
    if (accepted && has_body()) {
      if (co_await receive_body(header_bytes)) {
        co_await handle();
      } else {
        last_ = true;
      }
    } else if (accepted) {
      co_await handle();
      buffer_.consume(header_bytes);
    } else if (!last_) {
      // Refused, but understood: go on behind the body if it is here already.
      const uint64_t whole = header_bytes + request_.content_length.value_or(0);
      if (request_.chunked || whole > buffer_.size()) {
        last_ = true;
      } else {
        buffer_.consume(whole);
      }
    }
    lease_.release();
    if (gone_ || streamed_) co_return;
    const bool refused = last_;
    if (shared_.stopping || !request_.keep_alive) last_ = true;
    if (!co_await answer()) co_return;
    if (!last_) continue;
    if (refused || buffer_.size() > 0) {
      co_await drain();
    } else if (!out_.empty() && !send_now()) {
      co_await send();
    }
    co_return;
  }
}

bool Connection::accept_header(size_t header_bytes) {
  request_.headers.clear();
  request_.content_length.reset();
  request_.chunked = false;
  request_.keep_alive = true;
  request_.head = false;
  request_.http_1_1 = true;
  request_.path = request_.query = {};
  request_.body = {};

  if (header_bytes == 0 || header_bytes > shared_.limits.header_bytes_max) {
    last_ = true;
    respond_problem(response_, problems::kHeaderTooLarge,
                    fmt::format("it is longer than {} bytes", shared_.limits.header_bytes_max));
    return false;
  }
  parser_.emplace(request_, shared_.limits);
  if (const auto failure = parser_->parse_header(buffered().substr(0, header_bytes))) {
    last_ = true;
    respond_problem(response_, failure->kind, failure->detail);
    return false;
  }
  if (!accept_origin()) return false;

  shared_.router.match(request_.method, request_.path, match_);
  if (match_.route == nullptr) {
    if (!match_.path_known) {
      respond_problem(response_, problems::kNoRoute,
                      fmt::format("nothing is at {}; GET /openapi.json lists the calls", request_.path.substr(0, 500)));
    } else if (request_.method == Method::kOptions) {
      response_.status = 204;
      response_.content_type = {};
      response_.set_header("Allow", match_.allow);
    } else {
      respond_problem(response_, problems::kMethod,
                      fmt::format("{} has: {}", request_.path.substr(0, 500), match_.allow));
      response_.set_header("Allow", match_.allow);
    }
    return false;
  }
  return accept_body_header();
}

bool Connection::accept_body_header() {
  const std::vector<std::string_view>& takes = match_.route->takes;
  if (has_body() && takes.empty()) {
    respond_problem(response_, problems::kBadRequest, "this call takes no body; leave it out");
    return false;
  }
  if (has_body()) {
    const std::string type = body_media_type(request_);
    if (std::ranges::find(takes, type) == takes.end()) {
      respond_problem(response_, problems::kMediaType,
                      fmt::format("the body is \"{}\"; this call takes: {}", type, fmt::join(takes, ", ")));
      return false;
    }
  }
  if (const std::string_view expect = request_.header("Expect");
      !expect.empty() && !equals_ignoring_case(expect, "100-continue")) {
    respond_problem(response_, problems::kExpectation, fmt::format("\"{}\" was expected", expect));
    return false;
  }
  return true;
}

// A browser lets any site send requests to this machine. A site can't name this machine in Host unless its own name
// points here (DNS rebinding), and says where it is in Origin when it changes something.
bool Connection::accept_origin() {
  const std::string_view host = request_.header("Host");
  if (host.empty() && request_.http_1_1) {
    respond_problem(response_, problems::kBadRequest, "the Host field is missing, which HTTP/1.1 requires");
    return false;
  }
  if (!host.empty() && !shared_.any_host && !is_this_machine(host_of(host))) {
    respond_problem(response_, problems::kForbiddenOrigin,
                    fmt::format("the Host \"{}\" is not this machine; use 127.0.0.1 or localhost", host));
    return false;
  }
  if (request_.method == Method::kGet) return true;
  const std::string_view origin = request_.header("Origin");
  if (origin.empty()) return true;
  const size_t scheme = origin.find("://");
  if (scheme != std::string_view::npos && origin.substr(scheme + 3) == host) return true;
  respond_problem(response_, problems::kForbiddenOrigin,
                  fmt::format("a page of {} may not change anything here", origin.substr(0, 200)));
  return false;
}

awaitable<void> Connection::handle() {
  const Route& route = *match_.route;
  // What waits should not hold back what is answered already.
  if (!out_.empty() && route.method != Method::kGet && !send_now() && !co_await send()) co_return;
  enter(Phase::kHandling, shared_.limits.request_time);
  std::exception_ptr failure;
  try {
    HttpCall call{.request = request_,
                  .response = response_,
                  .stream = *this,
                  .services = shared_.services,
                  .runtime = shared_.runtime,
                  .shard = shared_.shard,
                  .timers = shared_.timers,
                  .limits = shared_.limits,
                  .path_parameters = {match_.parameters.data(), match_.parameter_count},
                  .query = {}};
    if (!route.any_query && !request_.query.empty()) {
      call.query = parse_query(request_.query, shared_.limits);
      check_parameters(route, call.query);
    }
    co_await route.handler(call);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure && !streamed_) respond_exception(response_, failure);
}

Framing Connection::framing() const {
  return {.head = request_.head, .keep_alive = !last_, .date = shared_.date_line};
}

void Connection::count_answer() {
  shared_.metrics.requests->add();
  if (response_.status >= 500) {
    shared_.metrics.server_errors->add();
  } else if (response_.status >= 400) {
    shared_.metrics.client_errors->add();
  }
}

awaitable<bool> Connection::answer() {
  count_answer();
  if (response_.body.size() <= kCoalescedBytesMax) {
    append_response(out_, response_, framing());
    co_return out_.size() <= kCoalescedBytesMax || send_now() || co_await send();
  }
  append_response_header(out_, response_, framing());
  const bool sent = co_await send(request_.head ? std::string_view() : response_.body);
  response_.body = {};
  co_return sent;
}

// --- sending ---

bool Connection::send_now() {
  const ssize_t sent = ::send(socket_.native_handle(), out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(out_.size())) {
    out_.clear();
    if (out_.capacity() > 2 * kCoalescedBytesMax) out_ = {};
    return true;
  }
  if (sent > 0) out_.erase(0, static_cast<size_t>(sent));
  return false;
}

awaitable<bool> Connection::send(std::string_view more) {
  const Phase phase_before = phase_;
  const SteadyTime deadline_before = deadline_;
  std::string_view first = out_;
  size_t sent_in_turn = 0;
  while (!gone_ && first.size() + more.size() > 0) {
    iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(more.data()), more.size()}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      const size_t of_first = std::min(first.size(), static_cast<size_t>(sent));
      first.remove_prefix(of_first);
      more.remove_prefix(static_cast<size_t>(sent) - of_first);
      sent_in_turn += static_cast<size_t>(sent);
      if (sent_in_turn >= kSendBytesPerTurn) {
        sent_in_turn = 0;
        co_await asio::post(shared_.shard.executor(), asio::use_awaitable);
      }
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      enter(Phase::kWriting, shared_.limits.write_time);
      error_code failure;
      co_await socket_.async_wait(Socket::wait_write, asio::redirect_error(asio::use_awaitable, failure));
      if (failure) gone_ = true;
      sent_in_turn = 0;
    } else if (errno != EINTR) {
      gone_ = true;
    }
  }
  out_.clear();
  phase_ = phase_before;
  deadline_ = deadline_before;
  co_return !gone_;
}

awaitable<void> Connection::drain() {
  if (!out_.empty() && !send_now() && !co_await send()) co_return;
  error_code failure;
  socket_.shutdown(Socket::shutdown_send, failure);
  enter(Phase::kDraining, kDrainTime);
  // Closing with unread input would reset the connection and take the answer away from the client.
  size_t drained = buffer_.size();
  buffer_.consume(buffer_.size());
  while (drained < kDrainedBytesMax && co_await receive(kReadBytes)) {
    drained += buffer_.size();
    buffer_.consume(buffer_.size());
  }
}

// --- streaming ---

awaitable<bool> Connection::start(const Response& response) {
  streamed_ = true;
  shared_.metrics.streams->add(1);
  shared_.metrics.requests->add();
  phase_ = Phase::kStreaming;
  deadline_ = shared_.now + kNoLimit;
  append_stream_header(out_, response, framing());
  const bool sent = send_now() || co_await send();
  co_return sent && !request_.head;
}

awaitable<bool> Connection::write(std::string_view bytes) {
  co_return co_await send(bytes);
}

bool Connection::ended() {
  if (gone_ || shared_.stopping) return true;
  char byte;
  const ssize_t peeked = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return peeked == 0 || (peeked < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

// --- ending ---

void Connection::check_deadline() {
  if (gone_ || shared_.now < deadline_) return;
  error_code ignored;
  switch (phase_) {
    case Phase::kHeader:
    case Phase::kBody:
      timed_out_ = true;
      deadline_ = shared_.now + kNoLimit;
      socket_.cancel(ignored);
      return;
    case Phase::kRoom: return;  // has a deadline of its own
    case Phase::kHandling: {
      // The handler goes on, and its answer is dropped.
      Response late;
      respond_problem(late, Error(Code::kTimeout, fmt::format("no answer within {} ms; whether the request took effect "
                                                              "is not known",
                                                              shared_.limits.request_time.count())));
      append_response(out_, late, {.head = request_.head, .keep_alive = false, .date = shared_.date_line});
      send_now();
      cut();
      return;
    }
    default: cut();
  }
}

void Connection::stop() {
  if (phase_ == Phase::kIdle || phase_ == Phase::kDraining) cut();
}

void Connection::cut() {
  gone_ = true;
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace headrace
