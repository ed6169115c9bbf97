// Reads a view's rows from its table: by key, by prefix and range, a page at a time. From any thread; what it reads is
// the last commit, or a snapshot.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "flow/flow.h"
#include "flow/view_layout.h"
#include "store/store.h"

namespace headrace {

// A page ends after this many stored groups, even if filters left nothing of them: so its cost is bounded, and the
// cursor goes on from there.
inline constexpr size_t kGroupsPerPageMax = 100'000;
// So many pairs are looked at to say how many rows there are.
inline constexpr size_t kPairsSampled = 4096;

class ViewReader {
 public:
  ViewReader(std::shared_ptr<const ViewLayout> layout, TableId table, Store& store);

  std::optional<Batch> read(std::span<const Value> key, const Snapshot* at) const;
  std::optional<bool> read_json(std::span<const Value> key, bool may_block, std::string& out) const;
  Flow::Page scan(const Flow::Range& range, const Snapshot* at) const;
  // Exactly for up to kPairsSampled stored pairs, about otherwise (Store::approximate_keys). Takes a few milliseconds.
  uint64_t approximate_rows() const;

 private:
  struct KeyRange {
    std::string from;
    std::string end;  // empty: the end of the table
  };

  std::string encode_key(std::span<const Value> key) const;
  KeyRange encode_range(const Flow::Range& range) const;
  // The stored pair of a full key.
  bool find(const std::string& key, ViewLayout::Pair& pair, const Snapshot* at) const;

  std::shared_ptr<const ViewLayout> layout_;
  TableId table_;
  Store& store_;
  std::vector<std::string> json_names_;  // `{"a":`, `,"b":`, ...
};

}  // namespace headrace
