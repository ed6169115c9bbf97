// A sum of doubles without rounding errors: kept as a few doubles that do not overlap and whose exact sum is the exact
// sum of everything added (Shewchuk, "Adaptive precision floating-point arithmetic", 1997; as Python's fsum). Only
// value() rounds, once. So the result depends neither on the order of the rows nor on where epochs are cut, and taking
// back what was added leaves exactly what would be there without it. Compensated summation promises neither.
//
// Values of 2^900 and more are summed apart, scaled down, so that no intermediate sum overflows. NaN and infinities are
// counted, because they could not be taken back from a sum.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

class ExactSum {
 public:
  // Adds `value` `times` times; negative: takes it back.
  void add(double value, int64_t times);
  void merge(std::string_view& bytes);
  void encode(std::string& out) const;
  // The sum, correctly rounded. NaN and infinities as IEEE 754 adds them; `overflow` is set when all values were finite
  // and the sum is not.
  double value(bool& overflow) const;
  size_t memory_bytes() const { return parts_.capacity() * sizeof(double) + (rare_ ? sizeof(Rare) : 0); }

 private:
  struct Rare {
    std::vector<double> huge;  // like parts_, of values scaled by 2^-200
    int64_t not_a_number = 0;
    int64_t infinite = 0;
    int64_t negative_infinite = 0;
  };

  Rare& rare();

  std::vector<double> parts_;  // increasing magnitude, not overlapping
  std::unique_ptr<Rare> rare_;
};

}  // namespace headrace
