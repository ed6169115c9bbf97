// One call of a handler: the request, the response that it fills, and what it may use. A handler runs on the shard of
// the connection; it throws Error to answer a problem document.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/limits.h"
#include "http/query.h"
#include "http/request.h"
#include "http/response.h"
#include "runtime/shard.h"
#include "runtime/timers.h"

namespace headrace {

struct Services;

// A response that is written piece by piece until either side ends it, and the connection with it.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  // Sends the head of `response`. False: the client is gone, or asked for the head only.
  virtual awaitable<bool> start(const Response& response) = 0;
  // False: the client is gone, or took nothing for HttpLimits::write_time.
  virtual awaitable<bool> write(std::string_view bytes) = 0;
  // The client has closed the connection, or the server stops.
  virtual bool ended() = 0;
  virtual bool server_stops() = 0;
  // The request may take so much longer than HttpLimits::request_time.
  virtual void extend(std::chrono::milliseconds wait) = 0;
};

struct HttpCall {
  Request& request;
  Response& response;
  ResponseStream& stream;
  Services* services;  // of the server; nullptr where routes need none
  Runtime& runtime;
  Shard& shard;
  Timers& timers;
  const HttpLimits& limits;
  std::span<const std::string_view> path_parameters;  // as sent
  std::vector<QueryParameter> query;                  // empty for routes with any_query

  // A path parameter, decoded.
  std::string path_parameter(size_t index) const { return percent_decode(path_parameters[index], false); }
  std::optional<std::string> query_parameter(std::string_view name) const { return find_parameter(query, name); }
  SteadyTime now() const { return timers.clock().steady(); }
};

}  // namespace headrace
