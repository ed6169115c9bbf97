#include "http/listener.h"

#include <zlib.h>

#include <atomic>
#include <thread>

#include "boost/asio/post.hpp"
#include "fmt/format.h"
#include "gtest/gtest.h"
#include "http/problem.h"
#include "http/testing_client.h"

namespace headrace {
namespace {

awaitable<void> hello(HttpCall& call) {
  call.response.content_type = "text/plain";
  call.response.body = "hello";
  co_return;
}
awaitable<void> echo(HttpCall& call) {
  call.response.content_type = "text/plain";
  call.response.body = std::move(call.request.body);
  co_return;
}
awaitable<void> show_segment(HttpCall& call) {
  call.response.body = call.path_parameter(0) + "|" + std::string(call.request.query);
  co_return;
}
awaitable<void> show_shard(HttpCall& call) {
  call.response.body = std::to_string(call.shard.index());
  co_return;
}
awaitable<void> fail(HttpCall& call) {
  if (call.path_parameter(0) == "bug") throw std::runtime_error("a secret of the server");
  throw Error(Code::kInvalid, "not like this", {.row = 3, .column = "amount", .position = 7});
}
awaitable<void> sleep_for_an_hour(HttpCall& call) {
  co_await call.timers.sleep(call.shard, std::chrono::hours(1));
  call.response.body = "awake";
}
std::atomic<bool> napping = false;
std::atomic<bool> woken = false;
awaitable<void> nap(HttpCall& call) {
  napping = true;
  while (!woken) co_await asio::post(call.shard.executor(), asio::use_awaitable);
  call.response.body = "awake";
}
awaitable<void> flood(HttpCall& call) {
  call.response.content_type = "text/event-stream";
  if (!co_await call.stream.start(call.response)) co_return;
  const std::string piece(100'000, 'x');
  while (!call.stream.ended() && co_await call.stream.write(piece)) {
  }
}
awaitable<void> large(HttpCall& call) {
  call.response.body.assign(10'000'000, 'y');
  co_return;
}

Route route(Method method, std::string_view pattern, Handler handler, std::vector<std::string_view> takes = {}) {
  return {.method = method,
          .pattern = pattern,
          .handler = handler,
          .summary = "",
          .parameters = {},
          .takes = std::move(takes),
          .gives = {},
          .answers = {},
          .any_query = pattern.starts_with("/segment")};
}

std::vector<Route> test_routes() {
  return {route(Method::kGet, "/hello", hello),
          route(Method::kPost, "/echo", echo, {"text/plain"}),
          route(Method::kGet, "/segment/{text}", show_segment),
          route(Method::kGet, "/shard", show_shard),
          route(Method::kGet, "/fail/{how}", fail),
          route(Method::kGet, "/sleep", sleep_for_an_hour),
          route(Method::kGet, "/nap", nap),
          route(Method::kGet, "/flood", flood),
          route(Method::kGet, "/large", large)};
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() : runtime_({.shards = 2, .pool_threads = 2}), time_(WallTime(std::chrono::days(20'000))) {}
  ~ListenerTest() override {
    if (listener_) stop();
  }

  void start(HttpOptions options = {}) {
    options.listen = "127.0.0.1:0";
    listener_.emplace(runtime_, time_, metrics_, test_routes(), nullptr, options);
    listener_->start();
  }
  uint16_t port() { return listener_->port(); }
  void stop() {
    std::atomic<bool> stopped = false;
    std::thread stopper([&] {
      runtime_.block_on([&] { return listener_->stop(); });
      stopped = true;
    });
    while (!stopped) time_.advance(std::chrono::seconds(1));
    stopper.join();
    listener_.reset();
  }
  // Lets time pass until the client hears something or is hung up on.
  void advance_until_heard(TestingClient& client) {
    while (!client.readable(5)) time_.advance(std::chrono::milliseconds(250));
  }

  Runtime runtime_;
  ManualTime time_;
  Metrics metrics_;
  std::optional<Listener> listener_;
};

TEST_F(ListenerTest, AnswersManyRequestsOnOneConnection) {
  start();
  TestingClient client(port());
  for (int i = 0; i < 3; ++i) {
    const ClientAnswer answer = client.get("/hello");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "hello");
    EXPECT_EQ(answer.headers.at("content-type"), "text/plain");
    EXPECT_EQ(answer.headers.at("date"), "Fri, 04 Oct 2024 00:00:00 GMT");
  }
}

TEST_F(ListenerTest, AnswersPipelinedRequestsInOrder) {
  start();
  TestingClient client(port());
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += fmt::format("GET /segment/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", i);
  client.send(requests);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(client.read().body, fmt::format("{}|", i));
}

TEST_F(ListenerTest, TakesRequestsByteByByte) {
  start();
  TestingClient client(port());
  for (const char byte : std::string_view("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                                          "Content-Length: 4\r\n\r\nabcd")) {
    client.send({&byte, 1});
  }
  EXPECT_EQ(client.read().body, "abcd");
}

TEST_F(ListenerTest, SpreadsConnectionsOverShards) {
  start();
  TestingClient first(port());
  const std::string one = first.get("/shard").body;
  TestingClient second(port());
  EXPECT_NE(second.get("/shard").body, one);
}

TEST_F(ListenerTest, AnswersHeadWithoutBody) {
  start();
  TestingClient client(port());
  client.send("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const ClientAnswer answer = client.read(true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-length"), "5");
  EXPECT_EQ(client.get("/hello").body, "hello");
}

TEST_F(ListenerTest, TakesChunkedBodies) {
  start();
  TestingClient client(port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("3\r\nabc\r\n");
  client.send("5;note=1\r\ndefgh\r\n0\r\nTrailer: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read().body, "abcdefgh");
  EXPECT_EQ(client.read().body, "hello");
}

TEST_F(ListenerTest, TakesLargeBodiesOfEachFraming) {
  start();
  std::string body;
  for (int i = 0; body.size() < 3'000'000; ++i) body += fmt::format("line {}\n", i);
  TestingClient client(port());
  EXPECT_EQ(client.post("/echo", "text/plain", body).body, body);
  const std::string packed = gzip(body);
  EXPECT_EQ(client.post("/echo", "text/plain", packed, "Content-Encoding: gzip\r\n").body, body);
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n"
      "Content-Encoding: gzip\r\n\r\n");
  for (size_t at = 0; at < packed.size(); at += 7000) {
    const std::string_view piece = std::string_view(packed).substr(at, 7000);
    client.send(fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
  }
  client.send("0\r\n\r\n");
  EXPECT_EQ(client.read().body, body);
}

TEST_F(ListenerTest, SendsLargeAnswers) {
  start();
  TestingClient client(port());
  EXPECT_EQ(client.get("/large").body.size(), 10'000'000u);
  EXPECT_EQ(client.get("/hello").body, "hello");
}

TEST_F(ListenerTest, SaysContinueBeforeTheBody) {
  start();
  TestingClient client(port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read(true).status, 100);
  client.send("ok");
  EXPECT_EQ(client.read().body, "ok");
  client.send("POST /none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read().status, 404);
}

TEST_F(ListenerTest, StopsBodiesThatAreTooLarge) {
  HttpOptions options;
  options.limits.body_bytes_max = 100'000;
  start(options);
  TestingClient declared(port());
  declared.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100001\r\n\r\n");
  EXPECT_EQ(declared.read().status, 413);

  TestingClient chunked(port());
  chunked.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
  chunked.send(fmt::format("{:x}\r\n{}\r\n{:x}\r\n", 90'000, std::string(90'000, 'a'), 20'000));
  EXPECT_EQ(chunked.read().status, 413);

  TestingClient packed(port());
  const ClientAnswer bomb =
      packed.post("/echo", "text/plain", gzip(std::string(50'000'000, 'a')), "Content-Encoding: gzip\r\n");
  EXPECT_EQ(bomb.status, 413);

  TestingClient exact(port());
  const std::string most(100'000, 'a');
  EXPECT_EQ(exact.post("/echo", "text/plain", most).body, most);
  EXPECT_EQ(exact.post("/echo", "text/plain", gzip(most), "Content-Encoding: gzip\r\n").body, most);
}

TEST_F(ListenerTest, RefusesWhatItDoesNotUnderstand) {
  start();
  struct Case {
    std::string_view request;
    int status;
  };
  const std::string many_fields = [] {
    std::string lines;
    for (int i = 0; i < 101; ++i) lines += fmt::format("X-{}: y\r\n", i);
    return lines;
  }();
  const std::string long_header = "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x');
  const std::string too_many = "GET /hello HTTP/1.1\r\nHost: localhost\r\n" + many_fields + "\r\n";
  const Case cases[] = {
      {"rubbish\r\n\r\n", 400},
      {std::string_view("\0\1\2\3\r\n\r\n", 8), 400},
      {"GET /hello HTTP/1.1\r\n\r\n", 400},
      {"GET hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"GET /hello HTTP/3.0\r\nHost: localhost\r\n\r\n", 505},
      {"GET /hello HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: localhost\r\nA b\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: "
       "chunked\r\n\r\nxyz\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\nx", 415},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx", 415},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain; charset=latin1\r\nContent-Length: "
       "1\r\n\r\nx",
       415},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Encoding: br\r\n"
       "Content-Length: 1\r\n\r\nx",
       501},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n"
       "Content-Length: 4\r\n\r\nrubb",
       422},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: a miracle\r\nContent-Length: 0\r\n\r\n", 417},
      {"GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx", 400},
      {"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
      {"POST /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
      {"BREW /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
      {"GET /hello?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 422},
      {"GET /segment/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 422},
      {"GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n", 403},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\nContent-Length: 0\r\n\r\n", 403},
      {long_header, 431},
      {too_many, 431},
  };
  for (const Case& one : cases) {
    TestingClient client(port());
    client.send(one.request);
    const ClientAnswer answer = client.read();
    EXPECT_EQ(answer.status, one.status) << one.request.substr(0, 200);
    EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
    EXPECT_TRUE(answer.body.starts_with(R"({"type":"urn:headrace:problem:)")) << answer.body;
    TestingClient other(port());
    EXPECT_EQ(other.get("/hello").body, "hello");
  }
}

TEST_F(ListenerTest, NamesTheMethodsOfAnAddress) {
  start();
  TestingClient client(port());
  client.send("DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read().headers.at("allow"), "GET, HEAD, OPTIONS");
  client.send("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const ClientAnswer options = client.read();
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("allow"), "POST, OPTIONS");
}

TEST_F(ListenerTest, TakesTheRequestsOfItsOwnPage) {
  start();
  TestingClient client(port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost:8080\r\nOrigin: http://localhost:8080\r\n"
      "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(client.read().body, "ok");
  client.send("GET http://127.0.0.1/hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  EXPECT_EQ(client.read().body, "hello");
}

TEST_F(ListenerTest, TurnsErrorsIntoProblems) {
  start();
  TestingClient client(port());
  const ClientAnswer invalid = client.get("/fail/error");
  EXPECT_EQ(invalid.status, 422);
  EXPECT_EQ(invalid.body,
            "{\"type\":\"urn:headrace:problem:invalid\",\"title\":\"The request is not valid\",\"status\":422,"
            "\"detail\":\"not like this\",\"row\":3,\"column\":\"amount\",\"position\":7}\n");
  const ClientAnswer bug = client.get("/fail/bug");
  EXPECT_EQ(bug.status, 500);
  EXPECT_EQ(bug.body.find("secret"), std::string::npos);
  EXPECT_NE(bug.body.find("trace_id"), std::string::npos);
  EXPECT_EQ(client.get("/hello").body, "hello");
}

TEST_F(ListenerTest, ClosesWhenAsked) {
  start();
  TestingClient client(port());
  const ClientAnswer answer = client.get("/hello", "Connection: close\r\n");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_EQ(client.read_to_end(), "");
  TestingClient old(port());
  old.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.read_to_end().ends_with("hello"));
}

TEST_F(ListenerTest, RefusesConnectionsAboveTheLimit) {
  HttpOptions options;
  options.limits.connections_max = 2;
  start(options);
  auto first = std::make_unique<TestingClient>(port());
  TestingClient second(port());
  EXPECT_EQ(first->get("/hello").status, 200);
  EXPECT_EQ(second.get("/hello").status, 200);
  TestingClient third(port());
  const ClientAnswer refused = third.get("/hello");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  third.close();
  first->close();
  int status = 0;
  while (status != 200) status = TestingClient(port()).get("/hello").status;
}

TEST_F(ListenerTest, EndsWhatTakesTooLong) {
  start();
  TestingClient idle(port());
  EXPECT_EQ(idle.get("/hello").status, 200);
  advance_until_heard(idle);
  EXPECT_EQ(idle.read_to_end(), "");

  TestingClient header(port());
  EXPECT_EQ(header.get("/hello").status, 200);
  header.send("GET /hello HTTP/1.1\r\nHost: loc");
  advance_until_heard(header);
  EXPECT_EQ(header.read().status, 408);

  TestingClient body(port());
  body.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc");
  advance_until_heard(body);
  EXPECT_EQ(body.read().status, 408);

  TestingClient handler(port());
  handler.send("GET /sleep HTTP/1.1\r\nHost: localhost\r\n\r\n");
  advance_until_heard(handler);
  EXPECT_EQ(handler.read().status, 504);
  EXPECT_EQ(handler.read_to_end(), "");
}

TEST_F(ListenerTest, CutsOffSlowReaders) {
  start();
  TestingClient client(port());
  client.send("GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
  // Never reads: when the buffers of the kernel are full, nothing moves until the write's time is over.
  TestingClient other(port());
  ASSERT_EQ(other.get("/hello").body, "hello");
  for (int i = 0; i < 400; ++i) time_.advance(std::chrono::milliseconds(250));
  stop();
  EXPECT_FALSE(client.read_to_end().empty());
}

TEST_F(ListenerTest, MakesBodiesWaitForMemory) {
  HttpOptions options;
  options.limits.body_bytes_max = 1'000'000;
  options.limits.body_bytes_total_max = 1'500'000;
  start(options);
  constexpr std::string_view kHead =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 900000\r\n"
      "Expect: 100-continue\r\n\r\n";
  // Two on each shard; the second of each finds no room.
  TestingClient clients[4] = {TestingClient(port()), TestingClient(port()), TestingClient(port()),
                              TestingClient(port())};
  for (TestingClient& client : clients) EXPECT_EQ(client.get("/hello").status, 200);
  for (size_t i = 0; i < 2; ++i) {
    clients[i].send(kHead);
    EXPECT_EQ(clients[i].read(true).status, 100);
  }
  clients[2].send(kHead);
  advance_until_heard(clients[2]);
  EXPECT_EQ(clients[2].read().status, 429);

  clients[3].send(kHead);
  const std::string body(900'000, 'b');
  for (size_t i = 0; i < 2; ++i) {
    clients[i].send(body);
    EXPECT_EQ(clients[i].read().body, body);
  }
  EXPECT_EQ(clients[3].read(true).status, 100);
  clients[3].send(body);
  EXPECT_EQ(clients[3].read().body, body);
}

TEST_F(ListenerTest, LetsRequestsEndWhenItStops) {
  start();
  TestingClient idle(port());
  EXPECT_EQ(idle.get("/hello").status, 200);
  TestingClient busy(port());
  EXPECT_EQ(busy.get("/hello").status, 200);
  busy.send("GET /nap HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (!napping) std::this_thread::yield();
  std::thread stopper([&] { runtime_.block_on([&] { return listener_->stop(); }); });
  // The idle connection ends, and new ones are refused, while the request goes on.
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_THROW(TestingClient refused(port()), Error);
  EXPECT_FALSE(busy.readable(0));
  woken = true;
  EXPECT_EQ(busy.read().body, "awake");
  EXPECT_EQ(busy.read_to_end(), "");
  stopper.join();
  listener_.reset();
}

TEST_F(ListenerTest, ListensToThisMachineOnlyUnlessTold) {
  HttpOptions options;
  options.listen = "0.0.0.0:0";
  Listener open(runtime_, time_, metrics_, test_routes(), nullptr, options);
  try {
    open.start();
    FAIL() << "it listens";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kRefused);
  }
  for (const char* bad : {"", "nowhere", "127.0.0.1", "127.0.0.1:99999", "example.org:80", ":8080"}) {
    Listener listener(runtime_, time_, metrics_, test_routes(), nullptr, {.listen = bad, .limits = {}});
    EXPECT_THROW(listener.start(), Error) << bad;
  }
  start();
  Listener taken(runtime_, time_, metrics_, test_routes(), nullptr,
                 {.listen = fmt::format("127.0.0.1:{}", port()), .limits = {}});
  EXPECT_THROW(taken.start(), Error);
}

}  // namespace
}  // namespace headrace
