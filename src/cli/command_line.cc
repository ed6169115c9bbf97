#include <cctype>
#include <charconv>

#include "CLI/CLI.hpp"
#include "base/error.h"
#include "cli/commands.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr size_t kMemoryBytesMin = size_t{64} * 1024 * 1024;

constexpr std::string_view kFooter =
    R"(Exit codes: 0 done; 64 wrong usage; 65 bad data; 66 not found; 69 the server is not reachable or not ready;
70 a bug; 74 input or output failed; 75 busy or timed out, try again; 77 refused.)";

}  // namespace

size_t parse_size(std::string_view text) {
  size_t number = 0;
  const auto [rest, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit;
  for (const char* at = rest; at != text.data() + text.size(); ++at)
    if (*at != ' ') unit.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(*at))));
  size_t factor = 0;
  if (unit.empty() || unit == "b") factor = 1;
  if (unit == "k" || unit == "kb" || unit == "kib") factor = size_t{1} << 10;
  if (unit == "m" || unit == "mb" || unit == "mib") factor = size_t{1} << 20;
  if (unit == "g" || unit == "gb" || unit == "gib") factor = size_t{1} << 30;
  size_t bytes = 0;
  if (failed != std::errc() || factor == 0 || __builtin_mul_overflow(number, factor, &bytes))
    throw Error(Code::kInvalid, fmt::format("\"{}\" is not a size; write for example 512MB or 2GB", text));
  return bytes;
}

ServerUrl parse_url(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  ServerUrl url;
  const bool bracketed = rest.starts_with('[');
  const size_t host_end = bracketed ? rest.find(']') : rest.find(':');
  url.host = bracketed && host_end != std::string_view::npos ? rest.substr(1, host_end - 1) : rest.substr(0, host_end);
  std::string_view after = host_end == std::string_view::npos ? "" : rest.substr(host_end + (bracketed ? 1 : 0));
  if (after.starts_with(':')) {
    url.port = after.substr(1);
    after = {};
  }
  const bool valid = !url.host.empty() && !url.port.empty() && after.empty() &&
                     url.host.find_first_of("[]") == std::string::npos &&
                     url.port.find_first_not_of("0123456789") == std::string::npos &&
                     rest.find_first_of("/?# ") == std::string_view::npos;
  if (!valid)
    throw Error(Code::kInvalid, fmt::format("\"{}\" is not a server's address; write http://HOST:PORT, with an IPv6 "
                                            "address in brackets",
                                            text));
  return url;
}

std::string ServerUrl::authority() const {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Command parse_command_line(int argc, char** argv) {
  CLI::App app("Headrace: a durable log and live SQL views in one program.", "headrace");
  app.require_subcommand(1);
  app.set_version_flag("--version", "headrace " HEADRACE_VERSION);
  app.footer(std::string(kFooter));
  std::string memory = "512MB";

  UpOptions up;
  CLI::App* up_command = app.add_subcommand("up", "Run the server, with the app files applied to it");
  up_command->add_option("app", up.apps, "SQL files to apply; only what differs from the catalogue is done")
      ->check(CLI::ExistingFile);
  up_command->add_option("--data", up.data, "The folder that holds everything")->capture_default_str();
  up_command->add_option("--http-listen", up.http_listen, "ADDRESS:PORT; port 0 takes any free one")
      ->capture_default_str();
  up_command
      ->add_option("--kafka-listen", up.kafka_listen,
                   "ADDRESS:PORT for Kafka clients; port 0 takes any free one; or off")
      ->capture_default_str();
  up_command->add_option("--memory", memory, "How much memory the server may use")->capture_default_str();
  up_command->add_option("--shards", up.shards, "Event loops; 0 is one per core")->check(CLI::Range(0, 256));
  up_command->add_flag("--insecure", up.insecure, "Allow an address that other machines reach, without authentication");

  // Of each command its own: the environment's is set in the commands that are not asked for, too.
  auto add_url = [](CLI::App* command, ServerUrl& url) {
    command
        ->add_option_function<std::string>(
            "--url", [&url](const std::string& text) { url = parse_url(text); }, "The server")
        ->default_str("http://" + url.authority())
        ->envname("HEADRACE_URL");
  };
  LoadOptions load;
  CLI::App* load_command = app.add_subcommand("load",
                                              "Append the rows of a CSV or NDJSON file; started again after an "
                                              "interruption it goes on where it was");
  load_command->add_option("stream", load.stream, "The stream or table")->required();
  load_command->add_option("file", load.file, ".csv, .ndjson or .jsonl, plain or .gz or .zst; - is standard input")
      ->required();
  load_command->add_option("--format", load.format, "When the name does not say")
      ->check(CLI::IsMember({"csv", "ndjson"}));
  load_command->add_option("--connections", load.connections, "Requests at the same time")
      ->check(CLI::Range(size_t{1}, kConnectionsMax))
      ->capture_default_str();
  load_command->add_flag("--wait", load.wait, "Until every view has applied the rows");
  load_command->add_flag("--skip-bad-rows", load.skip_bad_rows, "Send them to the stream's dead stream and go on");
  add_url(load_command, load.url);

  TailOptions tail;
  CLI::App* tail_command =
      app.add_subcommand("tail", "Print the rows of a stream, or the changes of a view, as they come");
  tail_command->add_option("name", tail.name, "The stream, table or view")->required();
  tail_command->add_flag("--from-start", tail.from_start, "What is there already, too");
  add_url(tail_command, tail.url);

  GetOptions get;
  CLI::App* get_command = app.add_subcommand("get", "Print one row of a view, as JSON");
  get_command->add_option("view", get.view, "The view")->required();
  get_command->add_option("key", get.key, "A value for each column of its key")->required();
  add_url(get_command, get.url);

  SqlOptions sql;
  CLI::App* sql_command = app.add_subcommand("sql", "Run SQL statements; without any, a prompt with history");
  sql_command->add_option("statement", sql.statements, "Statements");
  sql_command->add_option("--format", sql.format, "How rows are printed")
      ->check(CLI::IsMember({"table", "json", "ndjson", "csv"}))
      ->capture_default_str();
  add_url(sql_command, sql.url);

  try {
    app.parse(argc, argv);
    up.memory_bytes = parse_size(memory);
    if (up.memory_bytes < kMemoryBytesMin) throw CLI::ValidationError("--memory", "at least 64MB are needed");
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return Done{code == 0 ? 0 : info(Code::kUnsupported).exit_code};
  }
  if (*up_command) return up;
  if (*load_command) return load;
  if (*tail_command) return tail;
  if (*get_command) return get;
  return sql;
}

int run_client(const Command& command) {
  struct Run {
    int operator()(const Done& done) const { return done.exit_code; }
    int operator()(const UpOptions&) const { return 0; }
    int operator()(const LoadOptions& options) const { return load(options); }
    int operator()(const TailOptions& options) const { return tail(options); }
    int operator()(const GetOptions& options) const { return get(options); }
    int operator()(const SqlOptions& options) const { return sql(options); }
  };
  return std::visit(Run{}, command);
}

}  // namespace headrace
