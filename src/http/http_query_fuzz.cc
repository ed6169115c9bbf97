// Requests as strangers send them: a header through the parser and the routes, its query and Prefer and Accept fields,
// a chunked body.
#include <cstdint>

#include "http/request_parser.h"
#include "http/router.h"
#include "http/routes.h"
#include "http/waiting.h"

namespace headrace {
namespace {

void parse(const Router& router, std::string_view input) {
  const HttpLimits limits;
  size_t searched = 0;
  const size_t header_bytes = find_header_end(input, searched);
  if (header_bytes == 0 || header_bytes > limits.header_bytes_max) return;
  Request request;
  RequestParser parser(request, limits);
  if (parser.parse_header(input.substr(0, header_bytes))) return;
  Match match;
  router.match(request.method, request.path, match);
  try {
    for (size_t i = 0; i < match.parameter_count; ++i) percent_decode(match.parameters[i], false);
    parse_scan(request.query, limits);
    preferred_wait(request, limits);
    parse_tokens(request.header("Headrace-After"));
  } catch (const Error&) {
  }
  constexpr std::string_view kOffered[] = {"application/json", "text/csv"};
  negotiate(request.header("Accept"), kOffered);
  body_media_type(request);
  if (!request.chunked) return;
  std::string_view body = input.substr(header_bytes);
  std::string payload;
  std::optional<ParseFailure> failure;
  for (size_t left = body.size() + 1; !body.empty() && left != body.size();) {
    left = body.size();
    if (parser.parse_chunks(body, payload, failure) || failure) break;
  }
  if (payload.size() > input.size()) __builtin_trap();
}

}  // namespace
}  // namespace headrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const headrace::Router router(headrace::api_routes());
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  headrace::parse(router, input);
  try {
    headrace::parse_scan(input, {});
  } catch (const headrace::Error&) {
  }
  return 0;
}
