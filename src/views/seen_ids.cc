#include "views/seen_ids.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "schema/key.h"

namespace headrace {
namespace {

constexpr int kSetBits = 10;
constexpr size_t kSetIds = size_t{1} << kSetBits;
constexpr size_t kListMax = 32;  // ids of a set that are kept as a list

// 1,024 neighbouring integers.
class IdSet {
 public:
  // Error(kCorrupt) when `bytes` are not what encode() makes.
  void decode(std::string_view bytes) {
    if (bytes.size() == sizeof words_) {
      std::memcpy(words_.data(), bytes.data(), sizeof words_);
      return;
    }
    for (Reader reader(bytes); !reader.empty();) {
      const auto id = reader.big_endian<uint16_t>();
      if (id >= kSetIds) reader.fail("a set of ids has a number out of range");
      add(id);
    }
  }

  // True if it was not there.
  bool add(size_t id) {
    const uint64_t bit = uint64_t{1} << (id % 64);
    const bool fresh = (words_[id / 64] & bit) == 0;
    words_[id / 64] |= bit;
    changed_ |= fresh;
    return fresh;
  }
  bool changed() const { return changed_; }

  std::string encode() const {
    size_t count = 0;
    for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
    if (count > kListMax) return {reinterpret_cast<const char*>(words_.data()), sizeof words_};
    std::string list;
    Writer writer(list);
    for (size_t id = 0; id < kSetIds; ++id)
      if (words_[id / 64] >> (id % 64) & 1) writer.big_endian(static_cast<uint16_t>(id));
    return list;
  }

 private:
  std::array<uint64_t, kSetIds / 64> words_{};
  bool changed_ = false;
};

std::string key_prefix(PartitionId partition) {
  std::string key;
  Writer(key).big_endian(partition);
  return key;
}

}  // namespace

std::vector<uint8_t> SeenIds::mark(PartitionId partition, const ColumnData& ids, StoreWrite& write) {
  return ids.type.is_integer() ? mark_integers(partition, ids, write) : mark_keys(partition, ids, write);
}

std::vector<uint8_t> SeenIds::mark_integers(PartitionId partition, const ColumnData& ids, StoreWrite& write) {
  const size_t rows = ids.ints.size();
  std::vector<int64_t> sets;
  for (size_t row = 0; row < rows; ++row) {
    const int64_t set = ids.ints[row] >> kSetBits;
    if (!ids.null_at(row) && (sets.empty() || sets.back() != set)) sets.push_back(set);
  }
  std::ranges::sort(sets);
  sets.erase(std::ranges::unique(sets).begin(), sets.end());

  std::vector<std::string> keys(sets.size(), key_prefix(partition));
  for (size_t i = 0; i < sets.size(); ++i) append_key(keys[i], Value(sets[i]), Type{.kind = Kind::kBigint});
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<std::string> values;
  std::vector<bool> found;
  store_.multi_get(table_, views, values, found);
  std::vector<IdSet> loaded(sets.size());
  for (size_t i = 0; i < sets.size(); ++i)
    if (found[i]) loaded[i].decode(values[i]);

  std::vector<uint8_t> repeated(rows, 0);
  size_t at = 0;  // the set of the row before: neighbours come together
  for (size_t row = 0; row < rows; ++row) {
    if (ids.null_at(row)) continue;
    const int64_t set = ids.ints[row] >> kSetBits;
    if (sets[at] != set) at = static_cast<size_t>(std::ranges::lower_bound(sets, set) - sets.begin());
    repeated[row] = !loaded[at].add(static_cast<size_t>(ids.ints[row]) % kSetIds);
  }
  for (size_t i = 0; i < sets.size(); ++i)
    if (loaded[i].changed()) write.put(table_, keys[i], loaded[i].encode());
  return repeated;
}

std::vector<uint8_t> SeenIds::mark_keys(PartitionId partition, const ColumnData& ids, StoreWrite& write) {
  const size_t rows = ids.size();
  std::vector<std::string> keys(rows, key_prefix(partition));
  for (size_t row = 0; row < rows; ++row) append_key(keys[row], ids, row);
  std::vector<uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  const auto by_key = [&](uint32_t left, uint32_t right) {
    const int compared = keys[left].compare(keys[right]);
    return compared != 0 ? compared < 0 : left < right;
  };
  if (!std::ranges::is_sorted(order, by_key)) std::ranges::sort(order, by_key);
  std::vector<std::string_view> sorted(rows);
  for (size_t i = 0; i < rows; ++i) sorted[i] = keys[order[i]];
  std::vector<std::string> values;
  std::vector<bool> found;
  store_.multi_get(table_, sorted, values, found);

  std::vector<uint8_t> repeated(rows, 0);
  for (size_t i = 0; i < rows; ++i) {
    const uint32_t row = order[i];
    if (ids.null_at(row)) continue;
    repeated[row] = found[i] || (i > 0 && sorted[i] == sorted[i - 1]);
    if (!repeated[row]) write.put(table_, sorted[i], {});
  }
  return repeated;
}

}  // namespace headrace
