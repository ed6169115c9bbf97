// Ad hoc SELECT: the same operators, one epoch over everything, state in memory and thrown away. With a single epoch an
// operator passes on each row of its result once, so the end of the dataflow has just the rows.
#include <algorithm>
#include <numeric>

#include "flow/compile.h"
#include "flow/flow.h"
#include "fmt/format.h"
#include "store/memory_store.h"

namespace headrace {
namespace {

// How many rows more than wanted are gathered before they are sorted and cut.
constexpr size_t kRowsBeyondLimit = size_t{64} * 1024;

// Row numbers in the order of the query. Rows that are equal by it keep the order in which they came.
std::vector<uint32_t> sorted_rows(const QueryPlan& plan, const Batch& rows) {
  std::vector<uint32_t> order(rows.rows);
  std::iota(order.begin(), order.end(), 0);
  if (plan.order_by.empty()) return order;
  const auto precedes = [&](uint32_t left, uint32_t right) {
    for (const QueryPlan::Order& by : plan.order_by) {
      const ColumnData& column = *rows.columns[by.column];
      const bool left_null = column.null_at(left);
      const bool right_null = column.null_at(right);
      if (left_null || right_null) {
        if (left_null == right_null) continue;
        return left_null == by.nulls_first;
      }
      int result = 0;
      if (column.type.form() == Form::kInt) {
        result = column.ints[left] < column.ints[right] ? -1 : column.ints[left] > column.ints[right];
      } else {
        result = compare(column.value_at(left), column.value_at(right), column.type);
      }
      if (result != 0) return by.descending ? result > 0 : result < 0;
    }
    return left < right;
  };
  std::ranges::sort(order, precedes);
  return order;
}

// The rows from `skip` on, at most `limit`, in order. Copied, so that they do not keep their whole input in memory.
Batch cut(const QueryPlan& plan, const Batch& rows, size_t skip, size_t limit) {
  const std::vector<uint32_t> order = sorted_rows(plan, rows);
  BatchBuilder builder(plan.root->type);
  std::vector<Value> row;
  for (size_t i = skip; i < order.size() && i - skip < limit; ++i) {
    row.clear();
    for (const ColumnPtr& column : rows.columns) row.push_back(column->value_at(order[i]));
    builder.append_row(row);
  }
  return builder.finish();
}

}  // namespace

Batch run_once(const QueryPlan& plan, const std::function<void(const std::function<void(FlowInput)>&)>& feed,
               size_t memory_bytes_max) {
  const size_t skip = plan.skip > 0 ? static_cast<size_t>(plan.skip) : 0;
  const size_t limit = plan.limit ? static_cast<size_t>(std::max<int64_t>(*plan.limit, 0)) : SIZE_MAX - skip;
  const size_t wanted = limit > SIZE_MAX - skip ? SIZE_MAX : skip + limit;

  const std::unique_ptr<Store> store = make_memory_store(memory_bytes_max);
  Dataflow dataflow = compile(plan, DataflowUse::kOnce, TableId{1}, kTablesPerFlow);
  const std::unique_ptr<StoreWrite> write = store->begin();
  std::vector<DeadRow> dead;
  uint64_t dead_count = 0;
  Epoch epoch{*store, *write, dead, dead_count, true};

  const auto check_limits = [&] {
    if (dead_count > 0)
      throw Error(Code::kInvalid,
                  fmt::format("a row cannot be evaluated: {}; the row: {}", dead[0].error, dead[0].row_json));
    size_t bytes = write->bytes();
    for (const auto& each : dataflow.operators) bytes += each->memory_bytes();
    if (bytes > memory_bytes_max)
      throw Error(Code::kTooLarge,
                  fmt::format("the query needs more than {} bytes of memory; select less, or make a view of it",
                              memory_bytes_max));
  };
  const auto cut_to_wanted = [&] {
    if (wanted >= SIZE_MAX - kRowsBeyondLimit || dataflow.end->rows() < wanted + kRowsBeyondLimit) return;
    const Changes best{cut(plan, dataflow.end->take().rows, 0, wanted), {}};
    dataflow.end->push(0, best, epoch);
  };
  feed([&](FlowInput input) {
    if (input.batch->rows.rows == 0) return;
    // Without an order any rows will do; they leave the operators at once only if nothing is taken back later.
    if (plan.order_by.empty() && plan.root->append_only && dataflow.end->rows() >= wanted) return;
    for (Source* source : dataflow.sources.at(input.source)) source->take(*input.batch, epoch);
    cut_to_wanted();
    check_limits();
  });
  for (const auto& each : dataflow.operators) {
    each->finish(epoch);
    check_limits();
  }
  return cut(plan, dataflow.end->take().rows, skip, limit);
}

}  // namespace headrace
