// Accumulators: what an aggregate function keeps per group. During an epoch the rows are added to local groups,
// numbered from 0, in columns; at its end the stored state of each touched group is merged in, and the sum of both is
// stored. So a state is a mergeable summary of rows, and the same whatever way the rows were cut into epochs, as far as
// result() can tell.
//
// Every function takes retractions (weight -1) where it can by itself: counts, sums, averages, bool_and and bool_or.
// min, max, arg_min, arg_max and approx_count_distinct can only if they keep all values; that is done, in a table of
// the store, exactly when the input is not append-only (ordered_multiset.h).
//
// NULLs: rows where an argument is NULL do not count, as in PostgreSQL, for both arguments of arg_min and arg_max.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/functions.h"
#include "flow/operator.h"

namespace headrace {

// Rows to add: those of `selection`, or all of them.
struct AccumulatorRows {
  const Batch& batch;
  std::span<const uint32_t> groups;  // of each row of the batch
  std::span<const int32_t> weights;  // of each row; empty: all +1
  std::span<const uint32_t> selection;
  bool all = true;
};

// Calls `use(row, group, weight)` for each of the rows.
template <typename Use>
void for_each_row(const AccumulatorRows& rows, Use use) {
  if (rows.all && rows.weights.empty()) {
    for (uint32_t row = 0; row < rows.groups.size(); ++row) use(row, rows.groups[row], 1);
  } else if (rows.all) {
    for (uint32_t row = 0; row < rows.groups.size(); ++row) use(row, rows.groups[row], rows.weights[row]);
  } else if (rows.weights.empty()) {
    for (const uint32_t row : rows.selection) use(row, rows.groups[row], 1);
  } else {
    for (const uint32_t row : rows.selection) use(row, rows.groups[row], rows.weights[row]);
  }
}

class Accumulator {
 public:
  virtual ~Accumulator() = default;

  // There are `groups` groups from now on; new ones are empty.
  virtual void resize(size_t groups) = 0;
  virtual void add(const AccumulatorRows& rows) = 0;
  // Once per epoch, after all rows and before merge(): `keys` are the stored keys of the groups. For accumulators with
  // a table of their own.
  virtual void prepare(Epoch&, std::span<const std::string_view>) {}
  // Adds the stored state of a group, which is taken off the front of `state`. Throws Error(kCorrupt).
  virtual void merge(size_t group, std::string_view& state) = 0;
  virtual void encode(size_t group, std::string& out) = 0;
  // True when the group's result does not fit its type; see result().
  virtual bool out_of_range(size_t) const { return false; }
  // Forgets all groups.
  virtual void clear() = 0;
  virtual size_t memory_bytes() const = 0;

  // The function's value for an encoded state, which is taken off the front of `state`. From any thread, whatever the
  // accumulator is doing.
  //
  // A result that does not fit its type is NULL, and `error`, if given, says so. The state itself is exact and has no
  // limit, so the value comes back as soon as rows are taken back that bring it into range; no row is to blame, since
  // which one crosses the limit depends on the order of arrival, which must not matter. NULL is no number, where any
  // digits would be wrong ones, and the operator reports the group as dead with the error, so that it does not go
  // unnoticed. Failing the read or the flow instead would let one group take down the whole view.
  virtual Value result(std::string_view& state, std::string* error) const = 0;
};

// True for functions that need a table of the store for input that is not append-only.
bool needs_table(const AggregateCall& call, bool append_only);

// `input` is the type of the aggregate's input, `table` is used if needs_table(). Throws Error(kUnsupported) for types
// that the function does not take.
std::unique_ptr<Accumulator> make_accumulator(const AggregateCall& call, const RowType& input, bool append_only,
                                              TableId table);

// One family per file.
std::unique_ptr<Accumulator> make_count(const AggregateCall& call);
std::unique_ptr<Accumulator> make_bool(const AggregateCall& call);
std::unique_ptr<Accumulator> make_sum(const AggregateCall& call, const Type& argument);
std::unique_ptr<Accumulator> make_extreme(const AggregateCall& call, const RowType& input);
std::unique_ptr<Accumulator> make_distinct(const AggregateCall& call);
std::unique_ptr<Accumulator> make_multiset_extreme(const AggregateCall& call, const RowType& input, TableId table);
std::unique_ptr<Accumulator> make_multiset_distinct(const AggregateCall& call, TableId table);

}  // namespace headrace
