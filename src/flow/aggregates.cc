#include "flow/aggregates.h"

#include "base/error.h"
#include "fmt/format.h"

namespace headrace {

bool needs_table(const AggregateCall& call, bool append_only) {
  if (append_only) return false;
  switch (call.kind) {
    case AggregateKind::kMin:
    case AggregateKind::kMax:
    case AggregateKind::kArgMin:
    case AggregateKind::kArgMax:
    case AggregateKind::kApproxCountDistinct: return true;
    default: return false;
  }
}

std::unique_ptr<Accumulator> make_accumulator(const AggregateCall& call, const RowType& input, bool append_only,
                                              TableId table) {
  switch (call.kind) {
    case AggregateKind::kCountAll:
    case AggregateKind::kCount: return make_count(call);
    case AggregateKind::kSum:
    case AggregateKind::kAvg: return make_sum(call, input.columns[call.arguments.at(0)].type);
    case AggregateKind::kBoolAnd:
    case AggregateKind::kBoolOr: return make_bool(call);
    case AggregateKind::kMin:
    case AggregateKind::kMax:
    case AggregateKind::kArgMin:
    case AggregateKind::kArgMax:
      return append_only ? make_extreme(call, input) : make_multiset_extreme(call, input, table);
    case AggregateKind::kApproxCountDistinct:
      return append_only ? make_distinct(call) : make_multiset_distinct(call, table);
  }
  throw Error(Code::kUnsupported,
              fmt::format("aggregate function number {} is not known here", static_cast<int>(call.kind)));
}

}  // namespace headrace
