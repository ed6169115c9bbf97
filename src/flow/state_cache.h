// What an operator remembers of its table, to save reads of the store: the states of the keys that it wrote last. Two
// generations: new entries go into the young one; when that has half of the bytes, it becomes the old one and the old
// one is forgotten. So whatever was written within the last quarter to half of the limit is there, without lists to
// keep in order. Entries lie in one string, behind a table of 8 bytes each: groups are small, and a node and two
// strings for each would cost more than what they hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

class StateCache {
 public:
  explicit StateCache(size_t bytes_max) : generation_bytes_max_(bytes_max / 2) {}

  // The state last put for `key`; nullopt if unknown here. Valid until the next put().
  std::optional<std::string_view> find(std::string_view key) const;
  void put(std::string_view key, std::string_view state);
  void remove(std::string_view key);
  size_t memory_bytes() const { return young_.memory_bytes() + old_.memory_bytes(); }

 private:
  struct Generation {
    std::vector<uint64_t> slots;  // hash in the upper 32 bits, offset in `entries` + 1 in the lower; 0 is empty
    std::string entries;          // Header, key, state, room left over from a longer state
    size_t count = 0;

    size_t used_bytes() const { return slots.size() * sizeof(uint64_t) + entries.size(); }
    size_t memory_bytes() const { return slots.capacity() * sizeof(uint64_t) + entries.capacity(); }
    // The index of the key's slot.
    std::optional<size_t> find(uint32_t hash, std::string_view key) const;
    void insert(uint32_t hash, size_t offset);
    void grow();
  };

  static std::optional<std::string_view> state_at(const Generation& generation, size_t slot);

  size_t generation_bytes_max_;
  Generation young_;
  Generation old_;
};

}  // namespace headrace
