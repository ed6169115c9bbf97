// The dataflow of one view or derived stream: operators wired from a plan, its tables, its frontier. It advances in
// epochs: take what is new on its inputs, push it through, commit state, rows and frontier in one atomic write.
//
//   Flow flow(plan, store, tables, ...);         // at the frontier it finds in the store, or at the beginning
//   auto result = flow.advance(input, to, ...);  // in the pool, one call at a time
//   if (!result.committed) {                     // rows leave by way of the log: a derived stream's, dead ones
//     ... append result.derived and result.dead to the log, durably, with the epoch's frontiers in a header ...
//     flow.commit();
//   }
//
// Appending before committing, and never committing what was not appended, is what makes outputs exactly-once: after a
// crash the flow is at some earlier frontier, computes the same rows again (flows are deterministic), and the frontiers
// recorded on the output tell the caller which epochs are there already. Nothing about outputs is kept in the store.
//
// A view's rows are read through read()/scan() from any thread while epochs run: they see the last commit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "flow/changes.h"
#include "flow/frontier.h"
#include "flow/operator.h"
#include "flow/plan.h"
#include "flow/source_batch.h"
#include "store/store.h"

namespace headrace {

struct EpochResult {
  Changes changes;            // of the view's rows; empty unless the epoch was asked for them
  Batch derived;              // the rows of a derived stream
  std::vector<DeadRow> dead;  // at most kDeadRowsMax, kDeadBytesMax
  uint64_t dead_count = 0;
  uint64_t rows_in = 0;
  bool committed = true;  // false when `derived` or `dead` has rows: append them, then commit()
};

struct FlowTables {
  TableId first{};  // a flow uses first, first + 1, ... first + kTablesPerFlow - 1
};
inline constexpr uint32_t kTablesPerFlow = 64;

class Flow {
 public:
  // `derives_stream`: rows leave as EpochResult::derived and are not kept. Throws Error(kUnsupported) for a plan it
  // can't run.
  Flow(QueryPlanPtr plan, Store& store, FlowTables tables, bool derives_stream);
  ~Flow();

  const QueryPlan& plan() const;
  // As of the last commit. From the thread that calls advance(), or between calls.
  const Frontier& frontier() const;
  // As of `at`, from any thread: what rows that are read at it reflect.
  Frontier frontier_at(const Snapshot& at) const;

  // One epoch. Never throws for what rows contain; Error(kIo) and the like mean that nothing was committed and the flow
  // must be made anew. Commits at once, unless rows leave by way of the log (see above).
  EpochResult advance(std::span<const FlowInput> input, Frontier to, bool want_changes);
  // Commits the epoch that advance() left open.
  void commit();

  // Reads, from any thread. Keys are values of the plan's key columns, in order; fewer are a prefix.
  // One row by its full key, as a batch of one row, or nullopt. `cached_only`: Error(kUnavailable) if it would block.
  std::optional<Batch> read(std::span<const Value> key, const Snapshot* at = nullptr);
  // The same row as JSON, appended to `out`, without a detour through columns: the hot path of point reads. Returns
  // false if there is none; nullopt if the answer is not in memory (ask again from the pool with `may_block`).
  std::optional<bool> read_json(std::span<const Value> key, bool may_block, std::string& out);

  struct Range {
    std::vector<Value> prefix;  // equal on the first key columns
    std::optional<Value> from;  // on the next key column
    bool from_exclusive = false;
    std::optional<Value> to;
    bool to_exclusive = false;
    std::string after;  // a cursor from a previous page, or empty
    size_t limit = 100;
  };
  struct Page {
    Batch rows;
    std::string cursor;  // empty: there are no more
  };
  // Throws Error(kInvalid) for a cursor that is not of this view.
  Page scan(const Range& range, const Snapshot* at = nullptr);
  uint64_t approximate_rows();

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// Runs a query once over given input, in memory: what ad hoc SELECT does. `feed` calls its argument with each input
// batch. `memory_bytes_max` bounds state and result; beyond it Error(kTooLarge).
Batch run_once(const QueryPlan& plan, const std::function<void(const std::function<void(FlowInput)>&)>& feed,
               size_t memory_bytes_max);

}  // namespace headrace
