// What coroutines of one shard wait on. A Signal wakes all who wait; a Gate counts work in flight, so that a component
// can refuse new work and wait for the rest when it stops. Both are made anywhere and used on their shard only.
#pragma once

#include <utility>

#include "runtime/shard.h"
#include "runtime/timers.h"

namespace headrace {

class Signal {
 public:
  explicit Signal(Shard& shard) : shard_(shard) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // Suspends until the next notify_all(). Another coroutine may run between the notification and the return, so wait in
  // a loop around the condition. Asio's cancellation (operators ||, &&) does not reach it: use wait_until().
  awaitable<void> wait();
  // The same, and returns false if `timers` says that `deadline` came first.
  awaitable<bool> wait_until(Timers& timers, SteadyTime deadline);
  // Wakes those who wait now, in the order in which they came. They run after the caller has suspended or ended.
  void notify_all();
  size_t waiting() const { return waiting_.size(); }

 private:
  static void wake(detail::Waiting& waiting, bool notified);
  awaitable<void> suspend(detail::Waiting& waiting);

  Shard& shard_;
  detail::WaitingList waiting_;
};

class Gate {
 public:
  explicit Gate(Shard& shard) : idle_(shard) {}

  class Pass {
   public:
    explicit Pass(Gate* gate) : gate_(gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass();

   private:
    Gate* gate_;
  };

  // Throws Error(kUnavailable) once closed.
  [[nodiscard]] Pass enter();
  bool closed() const { return closed_; }
  // Refuses new work and waits until all passes are gone. May be called more than once.
  awaitable<void> close();

 private:
  Signal idle_;
  size_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace headrace
