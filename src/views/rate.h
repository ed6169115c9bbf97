// Events per second over the last full second or so: cheap to count, calm to look at.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace headrace {

class Rate {
 public:
  void add(uint64_t events, SteadyTime now) {
    roll(now);
    in_window_ += events;
  }

  double per_second(SteadyTime now) {
    roll(now);
    return rate_;
  }

 private:
  static constexpr std::chrono::nanoseconds kWindow{std::chrono::seconds(1)};

  void roll(SteadyTime now) {
    const auto elapsed = now - window_start_;
    if (elapsed < kWindow) return;
    const double seconds = std::chrono::duration<double>(elapsed).count();
    rate_ = elapsed > 5 * kWindow ? 0 : static_cast<double>(in_window_) / seconds;
    in_window_ = 0;
    window_start_ = now;
  }

  SteadyTime window_start_{};
  uint64_t in_window_ = 0;
  double rate_ = 0;
};

}  // namespace headrace
