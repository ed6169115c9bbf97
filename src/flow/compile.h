// From a plan to operators: this is the one place that knows which operator does what a node says, and which tables of
// the flow's range each of them uses. Tables are given out in the order in which operators are made, from the sources
// up, so that the same plan finds its state again.
#pragma once

#include <memory>
#include <vector>

#include "flow/collector.h"
#include "flow/operator.h"
#include "flow/plan.h"
#include "flow/source.h"
#include "flow/view_layout.h"

namespace headrace {

enum class DataflowUse : uint8_t {
  kView,    // rows are kept, and read by key
  kStream,  // rows leave; the plan must be append-only
  kOnce,    // rows of a single epoch are wanted, and nothing is read afterwards
};

struct Dataflow {
  std::vector<std::unique_ptr<Operator>> operators;  // inputs before consumers
  std::vector<std::vector<Source*>> sources;         // by index in QueryPlan::sources
  Collector* end = nullptr;                          // the changes of the result, when wanted
  std::shared_ptr<const ViewLayout> layout;          // of kView
  TableId view_table{};                              // of kView
  // Has an aggregate without GROUP BY, whose row is there before any input.
  bool starts_with_rows = false;
};

// Uses tables from `first`, at most `count` of them. Throws Error(kUnsupported) for a plan that cannot be run.
Dataflow compile(const QueryPlan& plan, DataflowUse use, TableId first, uint32_t count);

}  // namespace headrace
