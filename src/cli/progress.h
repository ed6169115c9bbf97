// Says how long work is going: a bar that redraws itself on a terminal, a plain line now and then elsewhere. Written to
// standard error, so that output can be piped.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "base/clock.h"

namespace headrace {

class Progress {
 public:
  // Both outlive it. Whether `to` is a terminal decides.
  Progress(std::string what, std::string unit, const Clock& clock, std::FILE* to = stderr);
  // Takes a bar that is there away, so that what went wrong stands on a line of its own.
  ~Progress();
  Progress(const Progress&) = delete;

  // `done` of `total` bytes of input (total 0: not known) and so many rows.
  void update(uint64_t rows, uint64_t done, uint64_t total);
  // Replaces the bar by a last line.
  void finish(uint64_t rows);

 private:
  double seconds() const;
  std::string line(uint64_t rows, double fraction) const;

  const std::string what_;
  const std::string unit_;
  const Clock& clock_;
  std::FILE* const to_;
  const bool terminal_;
  const SteadyTime start_;
  SteadyTime shown_;
  bool drawn_ = false;
};

// 1234567 as 1,234,567.
std::string grouped(uint64_t number);

}  // namespace headrace
