#include "store/key_sample.h"

#include <algorithm>
#include <iterator>

#define XXH_INLINE_ALL
#include "xxhash.h"

namespace headrace {

uint64_t KeySample::hash_of(std::string_view key) {
  return XXH3_64bits(key.data(), key.size());
}

KeySample::Difference KeySample::difference(std::span<const Change> changes) const {
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < changes.size(); ++i)
    if (changes[i].hash <= limit()) order.emplace_back(changes[i].hash, i);
  std::ranges::sort(order);
  Difference result;
  for (size_t i = 0; i < order.size(); ++i) {
    const auto [hash, index] = order[i];
    if (i + 1 < order.size() && order[i + 1].first == hash) continue;  // not the last one of its key
    const bool is_there = changes[index].is_there;
    const bool was_there = std::ranges::binary_search(hashes_, hash);
    if (is_there && !was_there) result.added.push_back(hash);
    if (!is_there && was_there) result.removed.push_back(hash);
  }
  return result;
}

void KeySample::apply(Difference& difference) {
  std::vector<uint64_t> kept;
  std::vector<uint64_t> all;
  std::ranges::set_difference(hashes_, difference.removed, std::back_inserter(kept));
  std::ranges::set_union(kept, difference.added, std::back_inserter(all));
  while (all.size() > kHashesMax) {
    ++halvings_;
    all.erase(std::ranges::upper_bound(all, limit()), all.end());
  }
  const auto fell_out = std::ranges::upper_bound(kept, limit());
  difference.removed.insert(difference.removed.end(), fell_out, kept.end());
  difference.added.erase(std::ranges::upper_bound(difference.added, limit()), difference.added.end());
  std::ranges::sort(difference.removed);
  hashes_ = std::move(all);
}

}  // namespace headrace
