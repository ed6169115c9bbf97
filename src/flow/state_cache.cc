#include "flow/state_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

#define XXH_INLINE_ALL
#include "xxhash.h"

namespace headrace {
namespace {

constexpr uint32_t kRemoved = UINT32_MAX;
constexpr size_t kSlotsMin = 64;

struct Header {
  uint32_t key_size;
  uint32_t state_size;  // kRemoved: nothing is known of the key here
  uint32_t capacity;    // bytes there are for the state
};

uint32_t hash_of(std::string_view key) {
  return static_cast<uint32_t>(XXH3_64bits(key.data(), key.size()));
}

Header header_at(const std::string& entries, size_t offset) {
  Header header;
  std::memcpy(&header, entries.data() + offset, sizeof header);
  return header;
}

size_t offset_of(uint64_t slot) {
  return static_cast<uint32_t>(slot) - 1;
}

}  // namespace

std::optional<size_t> StateCache::Generation::find(uint32_t hash, std::string_view key) const {
  if (slots.empty()) return std::nullopt;
  const size_t mask = slots.size() - 1;
  for (size_t at = hash & mask; slots[at] != 0; at = (at + 1) & mask) {
    if (slots[at] >> 32 != hash) continue;
    const size_t offset = offset_of(slots[at]);
    const Header header = header_at(entries, offset);
    if (std::string_view(entries.data() + offset + sizeof header, header.key_size) == key) return at;
  }
  return std::nullopt;
}

void StateCache::Generation::insert(uint32_t hash, size_t offset) {
  if (2 * (count + 1) > slots.size()) grow();
  const size_t mask = slots.size() - 1;
  size_t at = hash & mask;
  while (slots[at] != 0) at = (at + 1) & mask;
  slots[at] = static_cast<uint64_t>(hash) << 32 | (offset + 1);
  ++count;
}

void StateCache::Generation::grow() {
  std::vector<uint64_t> before(std::max(kSlotsMin, slots.size() * 2));
  before.swap(slots);
  const size_t mask = slots.size() - 1;
  for (const uint64_t slot : before) {
    if (slot == 0) continue;
    size_t at = (slot >> 32) & mask;
    while (slots[at] != 0) at = (at + 1) & mask;
    slots[at] = slot;
  }
}

std::optional<std::string_view> StateCache::state_at(const Generation& generation, size_t slot) {
  const size_t offset = offset_of(generation.slots[slot]);
  const Header header = header_at(generation.entries, offset);
  if (header.state_size == kRemoved) return std::nullopt;
  return std::string_view(generation.entries.data() + offset + sizeof header + header.key_size, header.state_size);
}

std::optional<std::string_view> StateCache::find(std::string_view key) const {
  const uint32_t hash = hash_of(key);
  for (const Generation* generation : {&young_, &old_}) {
    if (const auto slot = generation->find(hash, key)) return state_at(*generation, *slot);
  }
  return std::nullopt;
}

void StateCache::put(std::string_view key, std::string_view state) {
  const uint32_t hash = hash_of(key);
  if (sizeof(Header) + key.size() + 2 * state.size() > generation_bytes_max_ / 4) return remove(key);
  std::optional<size_t> slot = young_.find(hash, key);
  if (slot) {
    const size_t offset = offset_of(young_.slots[*slot]);
    Header header = header_at(young_.entries, offset);
    if (state.size() <= header.capacity) {
      header.state_size = static_cast<uint32_t>(state.size());
      std::memcpy(young_.entries.data() + offset, &header, sizeof header);
      std::memcpy(young_.entries.data() + offset + sizeof header + header.key_size, state.data(), state.size());
      return;
    }
  }
  if (young_.used_bytes() > generation_bytes_max_) {
    old_ = std::exchange(young_, {});
    slot.reset();
  }
  // A state that grew once is likely to grow again.
  const size_t capacity = slot ? state.size() + state.size() / 2 : state.size() + 4;
  const Header header{static_cast<uint32_t>(key.size()), static_cast<uint32_t>(state.size()),
                      static_cast<uint32_t>(capacity)};
  const size_t offset = young_.entries.size();
  young_.entries.append(reinterpret_cast<const char*>(&header), sizeof header);
  young_.entries.append(key);
  young_.entries.append(state);
  young_.entries.append(capacity - state.size(), '\0');
  if (slot) {
    young_.slots[*slot] = static_cast<uint64_t>(hash) << 32 | (offset + 1);
  } else {
    young_.insert(hash, offset);
  }
}

void StateCache::remove(std::string_view key) {
  const uint32_t hash = hash_of(key);
  for (Generation* generation : {&young_, &old_}) {
    const std::optional<size_t> slot = generation->find(hash, key);
    if (!slot) continue;
    const size_t offset = offset_of(generation->slots[*slot]);
    Header header = header_at(generation->entries, offset);
    header.state_size = kRemoved;
    std::memcpy(generation->entries.data() + offset, &header, sizeof header);
  }
}

}  // namespace headrace
