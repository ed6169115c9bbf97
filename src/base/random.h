// Randomness is passed in and seeded, so that a failing test is repeated by its printed seed.
// xoshiro256** by Blackman and Vigna (public domain), seeded by splitmix64.
#pragma once

#include <bit>
#include <cstdint>

namespace headrace {

class Random {
 public:
  using result_type = uint64_t;

  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
      word = mixed ^ (mixed >> 31);
    }
  }

  uint64_t operator()() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound); bound > 0. The bias, below bound/2^64, does not matter to tests or jitter.
  uint64_t below(uint64_t bound) { return static_cast<uint64_t>((static_cast<__uint128_t>((*this)()) * bound) >> 64); }
  bool one_in(uint64_t n) { return below(n) == 0; }

  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }

 private:
  uint64_t state_[4];
};

}  // namespace headrace
