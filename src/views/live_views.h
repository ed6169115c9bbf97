// All flows that run: started and stopped as the catalogue says, found by name by those who read. Flows are known by
// their first table, which a view never shares with its replacement; so following the catalogue is comparing two sets.
//
// Belongs to shard 0. What readers need is published.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "views/running_flow.h"
#include "views/stream_reader.h"
#include "views/views.h"

namespace headrace {

struct LiveViewsOptions {
  std::chrono::seconds not_ready_wait{5};  // reads of a view that is catching up wait for so long, then kUnavailable
  size_t scan_rows_max = 10'000;
  // How much may have to be replayed after a crash: the store is flushed when either is reached.
  uint64_t unflushed_rows_max = 500'000;
  std::chrono::milliseconds unflushed_time_max{5'000};
};

class LiveViews final : public Views, public Catalog::Listener {
 public:
  LiveViews(Runtime& runtime, Timers& timers, Log& log, Store& store, Catalog& catalog, Appender& appender,
            LiveViewsOptions options = {});
  ~LiveViews() override;

  // Starts what the catalogue has. After Catalog::open(), on shard 0.
  awaitable<void> start();
  // Ends all flows and makes the store durable, on shard 0.
  awaitable<void> stop();

  // The reader of a stream, started if it was not. From any shard.
  awaitable<std::shared_ptr<StreamReader>> reader(std::string stream);
  // The flow of a view. From any thread. Throws Error(kNotFound).
  std::shared_ptr<RunningFlow> find(std::string_view view) const;
  // The same, once it may be read: after a restart it first reaches what it had shown. Throws Error(kUnavailable) too.
  awaitable<std::shared_ptr<RunningFlow>> find_ready(std::string view);

  awaitable<std::optional<std::string>> get(std::string view, std::vector<std::string> key) override;
  awaitable<ScanResult> scan(std::string view, ScanRequest request) override;
  RowTypePtr type(std::string_view view) override;
  std::vector<size_t> key(std::string_view view) override;
  awaitable<bool> wait(Token token, std::string view, SteadyTime deadline) override;
  awaitable<std::shared_ptr<Subscription>> subscribe(std::string view, std::string last_event_id) override;
  awaitable<std::vector<ViewStatus>> view_status() override;
  awaitable<std::vector<StreamStatus>> stream_status() override;
  bool ready() override;

  awaitable<void> catalog_changed(CatalogStatePtr before, CatalogStatePtr after) override;

 private:
  using Flows = std::map<std::string, std::shared_ptr<RunningFlow>, std::less<>>;
  struct StreamRate {
    int64_t end_sum = -1;
    Rate rate;
  };

  awaitable<void> follow(CatalogStatePtr state);
  awaitable<std::shared_ptr<StreamReader>> reader_here(std::string stream);
  awaitable<std::shared_ptr<RunningFlow>> start_flow(FlowSpec spec);
  awaitable<void> retire(std::shared_ptr<RunningFlow> flow);
  awaitable<void> drop_tables(FlowTables tables);
  awaitable<void> try_drop_tables(FlowTables tables);
  awaitable<void> watch_replacements(Gate::Pass pass);
  awaitable<void> try_replacements(CatalogStatePtr state, std::set<std::string> views);
  awaitable<std::shared_ptr<RunningFlow>> flow_of(std::string view_or_stream);
  awaitable<bool> wait_for_view(Token token, std::string view, SteadyTime deadline);
  awaitable<bool> wait_for_flow(Token token, std::string view_or_stream, SteadyTime deadline);
  awaitable<Token> end_of(StreamInfoPtr stream);
  awaitable<void> keep_flushing(Gate::Pass pass);
  awaitable<void> flush();
  awaitable<void> require_ready(std::shared_ptr<RunningFlow> flow);

  Runtime& runtime_;
  Timers& timers_;
  Log& log_;
  Store& store_;
  Catalog& catalog_;
  Appender& appender_;
  const LiveViewsOptions options_;

  std::map<TableId, std::shared_ptr<RunningFlow>> running_;
  std::map<TableId, TableId> gives_way_;  // flows that stop, each for the one that takes its place
  std::map<std::string, std::shared_ptr<StreamReader>, std::less<>> readers_;
  Published<Flows> views_{std::make_shared<Flows>()};
  std::map<std::string, StreamRate> stream_rates_;
  std::map<TableId, Frontier> flushed_;  // what the last flush made durable
  bool starting_reader_ = false;
  Signal reader_started_;
  Signal stop_;
  Gate gate_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace headrace
