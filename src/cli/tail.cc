// headrace tail NAME: the changes of a view, by server-sent events, or the records of a stream, by asking for what is
// new. A line per row: + inserted, - deleted.
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

void print_rows(char sign, const boost::json::object& change, const char* which) {
  const auto* rows = change.if_contains(which);
  if (!rows) return;
  for (const auto& row : rows->as_array()) fmt::print("{} {}\n", sign, boost::json::serialize(row));
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
          if (event == "change" || (event == "snapshot" && show_snapshot)) {
            const auto json = boost::json::parse({line.data() + 6, line.size() - 6});
            print_rows('-', json.as_object(), "delete");
            print_rows('+', json.as_object(), "insert");
            std::fflush(stdout);
          }
          if (event == "live") show_snapshot = true;  // a later snapshot means that changes were missed
          return true;
        },
        failed);
    throw_problem({status, {}, failed});
    std::this_thread::sleep_for(kReconnectPause);
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
      const auto json = boost::json::parse(reply.body);
      next[partition] = json.at("next").to_number<int64_t>();
      if (first && !options.from_start) {
        next[partition] = json.at("end").to_number<int64_t>();
        continue;
      }
      for (const auto& record : json.at("records").as_array()) {
        any = true;
        const auto& object = record.as_object();
        const auto* row = object.if_contains("row");
        if (row && row->is_null()) {
          fmt::print("- {}\n", boost::json::serialize(object.at("key")));
        } else {
          fmt::print("+ {}\n", boost::json::serialize(row ? *row : record));
        }
      }
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
