// A view's changes as server-sent events, for as long as the client takes them. Nothing is buffered here: while the
// client is slow the subscription fills up, and ends when it is full.
#include "http/handlers.h"
#include "http/problem.h"
#include "http/server_sent_events.h"
#include "http/services.h"

namespace headrace {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;
// How often it is looked whether the client is still there, and whether the server stops.
constexpr std::chrono::seconds kLookInterval{1};

// Sends what comes until the client is gone. Throws Error(kUnavailable) when the server stops.
awaitable<void> send_events(HttpCall& call, Subscription& subscription) {
  SteadyTime heartbeat = call.now() + call.limits.heartbeat_interval;
  std::string out;
  while (!call.stream.ended()) {
    const std::optional<ViewEvent> event = co_await subscription.next(std::min(heartbeat, call.now() + kLookInterval));
    out.clear();
    if (!event) {
      if (call.now() < heartbeat) continue;
      out = ": heartbeat\n\n";
    }
    bool whole = false;
    for (size_t row = 0; !whole;) {
      whole = !event || append_view_event(out, *event, row, kPieceBytes);
      if (!co_await call.stream.write(out)) co_return;
      out.clear();
    }
    heartbeat = call.now() + call.limits.heartbeat_interval;
  }
  if (call.stream.server_stops()) throw Error(Code::kUnavailable, "the server stops; connect again");
}

}  // namespace

awaitable<void> follow_view(HttpCall& call) {
  std::string last_event_id(call.request.header("Last-Event-ID"));
  if (const auto given = call.query_parameter("last_event_id"); given && last_event_id.empty()) last_event_id = *given;
  const std::shared_ptr<Subscription> subscription =
      co_await call.services->views.subscribe(call.path_parameter(0), std::move(last_event_id));
  call.response.content_type = "text/event-stream";
  call.response.set_header("Cache-Control", "no-store");
  if (!co_await call.stream.start(call.response)) co_return;

  std::exception_ptr failure;
  try {
    co_await send_events(call, *subscription);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  // The reason as the last event: the head of the response is long gone.
  Response problem;
  respond_exception(problem, failure);
  while (problem.body.ends_with('\n')) problem.body.pop_back();
  std::string out;
  append_server_sent_event(out, "problem", {}, problem.body);
  co_await call.stream.write(out);
}

}  // namespace headrace
