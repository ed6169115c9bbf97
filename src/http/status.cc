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
  out += fmt::format(R"(,"kind":"{}","partitions":{},"rows":{},"rows_per_second":{:.1f},"lag_rows":{}}})",
                     stream.is_table     ? "table"
                     : stream.is_derived ? "derived"
                                         : "stream",
                     stream.partitions, stream.rows, stream.rows_per_second, stream.lag_rows);
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

template <typename Status>
struct Metric {
  std::string_view name;
  std::string_view kind;
  std::string_view help;
  double (*value)(const Status& status);
};
using StreamMetric = Metric<StreamStatus>;
using ViewMetric = Metric<ViewStatus>;

constexpr StreamMetric kStreamMetrics[] = {
    {"headrace_stream_rows", "gauge", "Records on the log.",
     [](const StreamStatus& stream) { return static_cast<double>(stream.rows); }},
    {"headrace_stream_rows_per_second", "gauge", "Records appended, as a recent average.",
     [](const StreamStatus& stream) { return stream.rows_per_second; }},
};
constexpr ViewMetric kViewMetrics[] = {
    {"headrace_view_rows", "gauge", "Rows of the view, about.",
     [](const ViewStatus& view) { return static_cast<double>(view.rows); }},
    {"headrace_view_lag_rows", "gauge", "Records on the log that the view has not applied.",
     [](const ViewStatus& view) { return static_cast<double>(view.lag_rows); }},
    {"headrace_view_rows_in_total", "counter", "Records applied since the start.",
     [](const ViewStatus& view) { return static_cast<double>(view.rows_in); }},
    {"headrace_view_epochs_total", "counter", "Epochs committed since the start.",
     [](const ViewStatus& view) { return static_cast<double>(view.epochs); }},
    {"headrace_view_dead_rows_total", "counter", "Records sent to the dead stream since the start.",
     [](const ViewStatus& view) { return static_cast<double>(view.dead_rows); }},
    {"headrace_view_live", "gauge", "1 while the view is live, 0 while it catches up or has failed.",
     [](const ViewStatus& view) { return view.state == "live" ? 1.0 : 0.0; }},
};

// A label's value, escaped as the text format wants it.
std::string label_value(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    if (byte == '\\' || byte == '"') out += '\\';
    if (byte == '\n') {
      out += "\\n";
    } else {
      out += byte;
    }
  }
  return out;
}

template <typename Status>
void append_metric(std::string& out, const Metric<Status>& metric, std::string_view label,
                   const std::vector<Status>& statuses) {
  out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", metric.name, metric.help, metric.kind);
  for (const Status& status : statuses) {
    out += fmt::format("{}{{{}=\"{}\"}} {}\n", metric.name, label, label_value(status.name), metric.value(status));
  }
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

// What components count themselves, and the levels of streams and views as they are now.
awaitable<void> show_metrics(HttpCall& call) {
  Services& services = *call.services;
  const std::vector<StreamStatus> streams = co_await services.views.stream_status();
  const std::vector<ViewStatus> views = co_await services.views.view_status();
  std::string& body = call.response.body;
  body = services.metrics.text();
  for (const StreamMetric& metric : kStreamMetrics) append_metric(body, metric, "stream", streams);
  for (const ViewMetric& metric : kViewMetrics) append_metric(body, metric, "view", views);
  call.response.content_type = "text/plain; version=0.0.4; charset=utf-8";
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
