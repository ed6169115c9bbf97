// A blocking HTTP client for tests that sends exactly the bytes it is told, whole or in pieces, and reads answers one
// by one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace headrace {

struct ClientAnswer {
  int status = 0;                              // 0: the connection ended without one
  std::map<std::string, std::string> headers;  // by lower-case name
  std::string body;
};

class TestingClient {
 public:
  // Connects to 127.0.0.1.
  explicit TestingClient(uint16_t port);
  ~TestingClient();
  TestingClient(const TestingClient&) = delete;

  void send(std::string_view bytes);
  // "GET PATH HTTP/1.1" with Host and `headers` (lines that end in CRLF), and the answer.
  ClientAnswer get(std::string_view path, std::string_view headers = {});
  ClientAnswer post(std::string_view path, std::string_view type, std::string_view body, std::string_view headers = {});
  // The next answer. `head`: it has no body whatever its length says.
  ClientAnswer read(bool head = false);
  // All that comes until the server closes.
  std::string read_to_end();
  // True when something can be read (or the end), within `milliseconds`.
  bool readable(int milliseconds);
  void close();

 private:
  bool fill();

  int socket_;
  std::string buffer_;
};

}  // namespace headrace
