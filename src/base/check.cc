#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace headrace {

void check_failed(const char* believed, const std::source_location& where) {
  std::fprintf(stderr, "headrace: check failed: %s (%s:%u in %s)\n", believed, where.file_name(), where.line(),
               where.function_name());
  std::abort();
}

}  // namespace headrace
