#include "http/testing_client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr int kPatienceMs = 60'000;

}  // namespace

TestingClient::TestingClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw_errno("connect");
}

TestingClient::~TestingClient() {
  close();
}

void TestingClient::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void TestingClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return;  // the server has closed: what it said before can still be read
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

bool TestingClient::readable(int milliseconds) {
  if (!buffer_.empty()) return true;
  pollfd wait{socket_, POLLIN, 0};
  return ::poll(&wait, 1, milliseconds) > 0;
}

bool TestingClient::fill() {
  pollfd wait{socket_, POLLIN, 0};
  check(::poll(&wait, 1, kPatienceMs) > 0, "the server answers a test before it loses patience");
  char bytes[16384];
  const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
  if (got <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(got));
  return true;
}

ClientAnswer TestingClient::read(bool head) {
  ClientAnswer answer;
  size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return answer;
  }
  std::string_view header = std::string_view(buffer_).substr(0, end + 2);
  answer.status = std::stoi(std::string(header.substr(9, 3)));
  header.remove_prefix(header.find("\r\n") + 2);
  while (!header.empty()) {
    const std::string_view line = header.substr(0, header.find("\r\n"));
    const size_t colon = line.find(": ");
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](unsigned char byte) { return std::tolower(byte); });
    answer.headers[name] = line.substr(colon + 2);
    header.remove_prefix(line.size() + 2);
  }
  buffer_.erase(0, end + 4);
  if (head || !answer.headers.contains("content-length")) return answer;
  const size_t length = std::stoul(answer.headers["content-length"]);
  while (buffer_.size() < length) {
    if (!fill()) break;
  }
  answer.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return answer;
}

std::string TestingClient::read_to_end() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

ClientAnswer TestingClient::get(std::string_view path, std::string_view headers) {
  send(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, headers));
  return read();
}

ClientAnswer TestingClient::post(std::string_view path, std::string_view type, std::string_view body,
                                 std::string_view headers) {
  send(fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n{}", path,
                   type, body.size(), headers, body));
  return read();
}

}  // namespace headrace
