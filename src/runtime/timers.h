// Timers on an injected clock. SystemTimers wait for real; ManualTime is a clock that stands still until a test moves
// it, which fires what has become due, in order of deadline.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "runtime/shard.h"

namespace headrace {

class Timers {
 public:
  virtual ~Timers() = default;
  virtual const Clock& clock() const = 0;

  // A call that will be made on `shard` once; destroying the handle prevents it. Both happen on the shard that it was
  // made for. The handle does not outlive its Timers.
  class Handle {
   public:
    virtual ~Handle() = default;
  };
  [[nodiscard]] virtual std::unique_ptr<Handle> call_at(Shard& shard, SteadyTime deadline, std::function<void()> f) = 0;

  // Suspends the calling coroutine, which runs on `shard`.
  awaitable<void> sleep(Shard& shard, std::chrono::nanoseconds duration);
};

class SystemTimers final : public Timers {
 public:
  const Clock& clock() const override { return clock_; }
  std::unique_ptr<Handle> call_at(Shard& shard, SteadyTime deadline, std::function<void()> f) override;

 private:
  SystemClock clock_;
};

class ManualTime final : public Timers, public Clock {
 public:
  explicit ManualTime(WallTime start) : wall_(start) {}

  const Clock& clock() const override { return *this; }
  WallTime wall() const override;
  SteadyTime steady() const override;
  std::unique_ptr<Handle> call_at(Shard& shard, SteadyTime deadline, std::function<void()> f) override;

  // Moves both clocks and posts what is due to its shard.
  void advance(std::chrono::nanoseconds duration);
  // Calls that are not due yet: lets a test wait until a coroutine has gone to sleep before it moves the clock.
  size_t waiting() const;

 private:
  struct Call;
  class ManualHandle;

  mutable std::mutex mutex_;
  WallTime wall_;
  SteadyTime steady_{};
  std::multimap<SteadyTime, std::shared_ptr<Call>> due_;
};

}  // namespace headrace
