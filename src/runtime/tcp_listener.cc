#include "runtime/tcp_listener.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "base/check.h"
#include "base/trace.h"
#include "boost/asio/redirect_error.hpp"
#include "fmt/format.h"

namespace headrace {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kAcceptRetry{100};

tcp::endpoint parse_endpoint(const std::string& text) {
  const auto fail = [&] {
    throw Error(Code::kInvalid,
                fmt::format("\"{}\" is not an address to listen on; write ADDRESS:PORT such as 127.0.0.1:8080", text));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) fail();
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  uint16_t port = 0;
  const auto [end, bad_port] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  if (bad_port != std::errc() || end != text.data() + text.size()) fail();
  error_code bad_address;
  const auto address = asio::ip::make_address(host, bad_address);
  if (bad_address) fail();
  return {address, port};
}

}  // namespace

TcpListener::TcpListener(Runtime& runtime, Timers& timers, TcpListenerOptions options, Serve serve)
    : runtime_(runtime),
      timers_(timers),
      options_(std::move(options)),
      serve_(std::move(serve)),
      acceptor_(runtime.shard(0).context()),
      open_(runtime.shard_count(), 0),
      ended_(runtime.shard(0)) {}

TcpListener::~TcpListener() {
  check(!accepting_ && open() == 0, "a listener is stopped before it is destroyed");
}

void TcpListener::start() {
  const tcp::endpoint wanted = parse_endpoint(options_.listen);
  if (!wanted.address().is_loopback() && !options_.insecure) {
    throw Error(Code::kRefused,
                fmt::format("{} can be reached from other machines, and there is no authentication; listen on "
                            "127.0.0.1, or say --insecure if the network is trusted",
                            options_.listen));
  }
  try {
    acceptor_.open(wanted.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(wanted);
    acceptor_.listen(kBacklog);
    endpoint_ = acceptor_.local_endpoint();
  } catch (const boost::system::system_error& failure) {
    throw Error(Code::kIo, fmt::format("cannot listen on {}: {}; is another server running there?", options_.listen,
                                       failure.code().message()));
  }
  accepting_ = true;
  runtime_.shard(0).spawn(accept_all());
}

std::string TcpListener::address() const {
  return endpoint_.address().is_v6() ? fmt::format("[{}]:{}", host(), port()) : fmt::format("{}:{}", host(), port());
}

size_t TcpListener::open() const {
  return std::accumulate(open_.begin(), open_.end(), size_t{0});
}

awaitable<void> TcpListener::accept_all() {
  while (!stopping_) {
    const auto least = static_cast<size_t>(std::ranges::min_element(open_) - open_.begin());
    Shard& shard = runtime_.shard(least);
    Socket socket(shard.context());
    error_code failure;
    co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, failure));
    if (stopping_) break;
    if (failure) {
      if (failure == asio::error::connection_aborted) continue;
      // Most likely out of file descriptors: connections that end will free some.
      trace::warn("cannot accept a connection: {}", failure.message());
      co_await timers_.sleep(runtime_.shard(0), kAcceptRetry);
      continue;
    }
    const bool refused = open() >= options_.connections_max;
    if (refused && open() >= options_.connections_max + kRefusalsMax) continue;
    socket.set_option(tcp::no_delay(true), failure);
    ++open_[least];
    shard.spawn(serve(least, std::move(socket), refused));
  }
  accepting_ = false;
  ended_.notify_all();
}

awaitable<void> TcpListener::serve(size_t shard, Socket socket, bool refused) {
  co_await serve_(shard, std::move(socket), refused);
  asio::post(runtime_.shard(0).executor(), [this, shard] {
    --open_[shard];
    ended_.notify_all();
  });
}

awaitable<void> TcpListener::stop_accepting() {
  co_await on(runtime_.shard(0), [this] {
    stopping_ = true;
    error_code ignored;
    acceptor_.close(ignored);
  });
}

awaitable<void> TcpListener::wait_until_ended() {
  co_await on(runtime_.shard(0), [this]() -> awaitable<void> {
    while (accepting_ || open() > 0) co_await ended_.wait();
  });
}

}  // namespace headrace
