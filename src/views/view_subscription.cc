#include "views/view_subscription.h"

#include "fmt/format.h"

namespace headrace {
namespace {

constexpr size_t kPageRows = 500;

}  // namespace

ViewSubscription::ViewSubscription(std::shared_ptr<RunningFlow> flow, size_t rows_max)
    : flow_(std::move(flow)), rows_max_(rows_max), news_(flow_->shard()) {
  flow_->subscriptions_.insert(this);
}

ViewSubscription::~ViewSubscription() {
  flow_->subscriptions_.erase(this);
}

void ViewSubscription::begin_snapshot(std::shared_ptr<const Snapshot> snapshot, std::string id) {
  phase_ = Phase::kReset;
  snapshot_ = std::move(snapshot);
  snapshot_id_ = std::move(id);
}

void ViewSubscription::push(ViewEvent event) {
  if (ended_) return;
  waiting_rows_ += event.changes->rows.rows;
  if (waiting_rows_ > rows_max_) {
    end({Code::kBusy,
         fmt::format("this subscriber is more than {} changes behind and was cut off; subscribe again", rows_max_)});
    return;
  }
  waiting_.push_back(std::move(event));
  news_.notify_all();
}

void ViewSubscription::end(Error error) {
  ended_ = std::move(error);
  waiting_.clear();
  waiting_rows_ = 0;
  news_.notify_all();
}

awaitable<std::optional<ViewEvent>> ViewSubscription::next(SteadyTime deadline) {
  co_return co_await on(flow_->shard(), [this, deadline] { return next_here(deadline); });
}

awaitable<std::optional<ViewEvent>> ViewSubscription::next_here(SteadyTime deadline) {
  if (ended_) throw Error(*ended_);
  if (phase_ == Phase::kReset) {
    phase_ = Phase::kSnapshot;
    co_return ViewEvent{.kind = ViewEvent::Kind::kReset, .id = {}, .changes = nullptr};
  }
  if (phase_ == Phase::kSnapshot) co_return co_await next_page();
  while (waiting_.empty()) {
    if (!co_await news_.wait_until(flow_->timers_, deadline)) co_return std::nullopt;
    if (ended_) throw Error(*ended_);
  }
  ViewEvent event = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_rows_ -= event.changes->rows.rows;
  co_return event;
}

awaitable<ViewEvent> ViewSubscription::next_page() {
  if (!snapshot_) {
    phase_ = Phase::kChanges;
    co_return ViewEvent{.kind = ViewEvent::Kind::kLive, .id = snapshot_id_, .changes = nullptr};
  }
  const std::shared_ptr<Flow> flow = flow_->flow();
  Flow::Page page = co_await on_pool(flow_->runtime_.pool(), [&] {
    Flow::Range range;
    range.after = cursor_;
    range.limit = kPageRows;
    return flow->scan(range, snapshot_.get());
  });
  cursor_ = page.cursor;
  if (cursor_.empty()) snapshot_.reset();
  auto changes = std::make_shared<Changes>();
  changes->rows = std::move(page.rows);
  co_return ViewEvent{.kind = ViewEvent::Kind::kSnapshot, .id = {}, .changes = std::move(changes)};
}

}  // namespace headrace
