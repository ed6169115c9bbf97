// One request as it arrived. Texts are views into the connection's buffer and live as long as the request is answered.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "http/limits.h"

namespace headrace {

enum class Method : uint8_t { kGet, kPost, kPut, kDelete, kOptions, kOther };
std::string_view method_name(Method method);

struct HeaderField {
  std::string_view name;
  std::string_view value;
};

struct Request {
  Method method = Method::kOther;
  bool head = false;  // HEAD, which is answered as GET without the body
  bool http_1_1 = true;
  bool keep_alive = true;
  std::string_view method_text;
  std::string_view path;   // before '?', as sent
  std::string_view query;  // after it
  std::vector<HeaderField> headers;
  std::optional<uint64_t> content_length;
  bool chunked = false;
  std::string body;  // decoded

  // The first header field called `name` in any case, or an empty text.
  std::string_view header(std::string_view name) const;
  bool has_header(std::string_view name) const;
};

bool equals_ignoring_case(std::string_view left, std::string_view right);
std::string_view trim_blanks(std::string_view text);

// `wait` of the Prefer fields (RFC 7240), in seconds, at most `limits.wait_max`; nullopt if there is none. Throws
// Error(kInvalid) when it is not a number.
std::optional<std::chrono::milliseconds> preferred_wait(const Request& request, const HttpLimits& limits);

// The media type of the body in lower case without its parameters; empty if there is none. With a charset other than
// UTF-8 it is the field as a whole, which no call takes.
std::string body_media_type(const Request& request);

// The one of `offered` (most wanted by the server first) that the Accept field likes best, or the first of them when
// it likes none: then the client gets what there is, as RFC 9110 section 12.4.1 allows.
std::string_view negotiate(std::string_view accept, std::span<const std::string_view> offered);

}  // namespace headrace
