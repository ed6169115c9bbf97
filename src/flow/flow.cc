#include "flow/flow.h"

#include "base/check.h"
#include "flow/compile.h"
#include "flow/view_reader.h"

namespace headrace {
namespace {

// The flow's first table is for its own bookkeeping, the others are the operators'.
constexpr std::string_view kFrontierKey = "frontier";

TableId operator+(TableId table, uint32_t number) {
  return TableId{static_cast<uint32_t>(table) + number};
}

}  // namespace

struct Flow::Implementation {
  QueryPlanPtr plan;
  Store& store;
  TableId own_table;
  bool derives_stream;
  Dataflow dataflow;
  std::optional<ViewReader> reader;
  Frontier frontier;

  // An epoch between advance() and commit().
  std::unique_ptr<StoreWrite> open;
  Frontier open_to;
  // An epoch failed: what operators hold in memory is not what is in the store.
  bool failed = false;

  Implementation(QueryPlanPtr of, Store& in, FlowTables tables, bool derives)
      : plan(std::move(of)),
        store(in),
        own_table(tables.first),
        derives_stream(derives),
        dataflow(
            compile(*plan, derives ? DataflowUse::kStream : DataflowUse::kView, tables.first + 1, kTablesPerFlow - 1)) {
    if (dataflow.layout) reader.emplace(dataflow.layout, dataflow.view_table, store);
    std::string stored;
    if (store.get(own_table, kFrontierKey, stored)) {
      frontier = Frontier::decode(stored);
    } else if (dataflow.starts_with_rows) {
      // An aggregate without GROUP BY has its row before there is any input.
      advance({}, {}, false);
      if (open) commit();
    }
  }

  EpochResult advance(std::span<const FlowInput> input, Frontier to, bool want_changes);
  void take(std::span<const FlowInput> input, const Frontier& to, Epoch& epoch, EpochResult& result);
  void commit();
  const ViewReader& rows() const {
    if (!reader) throw Error(Code::kUnsupported, "a derived stream has no rows to read by key; read the stream");
    return *reader;
  }
};

EpochResult Flow::Implementation::advance(std::span<const FlowInput> input, Frontier to, bool want_changes) {
  check(!failed, "a flow whose epoch failed is made anew");
  check(!open, "an epoch is committed before the next one");
  check(to.covers(frontier), "a flow never goes back");
  failed = true;  // until the end is reached
  EpochResult result;
  std::unique_ptr<StoreWrite> write = store.begin();
  Epoch epoch{store, *write, result.dead, result.dead_count, want_changes};
  take(input, to, epoch, result);
  for (const auto& each : dataflow.operators) each->finish(epoch);
  write->put(own_table, kFrontierKey, to.encode());

  Changes changes = dataflow.end->take();
  if (derives_stream) {
    result.derived = std::move(changes.rows);
  } else {
    result.changes = std::move(changes);
  }
  open = std::move(write);
  open_to = std::move(to);
  failed = false;
  result.committed = result.derived.rows == 0 && result.dead.empty();
  if (result.committed) commit();
  return result;
}

// Every record counts once because the frontier moves with the state: what is given must go on where it stands.
void Flow::Implementation::take(std::span<const FlowInput> input, const Frontier& to, Epoch& epoch,
                                EpochResult& result) {
  Frontier reached = frontier;
  for (const FlowInput& each : input) {
    const SourceBatch& batch = *each.batch;
    check(each.source < dataflow.sources.size(), "the input is of one of the plan's sources");
    if (reached.offsets.size() <= each.source) reached.offsets.resize(each.source + 1);
    std::vector<Offset>& offsets = reached.offsets[each.source];
    const auto partition = static_cast<size_t>(batch.partition);
    if (offsets.size() <= partition) offsets.resize(partition + 1);
    check(batch.from >= offsets[partition], "a record is given to a flow once");
    offsets[partition] = batch.next;

    // Before the rows, so that dead rows come in the same order however the input is divided.
    result.rows_in += batch.rows.rows;
    for (const DeadRow& dead : batch.dead) epoch.report(dead.error, dead.row_json);
  }
  for (const FlowInput& each : input) {
    if (each.batch->rows.rows == 0) continue;
    for (Source* source : dataflow.sources[each.source]) source->take(*each.batch, epoch);
  }
  check(to.covers(reached), "an epoch's frontier covers its input");
}

void Flow::Implementation::commit() {
  check(open != nullptr, "there is an epoch to commit");
  failed = true;
  store.commit(*open);
  open = nullptr;
  frontier = std::move(open_to);
  failed = false;
}

Flow::Flow(QueryPlanPtr plan, Store& store, FlowTables tables, bool derives_stream)
    : implementation_(std::make_unique<Implementation>(std::move(plan), store, tables, derives_stream)) {}
Flow::~Flow() = default;

const QueryPlan& Flow::plan() const {
  return *implementation_->plan;
}
const Frontier& Flow::frontier() const {
  return implementation_->frontier;
}

Frontier Flow::frontier_at(const Snapshot& at) const {
  std::string stored;
  const bool found = implementation_->store.get(implementation_->own_table, kFrontierKey, stored, &at);
  return found ? Frontier::decode(stored) : Frontier();
}

EpochResult Flow::advance(std::span<const FlowInput> input, Frontier to, bool want_changes) {
  return implementation_->advance(input, std::move(to), want_changes);
}
void Flow::commit() {
  implementation_->commit();
}

std::optional<Batch> Flow::read(std::span<const Value> key, const Snapshot* at) {
  return implementation_->rows().read(key, at);
}
std::optional<bool> Flow::read_json(std::span<const Value> key, bool may_block, std::string& out) {
  return implementation_->rows().read_json(key, may_block, out);
}
Flow::Page Flow::scan(const Range& range, const Snapshot* at) {
  return implementation_->rows().scan(range, at);
}
uint64_t Flow::approximate_rows() {
  return implementation_->rows().approximate_rows();
}

}  // namespace headrace
