// Server-sent events (WHATWG HTML, section 9.2): how the events of a view's subscription are written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "views/views.h"

namespace headrace {

// Rows in one event at most; what has more comes as several events, of which only the last has an id and no
// "more":true.
inline constexpr size_t kRowsPerEvent = 1000;

// Appends one event. `data` is one line.
void append_server_sent_event(std::string& out, std::string_view event, std::string_view id, std::string_view data);

// Appends `event` as server-sent events: `reset`, `snapshot`, `change` or `live`. The data of snapshot and change is
// {"insert":[rows],"delete":[rows]}, each only if there are any, and "more":true when the next event belongs to it.
// Returns after about `bytes_max`; call again with the same `row` until it is at the end (returns true).
bool append_view_event(std::string& out, const ViewEvent& event, size_t& row, size_t bytes_max);

}  // namespace headrace
