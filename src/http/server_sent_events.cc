#include "http/server_sent_events.h"

#include <algorithm>

namespace headrace {

void append_server_sent_event(std::string& out, std::string_view event, std::string_view id, std::string_view data) {
  out.append("event: ").append(event).append("\n");
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  out.append("data: ").append(data).append("\n\n");
}

bool append_view_event(std::string& out, const ViewEvent& event, size_t& row, size_t bytes_max) {
  if (event.kind == ViewEvent::Kind::kReset || event.kind == ViewEvent::Kind::kLive) {
    append_server_sent_event(out, event.kind == ViewEvent::Kind::kReset ? "reset" : "live", event.id, "{}");
    return true;
  }
  const std::string_view name = event.kind == ViewEvent::Kind::kSnapshot ? "snapshot" : "change";
  const size_t rows = event.changes ? event.changes->rows.rows : 0;
  const size_t limit = out.size() + bytes_max;
  do {
    const size_t end = std::min(rows, row + kRowsPerEvent);
    std::string inserted;
    std::string deleted;
    for (; row < end; ++row) {
      std::string& to = event.changes->weight(row) > 0 ? inserted : deleted;
      if (!to.empty()) to += ',';
      append_row_json(to, event.changes->rows, row);
    }
    std::string data = "{";
    if (!inserted.empty()) data.append(R"("insert":[)").append(inserted).append("]");
    if (!deleted.empty()) data.append(data.size() > 1 ? "," : "").append(R"("delete":[)").append(deleted).append("]");
    if (row < rows) data.append(R"(,"more":true)");
    data += '}';
    append_server_sent_event(out, name, row < rows ? std::string_view() : event.id, data);
  } while (row < rows && out.size() < limit);
  return row >= rows;
}

}  // namespace headrace
