#include "views/live_views.h"

#include <algorithm>

#include "base/check.h"
#include "base/trace.h"
#include "fmt/ranges.h"
#include "schema/json_form.h"
#include "views/view_subscription.h"

namespace headrace {
namespace {

constexpr std::chrono::milliseconds kReplacementInterval{20};
constexpr std::chrono::milliseconds kFlushInterval{250};
constexpr std::chrono::seconds kReplacementNear{1};
constexpr std::chrono::seconds kReplacementCatchUp{30};
constexpr std::chrono::milliseconds kRetireInterval{10};
constexpr int kRetireChecksMax = 1000;

TableId table_at(FlowTables tables, uint32_t index) {
  return TableId{static_cast<uint32_t>(tables.first) + index};
}

// The replacements that come together, because the queries of some name others.
std::vector<std::set<std::string>> groups_of_replacements(const CatalogState& state) {
  const auto names = [](const ViewInfo& reader, const std::string& view) {
    return std::ranges::find(reader.depends_on, view) != reader.depends_on.end();
  };
  const auto reads = [&](const std::string& reader, const std::string& view) {
    return names(*state.replacements.at(reader), view) || names(*state.views.at(reader), view);
  };
  std::vector<std::set<std::string>> groups;
  for (const auto& [name, replacement] : state.replacements) {
    std::set<std::string> group{name};
    std::erase_if(groups, [&](const std::set<std::string>& other) {
      const bool joined =
          std::ranges::any_of(other, [&](const std::string& each) { return reads(each, name) || reads(name, each); });
      if (joined) group.insert(other.begin(), other.end());
      return joined;
    });
    groups.push_back(std::move(group));
  }
  return groups;
}

// What makes `view` out of the records of `stream`, step by step: derived streams and then the view; nothing if it is
// made of other streams.
std::vector<std::string> steps_from(const CatalogState& state, const std::string& stream, const std::string& view) {
  std::vector<std::string> steps{view};
  for (std::string source = state.view(view)->plan->sources[0]; source != stream;) {
    const auto derived = state.streams.find(source);
    if (derived == state.streams.end() || !derived->second->is_derived()) return {};
    steps.push_back(std::exchange(source, derived->second->plan->sources[0]));
  }
  std::ranges::reverse(steps);
  return steps;
}

}  // namespace

LiveViews::LiveViews(Runtime& runtime, Timers& timers, Log& log, Store& store, Catalog& catalog, Appender& appender,
                     LiveViewsOptions options)
    : runtime_(runtime),
      timers_(timers),
      log_(log),
      store_(store),
      catalog_(catalog),
      appender_(appender),
      options_(options),
      reader_started_(runtime.shard(0)),
      stop_(runtime.shard(0)),
      gate_(runtime.shard(0)) {}

LiveViews::~LiveViews() = default;

awaitable<void> LiveViews::start() {
  const CatalogStatePtr state = catalog_.state();
  // Tables of objects whose dropping was cut short.
  std::set<uint32_t> used;
  for (const auto& [name, record] : state->records) used.insert({record.table, record.replacement_table});
  for (uint32_t first = kTablesPerFlow; first < state->next_table; first += kTablesPerFlow)
    if (!used.contains(first)) co_await drop_tables({TableId{first}});
  co_await follow(state);
  catalog_.set_listener(this);
  // Inside from now on: stop() may come before their first steps.
  runtime_.shard(0).spawn(watch_replacements(gate_.enter()));
  runtime_.shard(0).spawn(keep_flushing(gate_.enter()));
}

awaitable<void> LiveViews::stop() {
  catalog_.set_listener(nullptr);
  stopping_ = true;
  stop_.notify_all();
  co_await gate_.close();
  const auto running = running_;
  for (const auto& [table, flow] : running) co_await on(flow->shard(), [&flow] { return flow->stop(); });
  for (const auto& [name, reader] : readers_) co_await on(reader->shard(), [&reader] { return reader->stop(); });
  co_await on_pool(runtime_.pool(), [this] { store_.flush(); });
}

awaitable<void> LiveViews::catalog_changed(CatalogStatePtr, CatalogStatePtr after) {
  co_await follow(after);
}

awaitable<void> LiveViews::follow(CatalogStatePtr state) {
  std::map<TableId, FlowSpec> wanted;
  for (const auto& [name, view] : state->views) wanted[view->tables.first] = {name, view->plan, view->tables, nullptr};
  for (const auto& [name, view] : state->replacements)
    wanted[view->tables.first] = {name, view->plan, view->tables, nullptr};
  for (const auto& [name, stream] : state->streams)
    if (stream->is_derived()) wanted[stream->tables.first] = {name, stream->plan, stream->tables, stream};

  for (const auto& [name, reader] : readers_) {
    const auto stream = state->streams.find(name);
    if (stream == state->streams.end()) continue;
    co_await on(reader->shard(), [&] {
      if (reader->stream().schemas.size() != stream->second->schemas.size()) reader->update(stream->second);
    });
  }
  // Those that stop for what is not to come any more begin again where they stopped.
  std::vector<std::shared_ptr<RunningFlow>> retired;
  std::erase_if(running_, [&](const auto& entry) {
    const auto successor = gives_way_.find(entry.first);
    const bool in_vain = successor != gives_way_.end() && !wanted.contains(successor->second);
    const bool gone = !wanted.contains(entry.first) || in_vain;
    if (!gone) return false;
    retired.push_back(entry.second);
    if (successor != gives_way_.end()) gives_way_.erase(successor);
    return true;
  });
  // No two flows have the same tables, not for an epoch.
  for (const auto& flow : retired)
    if (wanted.contains(flow->spec().tables.first)) co_await on(flow->shard(), [&flow] { return flow->stop(); });
  for (auto& [table, spec] : wanted)
    if (!running_.contains(table)) running_[table] = co_await start_flow(std::move(spec));

  auto views = std::make_shared<Flows>();
  for (const auto& [name, view] : state->views) (*views)[name] = running_.at(view->tables.first);
  views_.set(std::move(views));
  for (auto& flow : retired) {
    co_await on(flow->shard(), [&flow] { return flow->stop(); });
    if (!wanted.contains(flow->spec().tables.first)) runtime_.shard(0).spawn(retire(std::move(flow)));
  }
  for (auto reader = readers_.begin(); reader != readers_.end();) {
    if (state->streams.contains(reader->first)) {
      ++reader;
      continue;
    }
    co_await on(reader->second->shard(), [&reader] { return reader->second->stop(); });
    runtime_.shard(0).spawn(try_drop_tables(reader->second->stream().tables));
    reader = readers_.erase(reader);
  }
}

awaitable<std::shared_ptr<RunningFlow>> LiveViews::start_flow(FlowSpec spec) {
  check(spec.plan->sources.size() == 1, "the planner makes flows of one source");
  auto reader = co_await reader_here(spec.plan->sources[0]);
  auto flow =
      std::make_shared<RunningFlow>(runtime_, timers_, log_, store_, appender_, std::move(reader), std::move(spec));
  co_await on(flow->shard(), [&flow] { return flow->start(); });
  co_return flow;
}

// Drops the tables of a flow when nobody reads from it any more.
awaitable<void> LiveViews::retire(std::shared_ptr<RunningFlow> running) {
  const FlowTables tables = running->spec().tables;
  const std::shared_ptr<Flow> flow = running->flow();
  running.reset();
  for (int checks = 0; flow.use_count() > 1 && checks < kRetireChecksMax && !stopping_; ++checks)
    co_await timers_.sleep(runtime_.shard(0), kRetireInterval);
  flushed_.erase(tables.first);
  co_await try_drop_tables(tables);
}

// The object is gone already: what a failing disk keeps of it, the next start drops.
awaitable<void> LiveViews::try_drop_tables(FlowTables tables) {
  try {
    co_await drop_tables(tables);
  } catch (const Error& error) {
    trace::error("the tables from {} on stay until the next start: {}", static_cast<uint32_t>(tables.first),
                 error.message());
  }
}

awaitable<void> LiveViews::drop_tables(FlowTables tables) {
  co_await on_pool(runtime_.pool(), [this, tables] {
    for (uint32_t i = 0; i < kTablesPerFlow; ++i)
      if (store_.scan(table_at(tables, i), {}, {})->valid()) store_.drop(table_at(tables, i));
  });
}

awaitable<std::shared_ptr<StreamReader>> LiveViews::reader(std::string stream) {
  co_return co_await on(runtime_.shard(0), [this, &stream] { return reader_here(stream); });
}

awaitable<std::shared_ptr<StreamReader>> LiveViews::reader_here(std::string stream) {
  while (starting_reader_) co_await reader_started_.wait();
  if (const auto found = readers_.find(stream); found != readers_.end()) co_return found->second;
  const StreamInfoPtr info = catalog_.state()->stream(stream);
  starting_reader_ = true;
  std::shared_ptr<StreamReader> reader;
  std::exception_ptr failure;
  try {
    reader = std::make_shared<StreamReader>(runtime_, runtime_.owner_of(stream), timers_, log_, store_, info);
    co_await on(reader->shard(), [&reader] { return reader->start(); });
    readers_[stream] = reader;
  } catch (...) {
    failure = std::current_exception();
  }
  starting_reader_ = false;
  reader_started_.notify_all();
  if (failure) std::rethrow_exception(failure);
  co_return reader;
}

awaitable<void> LiveViews::watch_replacements(Gate::Pass) {
  while (!stopping_) {
    const CatalogStatePtr state = catalog_.state();
    for (const std::set<std::string>& views : groups_of_replacements(*state)) {
      try {
        co_await try_replacements(state, views);
      } catch (const Error& error) {
        trace::warn("the replacement of {} waits: {}", fmt::join(views, ", "), error.message());
      }
    }
    co_await stop_.wait_until(timers_, timers_.clock().steady() + kReplacementInterval);
  }
}

// Swaps in the replacements of `views` once all have caught up. They come close while the old flows go on; then those
// stop, and the new ones reach the frontiers at which they stopped before anyone sees them: so no reader sees a view go
// back. Whatever the catalogue does meanwhile, follow() finds in gives_way_ what is stopped, and what for.
awaitable<void> LiveViews::try_replacements(CatalogStatePtr state, std::set<std::string> views) {
  struct Swap {
    std::shared_ptr<RunningFlow> old;
    std::shared_ptr<RunningFlow> fresh;
  };
  std::vector<Swap> swaps;
  std::map<std::string, TableId> finished;
  for (const std::string& view : views) {
    const auto old = running_.find(state->views.at(view)->tables.first);
    const auto fresh = running_.find(state->replacements.at(view)->tables.first);
    if (old == running_.end() || fresh == running_.end() || !fresh->second->ready()) co_return;
    swaps.push_back({old->second, fresh->second});
    finished[view] = fresh->first;
  }
  const auto reaches = [](const Swap& swap, SteadyTime deadline) -> awaitable<bool> {
    if (swap.old->spec().plan->sources != swap.fresh->spec().plan->sources)
      co_return true;  // nothing to go back behind
    const Frontier wanted = co_await on(swap.old->shard(), [&swap] { return swap.old->frontier(); });
    co_return co_await on(swap.fresh->shard(), [&] { return swap.fresh->wait_covers(wanted, deadline); });
  };
  for (const Swap& swap : swaps)
    if (!co_await reaches(swap, timers_.clock().steady() + kReplacementNear)) co_return;

  if (catalog_.state() != state) co_return;
  for (const Swap& swap : swaps) gives_way_[swap.old->spec().tables.first] = swap.fresh->spec().tables.first;
  const SteadyTime deadline = timers_.clock().steady() + kReplacementCatchUp;
  for (const Swap& swap : swaps) {
    co_await on(swap.old->shard(), [&swap] { return swap.old->stop(); });
    // Until it has, the old view answers with what it had; the next try goes on here.
    if (!co_await reaches(swap, deadline))
      throw Error(Code::kUnavailable,
                  fmt::format("the new \"{}\" is not where the old one stopped yet", swap.old->spec().name));
  }
  co_await catalog_.finish_replacements(std::move(finished));
}

awaitable<void> LiveViews::keep_flushing(Gate::Pass) {
  uint64_t rows_at_flush = 0;
  SteadyTime flushed_at = timers_.clock().steady();
  while (!stopping_) {
    co_await stop_.wait_until(timers_, timers_.clock().steady() + kFlushInterval);
    uint64_t rows = 0;
    const auto running = running_;
    for (const auto& [table, flow] : running)
      rows = std::max(rows, co_await on(flow->shard(), [&flow] { return flow->rows_in(); }));
    const SteadyTime now = timers_.clock().steady();
    if (rows < rows_at_flush) rows_at_flush = 0;
    if (rows - rows_at_flush < options_.unflushed_rows_max && now - flushed_at < options_.unflushed_time_max) continue;
    rows_at_flush = rows;
    flushed_at = now;
    try {
      co_await flush();
    } catch (const Error& error) {
      trace::error("the store cannot be flushed: {}", error.message());
    }
  }
}

// Makes the flows' progress durable, and then lets retention remove what no flow has to replay.
awaitable<void> LiveViews::flush() {
  std::map<TableId, Frontier> frontiers;
  std::map<std::string, std::vector<Offset>> floors;
  const auto running = running_;
  for (const auto& [table, flow] : running) {
    Frontier frontier = co_await on(flow->shard(), [&flow] { return flow->frontier(); });
    auto& floor = floors[flow->reader()->stream().definition.name];
    floor.resize(flow->reader()->partitions(), kOffsetMax);
    for (size_t i = 0; i < floor.size(); ++i) {
      const bool known = !frontier.offsets.empty() && i < frontier.offsets[0].size();
      floor[i] = std::min(floor[i], known ? frontier.offsets[0][i] : Offset{});
    }
    frontiers[table] = std::move(frontier);
  }
  if (frontiers != flushed_) {
    co_await on_pool(runtime_.pool(), [this] { store_.flush(); });
    flushed_ = std::move(frontiers);
  }
  std::map<std::string, std::vector<Offset>> by_topic;
  const CatalogStatePtr state = catalog_.state();
  for (auto& [name, floor] : floors)
    if (const auto stream = state->streams.find(name); stream != state->streams.end())
      by_topic[stream->second->definition.topic] = std::move(floor);
  for (const std::string& topic : co_await log_.topics()) {
    if (topic.starts_with('_')) continue;  // those who keep their state there read it back themselves
    const auto config = co_await log_.find(topic);
    const auto floor = by_topic.find(topic);
    for (PartitionId partition = 0; config && partition < config->partitions; ++partition) {
      const auto place = static_cast<size_t>(partition);
      const bool read = floor != by_topic.end() && place < floor->second.size();
      co_await log_.set_retention_floor(topic, partition, read ? floor->second[place] : kOffsetMax);
    }
  }
}

std::shared_ptr<RunningFlow> LiveViews::find(std::string_view view) const {
  const auto views = views_.get();
  const auto found = views->find(view);
  if (found == views->end()) {
    catalog_.state()->view(view);  // says what exists
    throw Error(Code::kUnavailable, fmt::format("the view \"{}\" is being started", view));
  }
  return found->second;
}

awaitable<void> LiveViews::require_ready(std::shared_ptr<RunningFlow> flow) {
  const SteadyTime deadline = timers_.clock().steady() + options_.not_ready_wait;
  const bool ready = co_await on(flow->shard(), [&] { return flow->wait_ready(deadline); });
  if (!ready)
    throw Error(Code::kUnavailable,
                fmt::format("the view \"{}\" is still catching up with its stream; ask again", flow->spec().name));
}

awaitable<std::shared_ptr<RunningFlow>> LiveViews::find_ready(std::string view) {
  std::shared_ptr<RunningFlow> running = find(view);
  if (!running->ready()) co_await require_ready(running);
  co_return running;
}

awaitable<std::optional<std::string>> LiveViews::get(std::string view, std::vector<std::string> texts) {
  const std::shared_ptr<RunningFlow> running = find(view);
  if (!running->ready()) co_await require_ready(running);
  const std::shared_ptr<Flow> flow = running->flow();
  const QueryPlan& plan = flow->plan();
  if (texts.size() != plan.key.size())
    throw Error(Code::kInvalid, fmt::format("the key of view \"{}\" has {} columns, and {} were given", view,
                                            plan.key.size(), texts.size()));
  std::vector<Value> key;
  for (size_t i = 0; i < texts.size(); ++i)
    key.push_back(parse_json_string(texts[i], plan.root->type->columns[plan.key[i]].type));
  std::string row;
  std::optional<bool> found = flow->read_json(key, false, row);
  if (!found) found = co_await on_pool(runtime_.pool(), [&] { return flow->read_json(key, true, row); });
  if (!found.value_or(false)) co_return std::nullopt;
  co_return row;
}

awaitable<ScanResult> LiveViews::scan(std::string view, ScanRequest request) {
  using Compare = ScanFilter::Compare;
  const std::shared_ptr<RunningFlow> running = co_await find_ready(view);
  const std::shared_ptr<Flow> flow = running->flow();
  const QueryPlan& plan = flow->plan();
  const RowType& type = *plan.root->type;

  Flow::Range range;
  range.limit = std::min(request.limit, options_.scan_rows_max);
  range.after = request.cursor;
  size_t used = 0;
  for (const size_t column : plan.key) {  // equality on a prefix, then a range on the next
    const auto equal = std::ranges::find_if(request.filters, [&](const ScanFilter& filter) {
      return filter.compare == Compare::kEqual && filter.column == type.columns[column].name;
    });
    if (equal == request.filters.end()) {
      for (const ScanFilter& filter : request.filters) {
        if (filter.column != type.columns[column].name) continue;
        Value value = parse_json_string(filter.text, type.columns[column].type);
        const bool lower = filter.compare == Compare::kGreater || filter.compare == Compare::kGreaterOrEqual;
        (lower ? range.from : range.to) = std::move(value);
        if (filter.compare == Compare::kGreater) range.from_exclusive = true;
        if (filter.compare == Compare::kLess) range.to_exclusive = true;
        ++used;
      }
      break;
    }
    range.prefix.push_back(parse_json_string(equal->text, type.columns[column].type));
    ++used;
  }
  if (used != request.filters.size()) {
    std::string names;
    for (const size_t column : plan.key) names += (names.empty() ? "" : ", ") + type.columns[column].name;
    throw Error(
        Code::kInvalid,
        fmt::format("view \"{}\" can be read by equal values of the first columns of its key ({}) and one range "
                    "on the next; for other conditions use POST /v1/sql",
                    view, names));
  }
  co_return co_await on_pool(runtime_.pool(), [&] {
    const std::shared_ptr<const Snapshot> now = store_.snapshot();
    Flow::Page page = flow->scan(range, now.get());
    return ScanResult{.rows = std::move(page.rows),
                      .cursor = std::move(page.cursor),
                      .frontier = running->token_of(flow->frontier_at(*now))};
  });
}

RowTypePtr LiveViews::type(std::string_view view) {
  return find(view)->spec().plan->root->type;
}
std::vector<size_t> LiveViews::key(std::string_view view) {
  return find(view)->spec().plan->key;
}

awaitable<bool> LiveViews::wait(Token token, std::string view, SteadyTime deadline) {
  if (!view.empty()) co_return co_await wait_for_view(std::move(token), std::move(view), deadline);
  const auto views = views_.get();
  for (const auto& [name, flow] : *views) {
    try {
      if (!co_await wait_for_view(token, name, deadline)) co_return false;
    } catch (const Error& error) {
      if (error.code() != Code::kNotFound) throw;  // dropped since
    }
  }
  co_return true;
}

awaitable<bool> LiveViews::wait_for_view(Token token, std::string view, SteadyTime deadline) {
  const CatalogStatePtr state = catalog_.state();
  const std::vector<std::string> steps = steps_from(*state, token.stream, view);
  for (const std::string& step : steps) {
    if (!co_await wait_for_flow(token, step, deadline)) co_return false;
    // What a derived stream has made of the token's records is on its log by now.
    if (step != view) token = co_await end_of(state->stream(step));
  }
  co_return true;
}

awaitable<bool> LiveViews::wait_for_flow(Token token, std::string view_or_stream, SteadyTime deadline) {
  for (;;) {
    const std::shared_ptr<RunningFlow> flow = co_await flow_of(view_or_stream);
    if (co_await on(flow->shard(), [&] { return flow->wait_for(token, deadline); })) co_return true;
    // One that stops gives way to another.
    if (!flow->stopping() || stopping_ || timers_.clock().steady() >= deadline) co_return false;
    co_await on(flow->shard(), [&] { return timers_.sleep(flow->shard(), kReplacementInterval); });
  }
}

awaitable<std::shared_ptr<RunningFlow>> LiveViews::flow_of(std::string view_or_stream) {
  const CatalogStatePtr state = catalog_.state();
  const auto stream = state->streams.find(view_or_stream);
  if (stream == state->streams.end()) co_return find(view_or_stream);
  co_return co_await on(runtime_.shard(0), [&] {
    const auto found = running_.find(stream->second->tables.first);
    if (found == running_.end())
      throw Error(Code::kUnavailable, fmt::format("the stream \"{}\" is being started", view_or_stream));
    return found->second;
  });
}

awaitable<Token> LiveViews::end_of(StreamInfoPtr stream) {
  Token token{.stream = stream->definition.name, .ends = {}};
  for (PartitionId partition = 0; partition < stream->definition.partitions; ++partition)
    token.ends.emplace_back(partition, (co_await log_.bounds(stream->definition.topic, partition)).end);
  co_return token;
}

awaitable<std::shared_ptr<Subscription>> LiveViews::subscribe(std::string view, std::string last_event_id) {
  const std::shared_ptr<RunningFlow> running = co_await find_ready(view);
  std::shared_ptr<ViewSubscription> subscription =
      co_await on(running->shard(), [&] { return running->subscribe(last_event_id); });
  // It goes on its flow's shard, whichever shard lets go of it last.
  Subscription* raw = subscription.get();
  co_return std::shared_ptr<Subscription>(raw, [owned = std::move(subscription), running](Subscription*) mutable {
    asio::post(running->shard().executor(), [last = std::move(owned)] {});
  });
}

awaitable<std::vector<ViewStatus>> LiveViews::view_status() {
  const auto views = views_.get();
  const CatalogStatePtr state = catalog_.state();
  std::vector<ViewStatus> result;
  for (const auto& [name, flow] : *views) {
    result.push_back(co_await on(flow->shard(), [&flow] { return flow->status(); }));
    result.back().replacing = state->replacements.contains(name);
  }
  co_return result;
}

awaitable<std::vector<StreamStatus>> LiveViews::stream_status() {
  const CatalogStatePtr state = catalog_.state();
  std::vector<StreamStatus> result;
  for (const auto& [name, stream] : state->streams) {
    StreamStatus status;
    status.name = name;
    status.is_table = stream->definition.is_table;
    status.is_derived = stream->is_derived();
    status.partitions = stream->definition.partitions;
    int64_t ends = 0;
    for (PartitionId partition = 0; partition < status.partitions; ++partition) {
      const Bounds bounds = co_await log_.bounds(stream->definition.topic, partition);
      status.rows += bounds.end - bounds.start;
      ends += bounds.end.value;
    }
    if (stream->is_dead_stream && status.rows == 0) continue;
    if (stream->is_derived()) {
      const auto flow = co_await on(runtime_.shard(0), [&] {
        const auto found = running_.find(stream->tables.first);
        return found == running_.end() ? nullptr : found->second;
      });
      if (flow) status.lag_rows = (co_await on(flow->shard(), [&flow] { return flow->status(); })).lag_rows;
    }
    status.rows_per_second = co_await on(runtime_.shard(0), [&] {
      StreamRate& rate = stream_rates_[name];
      const SteadyTime now = timers_.clock().steady();
      rate.rate.add(rate.end_sum < 0 ? 0 : static_cast<uint64_t>(std::max<int64_t>(0, ends - rate.end_sum)), now);
      rate.end_sum = ends;
      return rate.rate.per_second(now);
    });
    result.push_back(std::move(status));
  }
  co_return result;
}

bool LiveViews::ready() {
  const auto views = views_.get();
  return std::ranges::all_of(*views, [](const auto& entry) { return entry.second->ready(); });
}

}  // namespace headrace
