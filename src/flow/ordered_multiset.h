// The values of each group, with how often each occurs, in a table of the store: key = the group's key and then the
// entry, an ordered encoding of the value; value = the count. So that when the least value is taken back, the next one
// is found by a seek. Changes are gathered during the epoch; apply() nets them against the table.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flow/operator.h"

namespace headrace {

class OrderedMultiset {
 public:
  explicit OrderedMultiset(TableId table) : table_(table) {}

  void add(uint32_t group, std::string_view entry, int64_t weight);

  // What an epoch did to one group.
  struct Changed {
    std::string least;                 // the smallest touched entry that is there now; empty: none
    std::vector<std::string> removed;  // entries that were there and no longer are, ascending
    int64_t distinct = 0;              // by how much the number of different entries changed
  };
  // Writes the new counts. `keys` are the groups' keys; the result has an element per key.
  std::vector<Changed> apply(Epoch& epoch, std::span<const std::string_view> keys);

  // The smallest entry that the store has for a group without those of `changed.removed`; empty if there is none.
  std::string least_stored(Store& store, std::string_view key, const Changed& changed) const;

  void clear() { deltas_.clear(); }
  size_t memory_bytes() const { return bytes_; }

 private:
  TableId table_;
  std::unordered_map<std::string, int64_t> deltas_;  // 4 bytes of group number, entry
  std::string scratch_;
  size_t bytes_ = 0;
};

}  // namespace headrace
