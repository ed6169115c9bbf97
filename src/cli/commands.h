// The command line: what each command takes, and how a command is run. `headrace up` is the server (main.cc); the
// others are clients of one, over HTTP.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace headrace {

struct UpOptions {
  std::vector<std::string> apps;
  std::string data = "headrace-data";
  std::string http_listen = "127.0.0.1:8080";
  std::string kafka_listen = "127.0.0.1:9092";  // "off": no Kafka port
  size_t memory_bytes = size_t{512} * 1024 * 1024;
  size_t shards = 0;  // 0: one per core
  bool insecure = false;
};

// A server's address: "http://127.0.0.1:8080".
struct ServerUrl {
  std::string host = "127.0.0.1";  // of an IPv6 address without the brackets
  std::string port = "8080";

  // HOST:PORT, as it stands in a URL.
  std::string authority() const;
};

inline constexpr size_t kConnectionsMax = 64;

struct LoadOptions {
  ServerUrl url;
  std::string stream;
  std::string file;    // "-": standard input
  std::string format;  // "csv", "ndjson"; empty: by the file's name
  size_t connections = 4;
  bool wait = false;  // until every view has applied the rows
  bool skip_bad_rows = false;
};

struct TailOptions {
  ServerUrl url;
  std::string name;
  bool from_start = false;
};

struct GetOptions {
  ServerUrl url;
  std::string view;
  std::vector<std::string> key;
};

struct SqlOptions {
  ServerUrl url;
  std::vector<std::string> statements;  // none: a prompt, or standard input when that is not a terminal
  std::string format = "table";         // "table", "json", "ndjson", "csv"
};

// Help and version were asked for and printed, or the usage was wrong and said so.
struct Done {
  int exit_code;
};

using Command = std::variant<Done, UpOptions, LoadOptions, TailOptions, GetOptions, SqlOptions>;

Command parse_command_line(int argc, char** argv);

// "512 MB", "2GiB", "65536" in bytes. Throws Error(kInvalid).
size_t parse_size(std::string_view text);
ServerUrl parse_url(std::string_view text);

// Runs a client command; returns the exit code. Throws Error.
int run_client(const Command& command);
int load(const LoadOptions& options);
int tail(const TailOptions& options);
int get(const GetOptions& options);
int sql(const SqlOptions& options);

}  // namespace headrace
