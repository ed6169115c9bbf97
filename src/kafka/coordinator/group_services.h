// What the groups of a shard share. Outlives them.
#pragma once

#include "base/random.h"
#include "kafka/coordinator/group_metrics.h"
#include "kafka/coordinator/group_options.h"
#include "kafka/coordinator/group_writer.h"
#include "runtime/timers.h"

namespace headrace {

// Counts bytes against a limit.
struct GroupMemory {
  size_t limit = 0;
  size_t used = 0;

  bool has_room(size_t bytes) const { return used <= limit && bytes <= limit - used; }
  // Counts `fresh` instead of `old`, unless that is more than there is room for.
  bool replace(size_t old, size_t fresh) {
    if (fresh > old && !has_room(fresh - old)) return false;
    force(old, fresh);
    return true;
  }
  // For what is there already and cannot be refused.
  void force(size_t old, size_t fresh) {
    check(used >= old, "what is given back was taken");
    used = used - old + fresh;
  }
};

struct GroupServices {
  Shard& shard;
  Timers& timers;
  GroupWriter& writer;
  Random& random;
  const GroupOptions& options;
  GroupMemory& memory;
  Log& log;
  GroupMetrics& metrics;
};

}  // namespace headrace
