#include "http/routes.h"

#include "http/handlers.h"
#include "http/registry_calls.h"
#include "http/registry_routes.h"

namespace headrace {
namespace {

using In = Parameter::In;

constexpr Parameter kStream{In::kPath, "stream", "string", "name of a stream or table"};
constexpr Parameter kTable{In::kPath, "table", "string", "name of a table"};
constexpr Parameter kView{In::kPath, "view", "string", "name of a view"};
constexpr Parameter kPreferAppend{In::kHeader, "Prefer", "string",
                                  "`wait=SECONDS` (at most 60): answer 200 once every view of the stream has applied "
                                  "the rows; still 202 when they take longer"};
constexpr Parameter kAfter{In::kHeader, "Headrace-After", "string",
                           "token of a write, or several separated by blanks: answer when the view has applied them"};
constexpr Parameter kPreferRead{In::kHeader, "Prefer", "string",
                                "`wait=SECONDS`: how long Headrace-After waits (5 if not given, at most 60)"};
constexpr std::string_view kJson = "application/json";
constexpr Answer kNotFound{404, "there is no such stream, table or view"};

std::vector<std::string_view> row_types() {
  return {"application/json", "application/x-ndjson", "application/ndjson", "text/csv"};
}

void add_streams(std::vector<Route>& routes) {
  routes.push_back({.method = Method::kGet,
                    .pattern = "/v1/streams",
                    .handler = list_streams,
                    .summary = "Lists streams, tables, derived and dead streams with their columns and rates.",
                    .parameters = {},
                    .takes = {},
                    .gives = {kJson},
                    .answers = {{200, "`{\"streams\":[...]}`"}}});
  routes.push_back({.method = Method::kGet,
                    .pattern = "/v1/streams/{stream}",
                    .handler = describe_stream,
                    .summary = "Describes a stream: columns, schemas, settings, the bounds of its partitions.",
                    .parameters = {kStream},
                    .takes = {},
                    .gives = {kJson},
                    .answers = {{200, "the stream"}, kNotFound}});
  routes.push_back(
      {.method = Method::kPost,
       .pattern = "/v1/streams/{stream}",
       .handler = append_rows,
       .summary = "Appends rows: a JSON object or array, NDJSON, or CSV with a header line. All or none.",
       .parameters = {kStream,
                      {In::kQuery, "on_error", "string",
                       "`refuse` (the default): one bad row refuses the request; `dead`: bad rows go to the dead "
                       "stream"},
                      {In::kQuery, "durability", "string",
                       "`synced` (the default): answered after fsync; `relaxed`: a power cut may lose the rows"},
                      kPreferAppend,
                      {In::kHeader, "Idempotency-Key", "string",
                       "a text of at most 255 bytes that is unique to this request: repeating it has no effect"},
                      {In::kHeader, "Headrace-Producer", "string",
                       "name of a producer that numbers its requests with Headrace-Sequence: repeats have no effect"},
                      {In::kHeader, "Headrace-Sequence", "integer", "0, 1, 2, ... in the order of sending"}},
       .takes = row_types(),
       .gives = {kJson},
       .answers = {{202, "the rows are durable: `{\"rows\":3,\"token\":\"...\"}`"},
                   {200, "the same, and every view has applied them"},
                   kNotFound,
                   {409, "Headrace writes this stream itself"},
                   {413, "the body, a row or their number is above a limit"},
                   {415, "the body's type is not one of those above"},
                   {422, "a row is not valid: `row`, `column` and the reason; nothing was appended"},
                   {429, "too much at once"}}});
  routes.push_back({.method = Method::kGet,
                    .pattern = "/v1/streams/{stream}/records",
                    .handler = browse_records,
                    .summary = "Browses the log: records of one partition, in order.",
                    .parameters = {kStream,
                                   {In::kQuery, "partition", "integer", "from 0; 0 if not given"},
                                   {In::kQuery, "from", "string",
                                    "an offset, `earliest` (the default), `latest`, or -N for the last N"},
                                   {In::kQuery, "limit", "integer", "1 to 1000; 100 if not given"}},
                    .takes = {},
                    .gives = {kJson},
                    .answers = {{200, "`{\"partition\":0,\"start\":0,\"end\":9,\"records\":[...],\"next\":9}`"},
                                {404, "there is no such stream, or the offset is outside its bounds"},
                                {422, "a parameter is not valid"}}});
  routes.push_back({.method = Method::kDelete,
                    .pattern = "/v1/streams/{table}/rows",
                    .handler = remove_rows,
                    .summary = "Removes rows of a table; the body has their key columns.",
                    .parameters = {kTable, kPreferAppend},
                    .takes = row_types(),
                    .gives = {kJson},
                    .answers = {{202, "the removal is durable: `{\"rows\":1,\"token\":\"...\"}`"},
                                {200, "the same, and every view has applied it"},
                                kNotFound,
                                {409, "it is a stream and not a table"},
                                {422, "a key is not valid"}}});
  routes.push_back({.method = Method::kGet,
                    .pattern = "/v1/streams/{stream}/producers/{producer}",
                    .handler = find_producer,
                    .summary =
                        "Tells the last sequence of a named producer, or -1. After a crash send that request again, "
                        "then go on.",
                    .parameters = {kStream, {In::kPath, "producer", "string", "as in Headrace-Producer"}},
                    .takes = {},
                    .gives = {kJson},
                    .answers = {{200, "`{\"sequence\":41}`"}, kNotFound}});
}

void add_views(std::vector<Route>& routes) {
  routes.push_back({.method = Method::kGet,
                    .pattern = "/v1/views",
                    .handler = list_views,
                    .summary = "Lists views with their keys, columns and state.",
                    .parameters = {},
                    .takes = {},
                    .gives = {kJson},
                    .answers = {{200, "`{\"views\":[...]}`"}}});
  routes.push_back(
      {.method = Method::kGet,
       .pattern = "/v1/views/{view}",
       .handler = scan_view,
       .summary = "Reads rows by a prefix of the key and a range on the next key column, a page at a time.",
       .parameters = {kView,
                      {In::kQuery, "COLUMN", "string", "rows whose key column equals the value"},
                      {In::kQuery, "COLUMN.gte", "string", "and likewise `.gt`, `.lt`, `.lte`, `.eq`"},
                      {In::kQuery, "limit", "integer", "1 to 1000; 100 if not given"},
                      {In::kQuery, "cursor", "string", "as the page before gave it"},
                      kAfter,
                      kPreferRead},
       .takes = {},
       .gives = {kJson},
       .answers = {{200,
                    "`{\"rows\":[...],\"cursor\":\"...\",\"frontier\":\"...\"}`; `cursor` is null on the last page"},
                   kNotFound,
                   {422, "a condition, the limit or the cursor is not valid"},
                   {504, "the view has not applied the token in time"}},
       .any_query = true});
  routes.push_back({.method = Method::kGet,
                    .pattern = "/v1/views/{view}/{key...}",
                    .handler = find_row,
                    .summary = "Reads one row by its full key, one path segment per key column.",
                    .parameters = {kView,
                                   {In::kPath, "key...", "string", "percent-encoded values of the key columns"},
                                   kAfter,
                                   kPreferRead},
                    .takes = {},
                    .gives = {kJson},
                    .answers = {{200, "the row as a JSON object"},
                                {404, "there is no such view, or no row with this key"},
                                {422, "the key does not fit its columns"},
                                {504, "the view has not applied the token in time"}}});
  routes.push_back(
      {.method = Method::kGet,
       .pattern = "/v1/views/{view}/changes",
       .handler = follow_view,
       .summary = "Follows a view as server-sent events: a snapshot, then every change.",
       .parameters = {kView,
                      {In::kHeader, "Last-Event-ID", "string", "go on after this event"},
                      {In::kQuery, "last_event_id", "string", "the same, for clients that can't set the header"}},
       .takes = {},
       .gives = {"text/event-stream"},
       .answers = {{200, "events `reset`, `snapshot`, `live`, `change`, `problem`"},
                   kNotFound,
                   {429, "there are too many subscribers"}}});
}

void add_others(std::vector<Route>& routes) {
  routes.push_back(
      {.method = Method::kPost,
       .pattern = "/v1/sql",
       .handler = run_sql,
       .summary = "Runs SQL statements; the rows of a single SELECT come as the Accept field asks.",
       .parameters = {{In::kHeader, "Accept", "string",
                       "`application/json` (the default), `application/x-ndjson` or `text/csv`"}},
       .takes = {"text/plain", "application/sql", "application/json"},
       .gives = {kJson, "application/x-ndjson", "text/csv"},
       .answers = {{200, "`{\"columns\":[...],\"rows\":[...]}`; an array of results for several statements"},
                   {404, "a name in a statement is not known"},
                   {409, "a statement contradicts what exists or would lose data"},
                   {413, "the result is above a limit"},
                   {422, "a statement is not valid: `position`, `line` and the reason"},
                   {501, "a statement uses what Headrace does not have"}}});
  routes.push_back({.method = Method::kGet,
                    .pattern = "/v1/status",
                    .handler = show_status,
                    .summary = "Tells rates, rows and lag of all streams and views.",
                    .parameters = {},
                    .takes = {},
                    .gives = {kJson},
                    .answers = {{200, "`{\"ready\":true,\"streams\":[...],\"views\":[...]}`"}}});
  routes.push_back({.method = Method::kGet,
                    .pattern = "/metrics",
                    .handler = show_metrics,
                    .summary = "Metrics in Prometheus' text format.",
                    .parameters = {},
                    .takes = {},
                    .gives = {"text/plain"},
                    .answers = {{200, "the metrics"}}});
  routes.push_back({.method = Method::kGet,
                    .pattern = "/healthz",
                    .handler = show_health,
                    .summary = "Answers as long as the server runs.",
                    .parameters = {},
                    .takes = {},
                    .gives = {"text/plain"},
                    .answers = {{200, "`ok`"}}});
  routes.push_back({.method = Method::kGet,
                    .pattern = "/readyz",
                    .handler = show_readiness,
                    .summary = "Tells whether every view has applied what was on the log at the start.",
                    .parameters = {},
                    .takes = {},
                    .gives = {"text/plain"},
                    .answers = {{200, "`ready`"}, {503, "not yet"}}});
  routes.push_back({.method = Method::kGet,
                    .pattern = "/openapi.json",
                    .handler = show_openapi,
                    .summary = "Describes these calls as OpenAPI 3.1.",
                    .parameters = {},
                    .takes = {},
                    .gives = {kJson},
                    .answers = {{200, "the description"}}});
  struct Part {
    std::string_view pattern;
    Handler handler;
    std::string_view type;
  };
  for (const Part& part : {Part{"/", show_root, "text/html"}, Part{"/page.css", show_page_style, "text/css"},
                           Part{"/page.js", show_page_script, "text/javascript"}}) {
    routes.push_back({.method = Method::kGet,
                      .pattern = part.pattern,
                      .handler = part.handler,
                      .summary = "The page that shows streams and views live, and its parts.",
                      .parameters = {},
                      .takes = {},
                      .gives = {part.type},
                      .answers = {{200, "the page or part"}},
                      .any_query = true});
  }
}

}  // namespace

std::vector<Route> api_routes() {
  std::vector<Route> routes;
  add_streams(routes);
  add_views(routes);
  add_registry_routes(routes);
  add_others(routes);
  return routes;
}

}  // namespace headrace
