// The handlers of all calls, one file per area. What each does is said where it is declared to users: routes.cc.
#pragma once

#include "http/call.h"

namespace headrace {

// streams.cc
awaitable<void> list_streams(HttpCall& call);
awaitable<void> describe_stream(HttpCall& call);
awaitable<void> append_rows(HttpCall& call);
awaitable<void> remove_rows(HttpCall& call);
awaitable<void> find_producer(HttpCall& call);

// records.cc
awaitable<void> browse_records(HttpCall& call);

// views.cc
awaitable<void> list_views(HttpCall& call);
awaitable<void> scan_view(HttpCall& call);
awaitable<void> find_row(HttpCall& call);

// changes.cc
awaitable<void> follow_view(HttpCall& call);

// sql.cc
awaitable<void> run_sql(HttpCall& call);

// status.cc
awaitable<void> show_status(HttpCall& call);
awaitable<void> show_metrics(HttpCall& call);
awaitable<void> show_health(HttpCall& call);
awaitable<void> show_readiness(HttpCall& call);
awaitable<void> show_openapi(HttpCall& call);

// page.cc
awaitable<void> show_page(HttpCall& call);
awaitable<void> show_page_style(HttpCall& call);
awaitable<void> show_page_script(HttpCall& call);

}  // namespace headrace
