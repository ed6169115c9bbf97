// Time is passed in, so that a year of retention and a time-out can be tested in a second. Wall time is for records and
// people; steady time is for durations and never goes back.
#pragma once

#include <chrono>
#include <cstdint>

namespace headrace {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual SteadyTime steady() const = 0;

  // Milliseconds since 1970, as Kafka records carry them.
  int64_t wall_ms() const { return wall().time_since_epoch().count() / 1000; }
};

class SystemClock final : public Clock {
 public:
  WallTime wall() const override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace headrace
