// One view or derived stream at work: takes what is new on its stream, runs epochs in the pool, hands what comes out to
// subscribers and to the log. Belongs to the shard of its stream's reader; reads of rows may be made from any thread.
//
// An epoch takes at most one fetch of each partition, so it is short when little is new and bounded when much is. What
// comes after a pause is taken at once; under a steady trickle epochs keep a distance, because their cost is mostly per
// epoch. When the store or the log fails, the flow is made anew from its last committed frontier after a pause.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "flow/flow.h"
#include "runtime/published.h"
#include "views/appender.h"
#include "views/output_position.h"
#include "views/rate.h"
#include "views/stream_reader.h"
#include "views/views.h"

namespace headrace {

// How one flow differs from another.
struct FlowSpec {
  std::string name;
  QueryPlanPtr plan;
  FlowTables tables;
  StreamInfoPtr derives;  // null: a view
};

struct FlowLimits {
  size_t recent_rows_max = 10'000;              // changes kept for subscribers that come back; an epoch is one at least
  size_t subscriber_rows_max = 50'000;          // changes waiting for one subscriber; beyond it, it is cut off
  size_t subscribers_max = 10'000;              // of one view
  std::chrono::milliseconds epoch_distance{5};  // between the beginnings of small epochs
  size_t small_epoch_rows = 8'192;
  std::chrono::seconds recent_time{30};  // changes are computed for so long after the last subscriber left
};

class ViewSubscription;

class RunningFlow : public std::enable_shared_from_this<RunningFlow> {
 public:
  RunningFlow(Runtime& runtime, Timers& timers, Log& log, Store& store, Appender& appender,
              std::shared_ptr<StreamReader> reader, FlowSpec spec, FlowLimits limits = {});
  ~RunningFlow();

  // Begins to run; the view is ready when it has applied what is on the log now.
  awaitable<void> start();
  // Ends after the epoch that is running. Subscribers get Error(kUnavailable).
  awaitable<void> stop();

  const FlowSpec& spec() const { return spec_; }
  Shard& shard() { return reader_->shard(); }
  const std::shared_ptr<StreamReader>& reader() const { return reader_; }

  // From any thread.
  bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  bool ready() const { return ready_.load(std::memory_order_acquire); }
  std::shared_ptr<Flow> flow() const { return std::const_pointer_cast<Flow>(flow_.get()); }
  // A frontier of this flow as clients get it: the position of its view.
  std::string token_of(const Frontier& frontier) const;

  // On the shard, all of the following.
  const Frontier& frontier() const { return frontier_; }
  // False when `deadline` came first, or the flow ended. The token is one of this flow's stream.
  awaitable<bool> wait_ready(SteadyTime deadline);
  awaitable<bool> wait_for(Token token, SteadyTime deadline);
  awaitable<bool> wait_covers(Frontier frontier, SteadyTime deadline);
  awaitable<std::shared_ptr<ViewSubscription>> subscribe(std::string last_event_id);
  awaitable<ViewStatus> status();
  uint64_t rows_in() const { return rows_in_; }

 private:
  // Of the view: one that is replaced, or dropped and made again, has another.
  uint32_t version() const { return static_cast<uint32_t>(spec_.tables.first); }
  // The frontier that a token of this flow's stream stands for. Throws Error(kInvalid).
  Frontier frontier_of(const Token& token) const;
  friend class ViewSubscription;
  struct Recent {  // an epoch
    Frontier after;
    std::string id;
    std::shared_ptr<const Changes> changes;  // null: it had none
  };

  awaitable<void> run(Gate::Pass entered);
  awaitable<void> open_flow();
  awaitable<void> run_epochs();
  awaitable<void> load_outputs();
  awaitable<bool> epoch();
  awaitable<std::vector<FlowInput>> gather(Frontier& to);
  awaitable<void> append_outputs(EpochResult& result, const Frontier& to);
  void after_epoch(EpochResult& result, Frontier to, bool with_changes);
  void publish(Changes changes);
  // The first of `recent_` that a subscriber who has seen everything up to `seen` lacks; nullopt if the changes since
  // then are not all there, or begin in the middle of an epoch.
  std::optional<size_t> first_unseen(const Frontier& seen) const;
  bool wants_changes();

  Runtime& runtime_;
  Timers& timers_;
  Log& log_;
  Store& store_;
  Appender& appender_;
  const std::shared_ptr<StreamReader> reader_;
  const FlowSpec spec_;
  const FlowLimits limits_;

  Published<Flow> flow_{nullptr};
  std::atomic<bool> ready_ = false;
  Frontier frontier_;
  Frontier ready_at_;
  OutputPosition derived_position_;
  OutputPosition dead_position_;
  Signal progress_;
  Gate gate_;
  std::atomic<bool> stopping_ = false;
  bool in_epoch_ = false;

  std::set<ViewSubscription*> subscriptions_;
  SteadyTime changes_until_{};
  std::deque<Recent> recent_;
  Frontier recent_from_;  // all changes after it are in recent_
  size_t recent_rows_ = 0;

  uint64_t rows_estimate_ = 0;
  SteadyTime rows_estimated_at_{};
  std::string failure_;
  uint64_t rows_in_ = 0;
  uint64_t epochs_ = 0;
  uint64_t dead_rows_ = 0;
  Rate rate_;
};

}  // namespace headrace
