// check(condition, "what was believed"): for bugs, never for bad input. Always on; prints and aborts, because a process
// that no longer believes its own state must not write it to disk.
#pragma once

#include <source_location>

namespace headrace {

[[noreturn]] void check_failed(const char* believed, const std::source_location& where);

inline void check(bool condition, const char* believed,
                  const std::source_location& where = std::source_location::current()) {
  if (!condition) [[unlikely]]
    check_failed(believed, where);
}

}  // namespace headrace
