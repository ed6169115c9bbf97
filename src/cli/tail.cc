// headrace tail NAME: the changes of a view, by server-sent events, or the records of a stream, by asking for what is
// new. A line per row: + inserted, - deleted.
#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "base/error.h"
#include "boost/json.hpp"
#include "cli/commands.h"
#include "cli/http_client.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr std::chrono::milliseconds kPollInterval{200};
constexpr std::chrono::milliseconds kReconnectPause{500};
constexpr int kPageRecords = 500;

namespace json = simdjson::ondemand;

// Rows are printed as the server wrote them: a double would not hold every number.
void print_rows(char sign, json::object change, const char* which) {
  json::array rows;
  if (change.find_field_unordered(which).get(rows) != simdjson::SUCCESS) return;
  for (json::object row : rows) fmt::print("{} {}\n", sign, std::string_view(row.raw_json()));
}

void print_change(std::string_view text) {
  json::parser parser;
  const simdjson::padded_string padded(text);
  json::document document = parser.iterate(padded);
  json::object change = document.get_object();
  print_rows('-', change, "delete");
  change.reset();
  print_rows('+', change, "insert");
  std::fflush(stdout);
}

int tail_view(const TailOptions& options) {
  HttpClient client(options.url);
  const std::string target = "/v1/views/" + percent_encode(options.name) + "/changes";
  std::string event, last_id;
  bool show_snapshot = options.from_start;
  for (;;) {
    HttpHeaders headers{{"Accept", "text/event-stream"}};
    if (!last_id.empty()) headers.emplace_back("Last-Event-ID", last_id);
    std::string failed;
    const int status = client.lines(
        target, headers,
        [&](std::string_view line) {
          if (line.ends_with('\r')) line.remove_suffix(1);
          if (line.starts_with("event: ")) event = line.substr(7);
          if (line.starts_with("id: ")) last_id = line.substr(4);
          if (!line.starts_with("data: ")) return true;
          if (event == "change" || (event == "snapshot" && show_snapshot)) print_change(line.substr(6));
          if (event == "live") show_snapshot = true;  // a later snapshot means that changes were missed
          return true;
        },
        failed);
    throw_problem({status, {}, failed});
    std::this_thread::sleep_for(kReconnectPause);
  }
}

// The row; for a tombstone its key, and for a record that is not a row of the stream all that is known. A key that is
// text is printed as such; others are {"base64": ...}, or null.
void print_record(json::object record) {
  json::value row;
  if (record.find_field_unordered("row").get(row) != simdjson::SUCCESS) {
    fmt::print("! {}\n", std::string_view(record.raw_json()));
  } else if (row.type() == json::json_type::null) {
    record.reset();
    json::value key = record["key"];
    std::string_view text;
    if (key.get_string().get(text) != simdjson::SUCCESS) text = simdjson::to_json_string(key);
    fmt::print("- {}\n", text);
  } else {
    fmt::print("+ {}\n", std::string_view(simdjson::to_json_string(row)));
  }
}

int tail_stream(HttpClient& client, const TailOptions& options, size_t partitions) {
  const std::string target = "/v1/streams/" + percent_encode(options.name) + "/records";
  std::vector<int64_t> next(partitions, -1);
  for (;;) {
    bool any = false;
    for (size_t partition = 0; partition < partitions; ++partition) {
      const bool first = next[partition] < 0;
      const std::string from = !first               ? std::to_string(next[partition])
                               : options.from_start ? std::string("earliest")
                                                    : std::string("latest");
      const HttpReply reply =
          client.request("GET", fmt::format("{}?partition={}&from={}&limit={}", target, partition, from, kPageRecords));
      throw_problem(reply);
      json::parser parser;
      const simdjson::padded_string padded(reply.body);
      json::document page = parser.iterate(padded);
      const int64_t end = page["end"];
      if (first && !options.from_start) {
        next[partition] = end;
        continue;
      }
      for (json::object record : page["records"].get_array()) {
        any = true;
        print_record(record);
      }
      next[partition] = page["next"];
    }
    std::fflush(stdout);
    if (!any) std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace

int tail(const TailOptions& options) {
  HttpClient client(options.url);
  const HttpReply stream = client.request("GET", "/v1/streams/" + percent_encode(options.name));
  if (stream.status == 404) return tail_view(options);
  throw_problem(stream);
  return tail_stream(client, options, boost::json::parse(stream.body).at("partitions").to_number<size_t>());
}

}  // namespace headrace
