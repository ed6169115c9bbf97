// A small blocking HTTP/1.1 client for the commands: one connection, kept open, one request at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"

namespace headrace {

struct HttpReply {
  int status = 0;
  std::string content_type;
  std::string body;
  bool repeated = false;  // the request was sent twice: the first answer did not come
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

class HttpClient {
 public:
  explicit HttpClient(ServerUrl url);
  ~HttpClient();

  // Connects when needed, and once again when a kept connection breaks. What had been sent by then is repeated only if
  // that is harmless: GET, HEAD, and what has a Headrace-Sequence or an Idempotency-Key. Error(kUnavailable) when the
  // server can't be reached, Error(kIo) when the connection breaks.
  HttpReply request(const std::string& method, const std::string& target, const HttpHeaders& headers = {},
                    std::string body = {});
  // A request whose answer is a stream of text lines without an end: each line goes to `f` until it returns false or
  // the server ends. Returns the status; on an error status `error_body` has the body.
  int lines(const std::string& target, const HttpHeaders& headers, const std::function<bool(std::string_view)>& f,
            std::string& error_body);

 private:
  struct Connection;
  void connect();
  const ServerUrl url_;
  std::unique_ptr<Connection> connection_;
};

// Throws the Error that a problem document describes, for a status of 400 or more.
void throw_problem(const HttpReply& reply);
// One path segment or query value.
std::string percent_encode(std::string_view text);

}  // namespace headrace
