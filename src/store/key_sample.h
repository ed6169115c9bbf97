// How many keys a table has, without counting them: a sample of the hashes of its keys, kept with every commit. The
// sample has each key whose hash is below a limit; when there are more than kHashesMax, the limit is halved. So a table
// has about as many keys as the sample has hashes, times how often the limit was halved: within 7 % in nearly all cases
// (three standard deviations), and exactly while there are few. Because the limit looks only at the key, an update, a
// repetition or a removal of a key leaves the sample right, whatever came before. (Wegman's adaptive sampling;
// Flajolet, "On Adaptive Sampling", 1990.)
//
// RocksDB's own estimates go by bytes or entries, and count old versions and removals until a compaction drops them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace headrace {

class KeySample {
 public:
  static constexpr size_t kHashesMax = 4096;

  static uint64_t hash_of(std::string_view key);

  // A key that was put or removed.
  struct Change {
    uint64_t hash;
    bool is_there;
  };
  // What changes in the sample, in order of hashes.
  struct Difference {
    std::vector<uint64_t> added;
    std::vector<uint64_t> removed;
    bool empty() const { return added.empty() && removed.empty(); }
  };

  KeySample() = default;
  // As it was stored: `hashes` in order, and below the limit.
  KeySample(uint8_t halvings, std::vector<uint64_t> hashes) : halvings_(halvings), hashes_(std::move(hashes)) {}

  uint8_t halvings() const { return halvings_; }
  // The greatest hash that is sampled.
  uint64_t limit() const { return UINT64_MAX >> halvings_; }
  uint64_t estimate() const { return static_cast<uint64_t>(hashes_.size()) << halvings_; }

  // What `changes`, one after the other, do to the sample. Those beyond the limit do nothing.
  Difference difference(std::span<const Change> changes) const;
  // Makes `difference`, and halves the limit as often as needed: what then falls out is in `difference`, too.
  void apply(Difference& difference);

 private:
  uint8_t halvings_ = 0;
  std::vector<uint64_t> hashes_;  // in order
};

}  // namespace headrace
