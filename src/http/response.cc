#include "http/response.h"

#include "fmt/format.h"

namespace headrace {
namespace {

std::string_view status_line(int status) {
  switch (status) {
    case 200: return "HTTP/1.1 200 OK\r\n";
    case 202: return "HTTP/1.1 202 Accepted\r\n";
    case 204: return "HTTP/1.1 204 No Content\r\n";
    case 400: return "HTTP/1.1 400 Bad Request\r\n";
    case 403: return "HTTP/1.1 403 Forbidden\r\n";
    case 404: return "HTTP/1.1 404 Not Found\r\n";
    case 405: return "HTTP/1.1 405 Method Not Allowed\r\n";
    case 408: return "HTTP/1.1 408 Request Timeout\r\n";
    case 409: return "HTTP/1.1 409 Conflict\r\n";
    case 413: return "HTTP/1.1 413 Content Too Large\r\n";
    case 415: return "HTTP/1.1 415 Unsupported Media Type\r\n";
    case 417: return "HTTP/1.1 417 Expectation Failed\r\n";
    case 422: return "HTTP/1.1 422 Unprocessable Content\r\n";
    case 429: return "HTTP/1.1 429 Too Many Requests\r\n";
    case 431: return "HTTP/1.1 431 Request Header Fields Too Large\r\n";
    case 500: return "HTTP/1.1 500 Internal Server Error\r\n";
    case 501: return "HTTP/1.1 501 Not Implemented\r\n";
    case 503: return "HTTP/1.1 503 Service Unavailable\r\n";
    case 504: return "HTTP/1.1 504 Gateway Timeout\r\n";
    case 505: return "HTTP/1.1 505 HTTP Version Not Supported\r\n";
    case 507: return "HTTP/1.1 507 Insufficient Storage\r\n";
    default: return {};
  }
}

void append_common(std::string& out, const Response& response, const Framing& framing) {
  if (const std::string_view line = status_line(response.status); !line.empty()) {
    out.append(line);
  } else {
    fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} \r\n", response.status);
  }
  out.append(framing.date);
  if (!response.content_type.empty()) out.append("Content-Type: ").append(response.content_type).append("\r\n");
  out.append(response.headers);
  if (!framing.keep_alive) out.append("Connection: close\r\n");
}

}  // namespace

void Response::set_header(std::string_view name, std::string_view value) {
  headers.append(name).append(": ");
  for (const char byte : value) {
    if (static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7f) headers.push_back(byte);
  }
  headers.append("\r\n");
}

void Response::clear() {
  status = 200;
  content_type = "application/json";
  body.clear();
  headers.clear();
}

void append_response_header(std::string& out, const Response& response, const Framing& framing) {
  append_common(out, response, framing);
  if (response.status != 204) {
    const fmt::format_int length(response.body.size());
    out.append("Content-Length: ").append(length.data(), length.size()).append("\r\n");
  }
  out.append("\r\n");
}

void append_response(std::string& out, const Response& response, const Framing& framing) {
  append_response_header(out, response, framing);
  if (!framing.head) out.append(response.body);
}

void append_stream_header(std::string& out, const Response& response, const Framing& framing) {
  append_common(out, response, {.head = framing.head, .keep_alive = false, .date = framing.date});
  out.append("\r\n");
}

}  // namespace headrace
