#include "views/running_flow.h"

#include <algorithm>
#include <ranges>

#include "base/check.h"
#include "base/trace.h"
#include "fmt/format.h"
#include "runtime/join.h"
#include "views/view_subscription.h"

namespace headrace {
namespace {

constexpr std::chrono::seconds kIdleWait{1};
constexpr std::chrono::seconds kEstimateInterval{2};  // of a view's rows, which takes a look at the store
constexpr std::chrono::milliseconds kRetryPauseMin{100};
constexpr std::chrono::milliseconds kRetryPauseMax{30'000};

size_t kept_rows(const Changes* changes) {
  return changes == nullptr ? 1 : changes->rows.rows;
}

}  // namespace

RunningFlow::RunningFlow(Runtime& runtime, Timers& timers, Log& log, Store& store, Appender& appender,
                         std::shared_ptr<StreamReader> reader, FlowSpec spec, FlowLimits limits)
    : runtime_(runtime),
      timers_(timers),
      log_(log),
      store_(store),
      appender_(appender),
      reader_(std::move(reader)),
      spec_(std::move(spec)),
      limits_(limits),
      progress_(reader_->shard()),
      gate_(reader_->shard()) {}

RunningFlow::~RunningFlow() = default;

awaitable<void> RunningFlow::start() {
  co_await open_flow();
  recent_from_ = frontier_;
  ready_at_.offsets = {reader_->ends()};
  ready_ = frontier_.covers(ready_at_);
  // Inside from now on: stop() may come before the first step of it.
  shard().spawn(run(gate_.enter()));
}

awaitable<void> RunningFlow::stop() {
  stopping_ = true;
  reader_->news().notify_all();
  progress_.notify_all();
  for (ViewSubscription* subscription : subscriptions_)
    subscription->end({Code::kUnavailable, fmt::format("the view \"{}\" is ending; subscribe again", spec_.name)});
  co_await gate_.close();
}

awaitable<void> RunningFlow::run(Gate::Pass entered) {
  const auto self = shared_from_this();
  const Gate::Pass pass = std::move(entered);  // goes before what it is a pass of
  auto pause = kRetryPauseMin;
  for (bool usable = true; !stopping_; usable = false) {
    const uint64_t epochs_before = epochs_;
    try {
      // A flow that failed may have an epoch open: what it is at is in the store alone.
      if (!usable) co_await open_flow();
      co_await run_epochs();
    } catch (const Error& error) {
      if (stopping_ || reader_->stopping()) break;
      failure_ = error.message();
      trace::error("view {}: {}; trying again in {} ms", spec_.name, failure_, pause.count());
    }
    if (stopping_) break;
    if (epochs_ > epochs_before) pause = kRetryPauseMin;
    co_await timers_.sleep(shard(), pause);
    pause = std::min(pause * 2, kRetryPauseMax);
  }
}

// At the frontier that the store has, or at the beginning.
awaitable<void> RunningFlow::open_flow() {
  auto flow = co_await on_pool(runtime_.pool(), [&] {
    return std::make_shared<Flow>(spec_.plan, store_, spec_.tables, spec_.derives != nullptr);
  });
  frontier_ = flow->frontier();
  flow_.set(std::move(flow));
}

awaitable<void> RunningFlow::run_epochs() {
  co_await load_outputs();
  while (!stopping_) {
    const SteadyTime began = timers_.clock().steady();
    const uint64_t rows_before = rows_in_;
    if (co_await epoch()) {
      failure_.clear();
      const auto took = timers_.clock().steady() - began;
      if (rows_in_ - rows_before < limits_.small_epoch_rows && took < limits_.epoch_distance)
        co_await timers_.sleep(shard(), limits_.epoch_distance - took);
      continue;
    }
    if (stopping_ || reader_->stopping()) break;
    co_await reader_->news().wait_until(timers_, timers_.clock().steady() + kIdleWait);
  }
}

awaitable<void> RunningFlow::load_outputs() {
  if (spec_.derives) {
    const StreamDefinition& stream = spec_.derives->definition;
    derived_position_ = co_await OutputPosition::load(log_, stream.topic, stream.partitions, spec_.tables.first);
  }
  dead_position_ = co_await OutputPosition::load(log_, spec_.name + ".dead", 1, spec_.tables.first);
}

// One epoch; false when there is nothing new.
awaitable<bool> RunningFlow::epoch() {
  Frontier to;
  std::vector<FlowInput> input = co_await gather(to);
  if (to == frontier_) co_return false;
  const std::shared_ptr<Flow> flow = this->flow();
  in_epoch_ = true;
  struct Leave {
    bool& in_epoch;
    ~Leave() { in_epoch = false; }
  } leave{in_epoch_};
  const bool with_changes = wants_changes();
  EpochResult result = co_await on_pool(runtime_.pool(), [&] { return flow->advance(input, to, with_changes); });
  if (!result.committed) {
    co_await append_outputs(result, to);
    co_await on_pool(runtime_.pool(), [&] { flow->commit(); });
  }
  after_epoch(result, std::move(to), with_changes);
  co_return true;
}

awaitable<std::vector<FlowInput>> RunningFlow::gather(Frontier& to) {
  to = frontier_;
  if (to.offsets.empty()) to.offsets.resize(1);
  std::vector<Offset>& offsets = to.offsets[0];
  offsets.resize(std::max(offsets.size(), reader_->partitions()));
  std::optional<Frontier> barrier = derived_position_.barrier(to);
  if (const auto other = dead_position_.barrier(to); other && (!barrier || barrier->covers(*other))) barrier = other;
  const bool whole = derived_position_.whole_epoch(to) || dead_position_.whole_epoch(to);

  std::vector<FlowInput> input;
  for (;;) {
    std::vector<awaitable<SourceBatchPtr>> reads;
    for (size_t i = 0; i < offsets.size(); ++i) {
      const Offset until = barrier && i < barrier->offsets[0].size() ? barrier->offsets[0][i] : kOffsetMax;
      reads.push_back(reader_->read(static_cast<PartitionId>(i), offsets[i], until));
    }
    bool any = false;
    for (const SourceBatchPtr& batch : co_await join_all(shard(), std::move(reads))) {
      if (!batch) continue;
      any = true;
      offsets[static_cast<size_t>(batch->partition)] = batch->next;
      input.push_back({0, batch});
    }
    if (!whole || !any) break;
  }
  // What was one read of each partition when the epoch was sent may be several now; its rows keep their order.
  std::ranges::sort(input, {},
                    [](const FlowInput& each) { return std::pair(each.batch->partition, each.batch->from); });
  // A partition whose records before the barrier are gone from the log has reached it.
  if (barrier && input.empty()) {
    for (size_t i = 0; i < offsets.size() && i < barrier->offsets[0].size(); ++i)
      offsets[i] = std::max(offsets[i], std::min(barrier->offsets[0][i], reader_->bounds(i).start));
  }
  const Plan* source = spec_.plan->root.get();
  while (source->input) source = source->input.get();
  for (FlowInput& each : input) each.batch = with_columns(each.batch, source->type);
  co_return input;
}

awaitable<void> RunningFlow::append_outputs(EpochResult& result, const Frontier& to) {
  const EpochSpan epoch{spec_.tables.first, frontier_, to};
  if (result.derived.rows > 0 && derived_position_.must_append(to))
    co_await appender_.append_epoch(spec_.derives, std::move(result.derived), epoch, derived_position_.present(to));
  if (!result.dead.empty() && dead_position_.must_append(to))
    co_await appender_.append_dead(spec_.name, std::move(result.dead), epoch, dead_position_.present(to));
}

void RunningFlow::after_epoch(EpochResult& result, Frontier to, bool with_changes) {
  frontier_ = std::move(to);
  ++epochs_;
  rows_in_ += result.rows_in;
  dead_rows_ += result.dead_count;
  rate_.add(result.rows_in, timers_.clock().steady());
  if (!ready() && frontier_.covers(ready_at_)) ready_.store(true, std::memory_order_release);
  progress_.notify_all();
  if (with_changes) {
    publish(std::move(result.changes));
  } else {
    recent_.clear();
    recent_rows_ = 0;
    recent_from_ = frontier_;
  }
}

void RunningFlow::publish(Changes changes) {
  Recent recent{frontier_, token_of(frontier_), nullptr};
  if (changes.rows.rows > 0) {
    recent.changes = std::make_shared<const Changes>(std::move(changes));
    for (ViewSubscription* subscription : subscriptions_)
      subscription->push({ViewEvent::Kind::kChange, recent.id, recent.changes});
  }
  recent_rows_ += kept_rows(recent.changes.get());
  recent_.push_back(std::move(recent));
  while (recent_rows_ > limits_.recent_rows_max) {
    recent_rows_ -= kept_rows(recent_.front().changes.get());
    recent_from_ = std::move(recent_.front().after);
    recent_.pop_front();
  }
}

bool RunningFlow::wants_changes() {
  if (spec_.derives) return false;
  const SteadyTime now = timers_.clock().steady();
  if (!subscriptions_.empty()) changes_until_ = now + limits_.recent_time;
  return now < changes_until_;
}

awaitable<bool> RunningFlow::wait_ready(SteadyTime deadline) {
  while (!ready() && !stopping_) {
    if (!co_await progress_.wait_until(timers_, deadline)) break;
  }
  co_return ready();
}

awaitable<bool> RunningFlow::wait_for(Token token, SteadyTime deadline) {
  check(token.stream == spec_.plan->sources[0], "the token is of the flow's stream");
  co_return co_await wait_covers(frontier_of(token), deadline);
}

Frontier RunningFlow::frontier_of(const Token& token) const {
  Frontier frontier;
  frontier.offsets.resize(1);
  std::vector<Offset>& offsets = frontier.offsets[0];
  for (const auto& [partition, end] : token.ends) {
    const auto index = static_cast<size_t>(partition);
    if (partition < 0 || index >= reader_->partitions())
      throw Error(Code::kInvalid, fmt::format("the token names partition {}, and \"{}\" has {}", partition,
                                              token.stream, reader_->partitions()));
    if (offsets.size() <= index) offsets.resize(index + 1);
    offsets[index] = end;
  }
  return frontier;
}

awaitable<bool> RunningFlow::wait_covers(Frontier wanted, SteadyTime deadline) {
  const auto self = shared_from_this();
  while (!frontier_.covers(wanted) && !stopping_) {
    if (!co_await progress_.wait_until(timers_, deadline)) break;
  }
  co_return frontier_.covers(wanted);
}

awaitable<std::shared_ptr<ViewSubscription>> RunningFlow::subscribe(std::string last_event_id) {
  const auto self = shared_from_this();
  if (subscriptions_.size() >= limits_.subscribers_max)
    throw Error(Code::kBusy,
                fmt::format("view \"{}\" has {} subscribers, which is the limit", spec_.name, limits_.subscribers_max));
  // A snapshot is of the state between two epochs.
  while (in_epoch_ && !stopping_) co_await progress_.wait_until(timers_, timers_.clock().steady() + kIdleWait);
  if (stopping_) throw Error(Code::kUnavailable, fmt::format("the view \"{}\" is ending", spec_.name));
  auto subscription = std::make_shared<ViewSubscription>(self, limits_.subscriber_rows_max);
  std::optional<size_t> unseen;
  if (!last_event_id.empty()) {
    const Token token = Token::parse(last_event_id);
    if (token.stream == spec_.plan->sources[0] && token.version == version()) unseen = first_unseen(frontier_of(token));
  }
  if (unseen) {
    for (const Recent& recent : recent_ | std::views::drop(*unseen))
      if (recent.changes) subscription->push({ViewEvent::Kind::kChange, recent.id, recent.changes});
  } else {
    subscription->begin_snapshot(store_.snapshot(), token_of(frontier_));
  }
  co_return subscription;
}

std::optional<size_t> RunningFlow::first_unseen(const Frontier& seen) const {
  const auto same = [&](const Frontier& other) { return seen.covers(other) && other.covers(seen); };
  if (same(recent_from_)) return 0;
  const auto last_seen = std::ranges::find_if(recent_, same, &Recent::after);
  if (last_seen == recent_.end()) return std::nullopt;
  return static_cast<size_t>(last_seen - recent_.begin()) + 1;
}

std::string RunningFlow::token_of(const Frontier& frontier) const {
  Token token{.stream = spec_.plan->sources[0], .ends = {}, .version = version()};
  if (!frontier.offsets.empty()) {
    for (size_t i = 0; i < frontier.offsets[0].size(); ++i)
      token.ends.emplace_back(static_cast<PartitionId>(i), frontier.offsets[0][i]);
  }
  return token.to_string();
}

awaitable<ViewStatus> RunningFlow::status() {
  const auto self = shared_from_this();
  ViewStatus status;
  status.name = spec_.name;
  // What is on the log is asked first: a frontier that is read later is never behind it by less than it says.
  std::vector<Bounds> on_log;
  for (size_t i = 0; i < reader_->partitions(); ++i)
    on_log.push_back(co_await log_.bounds(reader_->stream().definition.topic, static_cast<PartitionId>(i)));
  for (size_t i = 0; i < on_log.size(); ++i) {
    const bool known = !frontier_.offsets.empty() && i < frontier_.offsets[0].size();
    const Offset applied = std::max(on_log[i].start, known ? frontier_.offsets[0][i] : Offset{});
    status.lag_rows += std::max<int64_t>(0, on_log[i].end - applied);
  }
  status.state = !failure_.empty() ? "failed: " + failure_ : ready() ? "live" : "catching up";
  const SteadyTime now = timers_.clock().steady();
  if (!spec_.derives && now - rows_estimated_at_ > kEstimateInterval) {
    rows_estimated_at_ = now;
    rows_estimate_ = co_await on_pool(runtime_.pool(), [flow = flow()] { return flow->approximate_rows(); });
  }
  status.rows = rows_estimate_;
  status.rows_in = rows_in_;
  status.epochs = epochs_;
  status.dead_rows = dead_rows_;
  status.rows_per_second = rate_.per_second(timers_.clock().steady());
  status.frontier = token_of(frontier_);
  co_return status;
}

}  // namespace headrace
