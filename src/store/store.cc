#include "store/store.h"

#include <algorithm>

namespace headrace {

// For an engine, or a table, that knows no better: goes by the size of the first pairs.
uint64_t Store::approximate_keys(TableId table) {
  constexpr uint64_t kKeysSeen = 4096;
  uint64_t keys = 0;
  uint64_t bytes = 0;
  const auto cursor = scan(table, {}, {});
  for (; cursor->valid() && keys < kKeysSeen; cursor->next()) {
    ++keys;
    bytes += cursor->key().size() + cursor->value().size();
  }
  if (!cursor->valid()) return keys;
  return std::max(keys, approximate_bytes(table) * keys / std::max<uint64_t>(bytes, 1));
}

}  // namespace headrace
