// A Store in memory, for ad hoc queries (one epoch over a snapshot, then thrown away) and for tests. Never durable:
// flush() promises nothing.
#pragma once

#include "store/store.h"

namespace headrace {

// `bytes_max` bounds keys, values and their overhead, versions that snapshots and cursors still hold included. A commit
// beyond it is Error(kTooLarge) and changes nothing.
std::unique_ptr<Store> make_memory_store(size_t bytes_max);

}  // namespace headrace
