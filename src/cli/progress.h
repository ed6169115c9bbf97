// Says how long work is going: a bar that redraws itself on a terminal, a plain line now and then elsewhere. Written to
// standard error, so that output can be piped.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace headrace {

class Progress {
 public:
  Progress(std::string what, std::string unit);

  // `done` of `total` bytes of input (total 0: not known) and so many rows.
  void update(uint64_t rows, uint64_t done, uint64_t total);
  // Replaces the bar by a last line.
  void finish(uint64_t rows);

 private:
  using Time = std::chrono::steady_clock::time_point;
  std::string line(uint64_t rows, double fraction) const;

  const std::string what_;
  const std::string unit_;
  const bool terminal_;
  const Time start_ = std::chrono::steady_clock::now();
  Time shown_;
};

}  // namespace headrace
