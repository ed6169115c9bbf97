#include "flow/ordered_multiset.h"

#include <algorithm>
#include <cstring>

#include "flow/state_bytes.h"
#include "schema/key.h"

namespace headrace {
namespace {

constexpr size_t kNodeBytes = 64;  // of the hash map, about

}  // namespace

void OrderedMultiset::add(uint32_t group, std::string_view entry, int64_t weight) {
  scratch_.assign(reinterpret_cast<const char*>(&group), sizeof group);
  scratch_.append(entry);
  const auto [at, inserted] = deltas_.try_emplace(scratch_, 0);
  at->second += weight;
  if (inserted) bytes_ += kNodeBytes + scratch_.size();
}

std::vector<OrderedMultiset::Changed> OrderedMultiset::apply(Epoch& epoch, std::span<const std::string_view> keys) {
  struct Touched {
    std::string key;
    uint32_t group;
    int64_t delta;
  };
  std::vector<Touched> touched;
  touched.reserve(deltas_.size());
  for (const auto& [group_and_entry, delta] : deltas_) {
    if (delta == 0) continue;
    uint32_t group = 0;
    std::memcpy(&group, group_and_entry.data(), sizeof group);
    std::string key(keys[group]);
    key.append(group_and_entry, sizeof group);
    touched.push_back({std::move(key), group, delta});
  }
  deltas_.clear();
  bytes_ = 0;
  std::ranges::sort(touched, {}, &Touched::key);

  std::vector<std::string_view> wanted;
  wanted.reserve(touched.size());
  for (const Touched& entry : touched) wanted.push_back(entry.key);
  std::vector<std::string> values;
  std::vector<bool> found;
  epoch.store.multi_get(table_, wanted, values, found);

  std::vector<Changed> result(keys.size());
  std::string value;
  for (size_t i = 0; i < touched.size(); ++i) {
    const Touched& entry = touched[i];
    Changed& changed = result[entry.group];
    int64_t before = 0;
    if (found[i]) {
      std::string_view stored = values[i];
      before = take_varint(stored);
    }
    const int64_t after = before + entry.delta;
    if (after < 0) throw Error(Code::kInternal, "a value is taken back that was never there");
    const std::string_view name = std::string_view(entry.key).substr(keys[entry.group].size());
    if (after == 0) {
      epoch.write.remove(table_, entry.key);
      changed.removed.emplace_back(name);
      changed.distinct -= 1;
      continue;
    }
    value.clear();
    append_varint(value, after);
    epoch.write.put(table_, entry.key, value);
    changed.distinct += before == 0 ? 1 : 0;
    if (changed.least.empty()) changed.least = name;  // they come in order
  }
  return result;
}

std::string OrderedMultiset::least_stored(Store& store, std::string_view key, const Changed& changed) const {
  for (auto cursor = store.scan(table_, key, prefix_end(key)); cursor->valid(); cursor->next()) {
    const std::string_view entry = cursor->key().substr(key.size());
    if (!std::ranges::binary_search(changed.removed, entry)) return std::string(entry);
  }
  return {};
}

}  // namespace headrace
