// One subscriber of a view: first a snapshot, page by page from a frozen state of the store, then the changes of each
// epoch since. What waits for a slow subscriber is bounded; beyond that it is cut off and may come back.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "store/store.h"
#include "views/running_flow.h"
#include "views/views.h"

namespace headrace {

class ViewSubscription final : public Subscription {
 public:
  ViewSubscription(std::shared_ptr<RunningFlow> flow, size_t rows_max);
  ~ViewSubscription() override;

  awaitable<std::optional<ViewEvent>> next(SteadyTime deadline) override;

  // On the flow's shard.
  void begin_snapshot(std::shared_ptr<const Snapshot> snapshot, std::string id);
  void push(ViewEvent event);
  void end(Error error);

 private:
  enum class Phase : uint8_t { kReset, kSnapshot, kChanges };
  awaitable<std::optional<ViewEvent>> next_here(SteadyTime deadline);
  awaitable<ViewEvent> next_page();

  const std::shared_ptr<RunningFlow> flow_;
  const size_t rows_max_;
  Phase phase_ = Phase::kChanges;
  std::shared_ptr<const Snapshot> snapshot_;
  std::string snapshot_id_;
  std::string cursor_;
  std::deque<ViewEvent> waiting_;
  size_t waiting_rows_ = 0;
  std::optional<Error> ended_;
  Signal news_;
};

}  // namespace headrace
