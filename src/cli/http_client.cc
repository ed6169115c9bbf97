#include "cli/http_client.h"

#include <poll.h>

#include <cctype>

#include "base/error.h"
#include "boost/asio/connect.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/beast/core/flat_buffer.hpp"
#include "boost/beast/http.hpp"
#include "boost/json.hpp"
#include "fmt/format.h"

namespace headrace {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using tcp = boost::asio::ip::tcp;

constexpr size_t kReplyBytesMax = size_t{1} << 30;
constexpr std::string_view kUnknown =
    "; the answer to what was sent did not come, so it is not known whether it was done and its rows were added: look "
    "before you send it again";

http::request<http::string_body> make_request(const ServerUrl& url, const std::string& method,
                                              const std::string& target, const HttpHeaders& headers) {
  http::request<http::string_body> request(http::string_to_verb(method), target, 11);
  request.set(http::field::host, url.authority());
  request.set(http::field::user_agent, "headrace/" HEADRACE_VERSION);
  for (const auto& [name, value] : headers) request.set(name, value);
  return request;
}

// Whether it makes no difference that the server gets it twice.
bool is_harmless_to_repeat(const http::request<http::string_body>& request) {
  return request.method() == http::verb::get || request.method() == http::verb::head ||
         request.count("Headrace-Sequence") > 0 || request.count("Idempotency-Key") > 0;
}

}  // namespace

struct HttpClient::Connection {
  boost::asio::io_context context;
  tcp::socket socket{context};
  beast::flat_buffer buffer;

  // Between requests a server says nothing: what can be read is that it has ended an idle connection. Asked before
  // sending, for afterwards nobody knows whether the request still arrived.
  bool is_stale() {
    pollfd asked{.fd = socket.native_handle(), .events = POLLIN, .revents = 0};
    return ::poll(&asked, 1, 0) != 0;
  }
};

HttpClient::HttpClient(ServerUrl url) : url_(std::move(url)) {}
HttpClient::~HttpClient() = default;

void HttpClient::connect() {
  auto connection = std::make_unique<Connection>();
  boost::system::error_code failed;
  tcp::resolver resolver(connection->context);
  const auto endpoints = resolver.resolve(url_.host, url_.port, failed);
  if (!failed) boost::asio::connect(connection->socket, endpoints, failed);
  if (failed)
    throw Error(Code::kUnavailable, fmt::format("no server at http://{} ({}); start one with: headrace up",
                                                url_.authority(), failed.message()));
  connection->socket.set_option(tcp::no_delay(true));
  connection_ = std::move(connection);
}

HttpReply HttpClient::request(const std::string& method, const std::string& target, const HttpHeaders& headers,
                              std::string body) {
  auto request = make_request(url_, method, target, headers);
  request.body() = std::move(body);
  request.prepare_payload();
  if (connection_ && connection_->is_stale()) connection_.reset();
  const bool harmless = is_harmless_to_repeat(request);
  bool repeated = false;
  for (bool again = connection_ != nullptr;; again = false) {
    if (!connection_) connect();
    boost::system::error_code failed;
    http::write(connection_->socket, request, failed);
    const bool sent = !failed;  // of less than the whole, the server does nothing
    http::response_parser<http::string_body> parser;
    parser.body_limit(kReplyBytesMax);
    if (method == "HEAD") parser.skip(true);
    if (!failed) http::read(connection_->socket, connection_->buffer, parser, failed);
    if (failed) {
      connection_.reset();
      const bool unknown = sent && !harmless;
      if (again && !unknown) {
        repeated = sent;
        continue;
      }
      throw Error(Code::kIo, fmt::format("the connection to http://{} broke: {}{}", url_.authority(), failed.message(),
                                         unknown ? kUnknown : ""));
    }
    if (!parser.keep_alive()) connection_.reset();
    auto& reply = parser.get();
    return {static_cast<int>(reply.result_int()), std::string(reply[http::field::content_type]),
            std::move(reply.body()), repeated};
  }
}

int HttpClient::lines(const std::string& target, const HttpHeaders& headers,
                      const std::function<bool(std::string_view)>& f, std::string& error_body) {
  connect();
  boost::system::error_code failed;
  http::write(connection_->socket, make_request(url_, "GET", target, headers), failed);
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  if (!failed) http::read_header(connection_->socket, connection_->buffer, parser, failed);
  const int status = failed ? 0 : static_cast<int>(parser.get().result_int());
  std::string pending;
  char chunk[16384];
  while (!failed && !parser.is_done()) {
    parser.get().body().data = chunk;
    parser.get().body().size = sizeof chunk;
    http::read_some(connection_->socket, connection_->buffer, parser, failed);
    if (failed == http::error::need_buffer) failed = {};
    pending.append(chunk, sizeof chunk - parser.get().body().size);
    if (status >= 400) continue;
    size_t begin = 0;
    for (size_t end; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (f(std::string_view(pending).substr(begin, end - begin))) continue;
      connection_.reset();
      return status;
    }
    pending.erase(0, begin);
  }
  connection_.reset();
  if (status == 0) throw Error(Code::kIo, fmt::format("the connection broke: {}", failed.message()));
  error_body = std::move(pending);
  return status;
}

void throw_problem(const HttpReply& reply) {
  if (reply.status < 400) return;
  std::string message = fmt::format("the server answered {}", reply.status);
  Where where;
  boost::system::error_code failed;
  const auto json = boost::json::parse(reply.body, failed);
  if (!failed && json.is_object()) {
    const auto& problem = json.as_object();
    if (const auto* detail = problem.if_contains("detail"); detail && detail->is_string()) {
      message = detail->as_string();
    }
    if (const auto* row = problem.if_contains("row"); row && row->is_int64()) where.row = row->as_int64();
    if (const auto* at = problem.if_contains("position"); at && at->is_int64()) where.position = at->as_int64();
  }
  Code code = Code::kInvalid;
  if (reply.status == 404) code = Code::kNotFound;
  if (reply.status == 409) code = Code::kRefused;
  if (reply.status == 413) code = Code::kTooLarge;
  if (reply.status == 429) code = Code::kBusy;
  if (reply.status == 500) code = Code::kInternal;
  if (reply.status == 503) code = Code::kUnavailable;
  if (reply.status == 504) code = Code::kTimeout;
  if (reply.status == 507) code = Code::kOutOfSpace;
  throw Error(code, message, where);
}

std::string percent_encode(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      result.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(result), "%{:02X}", byte);
    }
  }
  return result;
}

}  // namespace headrace
