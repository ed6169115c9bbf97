// What a test takes from the environment.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace headrace {

inline uint64_t test_setting(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// Of a test's random choices: HEADRACE_SEED repeats a run, whose seed is printed.
inline uint64_t test_seed(uint64_t otherwise = std::random_device{}()) {
  const uint64_t seed = test_setting("HEADRACE_SEED", otherwise);
  std::cerr << "HEADRACE_SEED=" << seed << "\n";
  return seed;
}

}  // namespace headrace
