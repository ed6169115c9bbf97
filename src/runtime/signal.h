// What coroutines of one shard wait on. A Signal wakes all who wait; a Gate counts work in flight, so that a component
// can refuse new work and wait for the rest when it stops.
#pragma once

#include <list>

#include "boost/asio/steady_timer.hpp"
#include "runtime/shard.h"
#include "runtime/timers.h"

namespace headrace {

class Signal {
 public:
  explicit Signal(Shard& shard) : shard_(shard) {}
  Signal(const Signal&) = delete;

  // Suspends until the next notify_all(). Wakes may be spurious: wait in a loop around the condition.
  awaitable<void> wait();
  // The same, and returns false if `timers` says that `deadline` came first.
  awaitable<bool> wait_until(Timers& timers, SteadyTime deadline);
  void notify_all();
  size_t waiting() const { return waiting_.size(); }

 private:
  Shard& shard_;
  std::list<asio::steady_timer*> waiting_;
};

class Gate {
 public:
  explicit Gate(Shard& shard) : idle_(shard) {}

  class Pass {
   public:
    explicit Pass(Gate* gate) : gate_(gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    ~Pass();

   private:
    Gate* gate_;
  };

  // Throws Error(kUnavailable) once closed.
  Pass enter();
  bool closed() const { return closed_; }
  // Refuses new work and waits until all passes are gone.
  awaitable<void> close();

 private:
  Signal idle_;
  size_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace headrace
