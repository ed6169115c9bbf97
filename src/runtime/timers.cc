#include "runtime/timers.h"

#include <utility>

#include "boost/asio/post.hpp"
#include "boost/asio/steady_timer.hpp"
#include "runtime/signal.h"

namespace headrace {

awaitable<void> Timers::sleep(Shard& shard, std::chrono::nanoseconds duration) {
  Signal never(shard);
  co_await never.wait_until(*this, clock().steady() + duration);
}

namespace {

// The call may be queued already when it is cancelled, so both sides share whether it is still wanted.
struct SystemCall {
  std::function<void()> f;
  bool cancelled = false;
};

class SystemHandle final : public Timers::Handle {
 public:
  SystemHandle(Shard& shard, SteadyTime deadline, std::function<void()> f)
      : call_(std::make_shared<SystemCall>(std::move(f))), timer_(shard.context(), deadline) {
    timer_.async_wait([call = call_](const boost::system::error_code& failure) {
      if (!failure && !call->cancelled) call->f();
    });
  }
  ~SystemHandle() override { call_->cancelled = true; }

 private:
  std::shared_ptr<SystemCall> call_;
  asio::steady_timer timer_;
};

}  // namespace

std::unique_ptr<Timers::Handle> SystemTimers::call_at(Shard& shard, SteadyTime deadline, std::function<void()> f) {
  return std::make_unique<SystemHandle>(shard, deadline, std::move(f));
}

struct ManualTime::Call {
  Shard* shard;
  std::function<void()> f;
  bool cancelled = false;  // of the shard

  static void post(const std::shared_ptr<Call>& call) {
    asio::post(call->shard->context(), [call] {
      if (!call->cancelled) call->f();
    });
  }
};

class ManualTime::ManualHandle final : public Timers::Handle {
 public:
  ManualHandle(ManualTime& time, SteadyTime deadline, std::shared_ptr<Call> call)
      : time_(time), deadline_(deadline), call_(std::move(call)) {}
  ~ManualHandle() override {
    call_->cancelled = true;
    const std::lock_guard lock(time_.mutex_);
    const auto [first, last] = time_.due_.equal_range(deadline_);
    for (auto at = first; at != last; ++at) {
      if (at->second == call_) {
        time_.due_.erase(at);
        return;
      }
    }
  }

 private:
  ManualTime& time_;
  const SteadyTime deadline_;
  const std::shared_ptr<Call> call_;
};

WallTime ManualTime::wall() const {
  const std::lock_guard lock(mutex_);
  return wall_;
}

SteadyTime ManualTime::steady() const {
  const std::lock_guard lock(mutex_);
  return steady_;
}

size_t ManualTime::waiting() const {
  const std::lock_guard lock(mutex_);
  return due_.size();
}

std::unique_ptr<Timers::Handle> ManualTime::call_at(Shard& shard, SteadyTime deadline, std::function<void()> f) {
  auto call = std::make_shared<Call>(&shard, std::move(f));
  {
    const std::lock_guard lock(mutex_);
    if (deadline > steady_) {
      due_.emplace(deadline, call);
    } else {
      Call::post(call);
    }
  }
  return std::make_unique<ManualHandle>(*this, deadline, std::move(call));
}

void ManualTime::advance(std::chrono::nanoseconds duration) {
  const std::lock_guard lock(mutex_);
  steady_ += duration;
  wall_ += std::chrono::duration_cast<std::chrono::microseconds>(duration);
  // Posted under the lock, so that two threads that advance do not change the order.
  const auto end = due_.upper_bound(steady_);
  for (auto at = due_.begin(); at != end; ++at) Call::post(at->second);
  due_.erase(due_.begin(), end);
}

}  // namespace headrace
