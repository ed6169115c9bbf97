// What is answered to one request, and how it is written on the wire.
#pragma once

#include <string>
#include <string_view>

namespace headrace {

struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  // of static lifetime; empty: no body
  std::string body;
  std::string headers;  // further header lines, each ended by CRLF

  // `value` loses control characters, so that nothing from outside can end the line.
  void set_header(std::string_view name, std::string_view value);
  // As new, keeping memory.
  void clear();
};

struct Framing {
  bool head = false;       // answer to HEAD: all but the body
  bool keep_alive = true;  // else `Connection: close`
  std::string_view date;   // the whole Date line with CRLF, or empty
};

// Appends status line, header and body.
void append_response(std::string& out, const Response& response, const Framing& framing);
// The same without the body, for bodies that are written from where they lie.
void append_response_header(std::string& out, const Response& response, const Framing& framing);
// The head of a response whose body ends with the connection.
void append_stream_header(std::string& out, const Response& response, const Framing& framing);

}  // namespace headrace
