#include "cli/http_client.h"

#include <future>
#include <optional>
#include <thread>

#include "base/error.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/read_until.hpp"
#include "boost/asio/streambuf.hpp"
#include "boost/asio/write.hpp"
#include "gtest/gtest.h"

namespace headrace {
namespace {

using tcp = boost::asio::ip::tcp;

// Reads requests without a body, on one connection after the other, and does with each what the script says: '+' an
// answer, '-' the connection ends without one, '.' an answer, and then it ends. Then it listens no more.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::string script) : thread_([this, script = std::move(script)] { serve(script); }) {}
  ~ScriptedServer() { thread_.join(); }

  ServerUrl url() const { return {"127.0.0.1", std::to_string(acceptor_.local_endpoint().port())}; }
  // Until the first connection has ended.
  void wait_ended() { ended_.get_future().wait(); }

 private:
  void serve(const std::string& script) {
    std::optional<tcp::socket> socket;
    boost::asio::streambuf buffer;
    bool first = true;
    for (const char step : script) {
      if (!socket) socket = acceptor_.accept();
      const size_t size = boost::asio::read_until(*socket, buffer, "\r\n\r\n");
      buffer.consume(size);
      if (step != '-')
        boost::asio::write(*socket, boost::asio::buffer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 40));
      if (step == '+') continue;
      socket.reset();
      if (std::exchange(first, false)) ended_.set_value();
    }
  }

  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  std::promise<void> ended_;
  std::thread thread_;
};

TEST(HttpClient, RepeatsByItselfWhatIsHarmless) {
  for (const auto& [method, headers] : std::vector<std::pair<std::string, HttpHeaders>>{
           {"GET", {}},
           {"POST", {{"Idempotency-Key", "k"}}},
           {"POST", {{"Headrace-Producer", "p"}, {"Headrace-Sequence", "0"}}}}) {
    ScriptedServer server("+-+");
    HttpClient client(server.url());
    EXPECT_FALSE(client.request(method, "/", headers).repeated);
    const HttpReply reply = client.request(method, "/", headers);
    EXPECT_EQ(reply.body, "ok");
    EXPECT_TRUE(reply.repeated);
  }
}

TEST(HttpClient, SaysThatNothingIsKnownOfAnythingElse) {
  ScriptedServer server("+-");
  HttpClient client(server.url());
  client.request("POST", "/");
  try {
    client.request("POST", "/");
    ADD_FAILURE() << "it was sent again";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kIo);
    EXPECT_NE(error.message().find("not known whether"), std::string::npos) << error.message();
  }
}

// As after a pause at the prompt: that is no reason to bother anybody.
TEST(HttpClient, ConnectsAgainWhenTheServerHasEndedAnIdleConnection) {
  ScriptedServer server(".+");
  HttpClient client(server.url());
  client.request("POST", "/");
  server.wait_ended();
  const HttpReply reply = client.request("POST", "/");
  EXPECT_EQ(reply.body, "ok");
  EXPECT_FALSE(reply.repeated);
}

}  // namespace
}  // namespace headrace
