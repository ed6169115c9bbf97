// How it goes: for people (the page polls /v1/status), for Prometheus, for whoever starts and stops servers.
#include "fmt/format.h"
#include "http/description.h"
#include "http/handlers.h"
#include "http/problem.h"
#include "http/routes.h"
#include "http/services.h"

namespace headrace {
namespace {

void append_stream(std::string& out, const StreamStatus& stream) {
  out += R"({"name":)";
  append_json_text(out, stream.name);
  out += fmt::format(R"(,"kind":"{}","partitions":{},"rows":{},"rows_per_second":{:.1f}}})",
                     stream.is_table     ? "table"
                     : stream.is_derived ? "derived"
                                         : "stream",
                     stream.partitions, stream.rows, stream.rows_per_second);
}

void append_view(std::string& out, const ViewStatus& view) {
  out += R"({"name":)";
  append_json_text(out, view.name);
  out += R"(,"state":)";
  append_json_text(out, view.state);
  out += fmt::format(
      R"(,"rows":{},"rows_in":{},"epochs":{},"dead_rows":{},"lag_rows":{},"rows_per_second":{:.1f},"replacing":{},)",
      view.rows, view.rows_in, view.epochs, view.dead_rows, view.lag_rows, view.rows_per_second, view.replacing);
  out += R"("frontier":)";
  append_json_text(out, view.frontier);
  out += '}';
}

}  // namespace

awaitable<void> show_status(HttpCall& call) {
  Views& views = call.services->views;
  const std::vector<StreamStatus> streams = co_await views.stream_status();
  const std::vector<ViewStatus> statuses = co_await views.view_status();
  std::string& body = call.response.body;
  body = fmt::format(R"({{"ready":{},"streams":[)", views.ready());
  for (const StreamStatus& stream : streams) {
    if (&stream != streams.data()) body += ',';
    append_stream(body, stream);
  }
  body += R"(],"views":[)";
  for (const ViewStatus& view : statuses) {
    if (&view != statuses.data()) body += ',';
    append_view(body, view);
  }
  body += "]}\n";
}

awaitable<void> show_metrics(HttpCall& call) {
  call.response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  co_return;
}

awaitable<void> show_health(HttpCall& call) {
  call.response.content_type = "text/plain; charset=utf-8";
  call.response.body = "ok\n";
  co_return;
}

awaitable<void> show_readiness(HttpCall& call) {
  if (!call.services->views.ready()) {
    throw Error(Code::kUnavailable, "views are still applying what was on the log at the start");
  }
  call.response.content_type = "text/plain; charset=utf-8";
  call.response.body = "ready\n";
  co_return;
}

awaitable<void> show_openapi(HttpCall& call) {
  call.response.body = describe_as_openapi(api_routes());
  co_return;
}

}  // namespace headrace
