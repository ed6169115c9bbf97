// Numbers the groups that the rows of an epoch fall into: a hash table of the values of the group columns, filled a
// batch at a time.
//
// Each value becomes one 64-bit word that decides equality for nearly all rows: integers are their word, texts of up to
// seven bytes are their bytes and length, longer ones their hash, with a comparison of the texts behind it. Words are
// made a column at a time; then a row costs one hash of its words and one probe. As SQL groups: NULLs are equal, as are
// -0.0 and 0.0, NaNs, 1.0 and 1.00, and intervals of the same length.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/columns.h"

namespace headrace {

class GroupTable {
 public:
  // `types` of the group columns. With none there is one group, once there is a row or add_global().
  explicit GroupTable(std::vector<Type> types);

  // The group number of each row of `batch`, whose columns `columns` are the group columns, into `groups`.
  void assign(const Batch& batch, const std::vector<size_t>& columns, std::vector<uint32_t>& groups);
  void add_global() { size_ = 1; }

  size_t size() const { return size_; }
  // The value of group column number `column` for a group, as ordered key bytes (schema/key.h).
  void append_key(std::string& out, size_t column, size_t group) const;
  // Forgets all groups. Memory is kept for the next epoch, up to a limit.
  void clear();
  size_t memory_bytes() const;

 private:
  void make_words(const ColumnData& column, size_t rows, size_t at);
  template <size_t kColumns>
  void probe(const Batch& batch, const std::vector<size_t>& columns, std::vector<uint32_t>& groups);
  bool is_same(const Batch& batch, const std::vector<size_t>& columns, size_t row, size_t group) const;
  void add_group(const Batch& batch, const std::vector<size_t>& columns, size_t row);
  void grow();

  std::vector<Type> types_;
  size_t size_ = 0;
  std::vector<uint64_t> slots_;        // hash in the upper 32 bits, group + 1 in the lower; 0 is empty
  std::vector<uint64_t> group_words_;  // types_.size() per group
  std::vector<ColumnData> keys_;       // a row per group
  Arena arena_;                        // the keys' texts
  size_t arena_bytes_ = 0;
  std::vector<uint64_t> words_;  // of the batch at hand: types_.size() per row
  std::string scratch_;
};

}  // namespace headrace
