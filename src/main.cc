// Headrace, one program. Read this first: serve() makes every component, in the order in which data meets them, and
// they are destroyed in reverse. Everything else in here is the choice of a command.
#include <algorithm>
#include <csignal>
#include <functional>
#include <future>
#include <optional>

#include "base/metrics.h"
#include "base/trace.h"
#include "boost/asio/signal_set.hpp"
#include "cli/commands.h"
#include "cli/sql_text.h"
#include "cli/text_file.h"
#include "fmt/format.h"
#include "http/server.h"
#include "kafka/server.h"
#include "log/embedded_log.h"
#include "runtime/files.h"
#include "runtime/timers.h"
#include "store/store.h"
#include "views/appender.h"
#include "views/catalog.h"
#include "views/executor.h"
#include "views/live_views.h"
#include "views/registry.h"

namespace headrace {
namespace {

// How the memory given at the start is shared out. What is left is for code, stacks and the rows in flight.
StoreOptions store_options(const UpOptions& options) {
  return {.folder = options.data + "/store", .memory_bytes = options.memory_bytes / 20 * 9};
}
EmbeddedLogOptions log_options(const UpOptions& options) {
  // What waits is in the requests' memory, which the ports bound. The log refuses only what goes beyond both of them.
  return {.folder = options.data + "/log",
          .unflushed_bytes_max = options.memory_bytes / 32,
          .waiting_bytes_max = options.memory_bytes / 4};
}

HttpOptions http_options(const UpOptions& options) {
  HttpOptions http{.listen = options.http_listen, .insecure = options.insecure};
  http.limits.body_bytes_total_max = options.memory_bytes / 8;
  http.limits.body_bytes_max = std::min(http.limits.body_bytes_max, http.limits.body_bytes_total_max / 2);
  return http;
}

kafka::KafkaOptions kafka_options(const UpOptions& options) {
  kafka::KafkaOptions kafka{.listen = options.kafka_listen, .insecure = options.insecure};
  kafka.limits.request_bytes_total_max = options.memory_bytes / 16;
  kafka.limits.frame_pool_bytes = std::min(kafka.limits.frame_pool_bytes, kafka.limits.request_bytes_total_max);
  kafka.limits.request_bytes_max = std::min(kafka.limits.request_bytes_max, kafka.limits.request_bytes_total_max);
  // A request of one batch that is too large is still read, so that its producer hears why.
  kafka.limits.batch_bytes_max = std::min(kafka.limits.batch_bytes_max, kafka.limits.request_bytes_max / 2);
  return kafka;
}

// Returns when one of the signals has come, perhaps already.
void wait_for(asio::signal_set& signals) {
  std::promise<void> asked;
  signals.async_wait([&](const boost::system::error_code&, int) { asked.set_value(); });
  asked.get_future().wait();
}

// Everything that runs, in the order in which it is made. Declared before the first is made, so that whatever was made
// can be stopped, in reverse and while all of it still lives, when something goes wrong on the way.
struct Server {
  explicit Server(const UpOptions& options) : runtime({.shards = options.shards}) {}
  ~Server() {
    stop([this] {
      if (http) runtime.block_on([this] { return http->stop(); });
    });
    stop([this] {
      if (kafka) runtime.block_on([this] { return kafka->stop(); });
    });
    stop([this] {
      if (views) runtime.block_on([this] { return views->stop(); });
    });
    stop([this] {
      if (log) runtime.block_on([this] { return log->close(); });
    });
    stop([this] { runtime.stop(); });
  }

  static void stop(const std::function<void()>& f) {
    try {
      f();
    } catch (const std::exception& error) {
      trace::error("while stopping: {}", error.what());
    }
  }

  const std::unique_ptr<Files> files = make_system_files();
  std::unique_ptr<File> lock;
  Metrics metrics;
  SystemTimers timers;
  Runtime runtime;
  std::unique_ptr<EmbeddedLog> log;
  std::unique_ptr<Store> store;
  std::optional<Registry> registry;
  std::optional<Catalog> catalog;
  std::optional<Appender> appender;
  std::optional<LiveViews> views;
  std::optional<Executor> executor;
  std::optional<kafka::KafkaServer> kafka;
  std::optional<HttpServer> http;
};

int serve(const UpOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // a client that is gone is an error of the call, sendfile's too
  Server server(options);
  auto& [files, lock, metrics, timers, runtime, log, store, registry, catalog, appender, views, executor, kafka, http] =
      server;
  files->make_folders(options.data);
  lock = files->lock(options.data + "/lock");

  log = open_embedded_log(runtime, timers, *files, log_options(options));
  store = open_rocksdb_store(*files, store_options(options));
  registry.emplace(runtime, *log);
  runtime.block_on([&] { return server.registry->open(); });
  catalog.emplace(runtime, *log, *registry);
  runtime.block_on([&] { return server.catalog->open(); });
  appender.emplace(runtime, timers.clock(), *log, *catalog);
  views.emplace(runtime, timers, *log, *store, *catalog, *appender);
  runtime.block_on([&] { return server.views->start(); });
  executor.emplace(timers.clock(), *store, *catalog, *appender, *views);

  for (const std::string& app : options.apps) {
    const std::string text = read_text_file(app);
    try {
      print_applied(app, runtime.block_on([&] { return server.executor->execute(text); }));
    } catch (const Error& error) {
      throw located(error, text, app);
    }
  }
  // From before anybody is told that the server is there: who is told may end it at once.
  asio::signal_set signals(runtime.shard(0).context(), SIGINT, SIGTERM);
  if (options.kafka_listen != "off") {
    kafka.emplace(runtime, timers, metrics, *log, *catalog, kafka_options(options));
    kafka->start();
    fmt::print("Kafka clients connect to {}\n", kafka->address());
  }
  const Services services{*log, *catalog, *appender, *views, *executor, metrics, *registry};
  http.emplace(runtime, timers, services, http_options(options));
  http->start();
  fmt::print("listening on {}\n", http->url());
  std::fflush(stdout);

  wait_for(signals);
  return 0;
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  using namespace headrace;
  try {
    Command command = parse_command_line(argc, argv);
    if (const auto* up = std::get_if<UpOptions>(&command)) return serve(*up);
    return run_client(command);
  } catch (const Error& error) {
    fmt::print(stderr, "headrace: {}\n", error.message());
    return info(error.code()).exit_code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "headrace: {}\n", error.what());
    return info(Code::kInternal).exit_code;
  }
}
