// Not asio's usual timer that never expires: that would cost a heap operation and often a system call per wait.
#include "runtime/signal.h"

namespace headrace {

void Signal::wake(detail::Waiting& waiting, bool notified) {
  waiting.in_signal.unlink();
  waiting.in_shard.unlink();
  waiting.notified = notified;
  // The coroutine, and with it `waiting`, may be gone when this returns.
  auto resume = std::move(waiting.resume);
  resume();
}

awaitable<void> Signal::suspend(detail::Waiting& waiting) {
  check(shard_.is_current(), "a Signal is used on its shard");
  return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [this, &waiting](auto handler) {
        waiting.resume = [resume = std::move(handler)]() mutable {
          auto home = asio::get_associated_executor(resume);
          asio::post(home, std::move(resume));
        };
        waiting_.push_back(waiting.in_signal);
        shard_.waiting_.push_back(waiting.in_shard);
      },
      asio::use_awaitable);
}

awaitable<void> Signal::wait() {
  detail::Waiting waiting;
  co_await suspend(waiting);
}

awaitable<bool> Signal::wait_until(Timers& timers, SteadyTime deadline) {
  detail::Waiting waiting;
  // The timer may fire between the notification and the return; then there is nothing left to wake.
  const auto timer = timers.call_at(shard_, deadline, [&waiting] {
    if (waiting.in_signal.linked()) wake(waiting, false);
  });
  co_await suspend(waiting);
  co_return waiting.notified;
}

void Signal::notify_all() {
  check(shard_.is_current(), "a Signal is used on its shard");
  while (!waiting_.empty()) wake(waiting_.front(), true);
}

Gate::Pass::~Pass() {
  if (gate_ == nullptr) return;
  check(gate_->inside_ > 0, "a pass is counted once");
  if (--gate_->inside_ == 0 && gate_->closed_) gate_->idle_.notify_all();
}

Gate::Pass Gate::enter() {
  if (closed_) throw Error(Code::kUnavailable, "this part of the server is stopping; try again when it has started");
  ++inside_;
  return Pass(this);
}

awaitable<void> Gate::close() {
  closed_ = true;
  while (inside_ > 0) co_await idle_.wait();
}

}  // namespace headrace
