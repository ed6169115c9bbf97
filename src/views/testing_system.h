// A whole Headrace without its HTTP port, on any Files, for tests: opened, used from the test's thread, closed or
// dropped as a power cut drops it, and opened again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/embedded_log.h"
#include "runtime/faulty_files.h"
#include "runtime/timers.h"
#include "store/store.h"
#include "views/executor.h"
#include "views/live_views.h"
#include "views/registry.h"

namespace headrace {

class TestSystem {
 public:
  explicit TestSystem(Files& files, LiveViewsOptions views = {}, AppendLimits limits = {})
      : runtime({.shards = 2, .pool_threads = 4}),
        log(open_embedded_log(runtime, timers, files, {.folder = "data/log", .spare_segments = 1})),
        store(open_rocksdb_store(files, {.folder = "data/store", .memory_bytes = 16 * 1024 * 1024})),
        registry(runtime, *log),
        catalog(runtime, *log, registry),
        appender(runtime, timers.clock(), *log, catalog, limits),
        views(runtime, timers, *log, *store, catalog, appender, views),
        executor(timers.clock(), *store, catalog, appender, this->views) {
    runtime.block_on([this] { return registry.open(); });
    runtime.block_on([this] { return catalog.open(); });
    runtime.block_on([this] { return this->views.start(); });
  }
  // Whatever the disk still says.
  ~TestSystem() {
    quietly([this] { runtime.block_on([this] { return views.stop(); }); });
    quietly([this] { runtime.block_on([this] { return log->close(); }); });
    runtime.stop();
  }

  std::vector<StatementResult> execute(const std::string& sql) {
    return runtime.block_on([&] { return executor.execute(sql); });
  }
  AppendResult append(const std::string& stream, const std::string& ndjson, AppendOptions options = {}) {
    return runtime.block_on([&] { return appender.append(stream, RowFormat::kNdjson, ndjson, options); });
  }
  // True once the view (or, if empty, all views) has applied what the token stands for.
  bool wait(const Token& token, const std::string& view = {}) {
    const SteadyTime deadline = timers.clock().steady() + std::chrono::seconds(30);
    return runtime.block_on([&] { return views.wait(token, view, deadline); });
  }
  // All rows of a view as JSON, in the order of its key.
  std::vector<std::string> rows(const std::string& view) {
    std::vector<std::string> result;
    ScanRequest request{.limit = 1000};
    do {
      const ScanResult page = runtime.block_on([&] { return views.scan(view, request); });
      for (size_t row = 0; row < page.rows.rows; ++row) append_row_json(result.emplace_back(), page.rows, row);
      request.cursor = page.cursor;
    } while (!request.cursor.empty());
    return result;
  }
  // The values of all records of a stream's log, in no order.
  std::vector<std::string> query(const std::string& sql) {
    std::vector<std::string> result;
    const std::vector<StatementResult> answers = execute(sql);
    const Batch& rows = *answers.back().result;
    for (size_t row = 0; row < rows.rows; ++row) append_row_json(result.emplace_back(), rows, row);
    return result;
  }

  // Until views and derived streams have applied all that is on the log, and replacements are in their places.
  void settle() {
    for (int64_t left = 1; left > 0;) {
      left = static_cast<int64_t>(catalog.state()->replacements.size());
      for (const auto& stream : runtime.block_on([&] { return views.stream_status(); })) left += stream.lag_rows;
      for (const auto& view : runtime.block_on([&] { return views.view_status(); })) left += view.lag_rows;
    }
  }

  static void quietly(const std::function<void()>& f) {
    try {
      f();
    } catch (const Error&) {
      // A disk that has lost its power.
    }
  }

  SystemTimers timers;
  Runtime runtime;
  std::unique_ptr<EmbeddedLog> log;
  std::unique_ptr<Store> store;
  Registry registry;
  Catalog catalog;
  Appender appender;
  LiveViews views;
  Executor executor;
};

// From here on every call to the disk fails, also those of what still runs.
inline void cut_power(FaultyFiles& files) {
  files.power_cut_after(1);
  TestSystem::quietly([&] { files.sync_directory("."); });
}

}  // namespace headrace
