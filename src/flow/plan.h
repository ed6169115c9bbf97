// What a query computes: a tree of relational nodes that the planner makes and a Flow turns into operators. Immutable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flow/expression.h"
#include "flow/functions.h"

namespace headrace {

struct Plan;
using PlanPtr = std::shared_ptr<const Plan>;

struct Plan {
  enum class Node : uint8_t {
    kSource,     // the rows of a stream, or the current rows of a table
    kFilter,     // rows for which `predicate` is true
    kProject,    // one expression per column of `type`
    kAggregate,  // group by columns `group_by` of the input; type = those columns, then one per aggregate
  };

  Node node = Node::kSource;
  RowTypePtr type;  // of the rows that come out
  PlanPtr input;    // null for a source
  // True when rows are only ever inserted, never taken back: operators above can keep less state.
  bool append_only = true;

  // kSource
  std::string source;               // the name of the stream or table
  size_t source_index = 0;          // in the plan's list of sources, see QueryPlan
  bool is_table = false;            // upserts by key: retracts the old row of a key
  std::vector<size_t> primary_key;  // of a table: columns of `type`

  // kFilter
  ExpressionPtr predicate;

  // kProject. TUMBLE is a project too: it appends window_start and window_end.
  std::vector<ExpressionPtr> expressions;

  // kAggregate. With no columns to group by there is always exactly one group, even over no rows.
  std::vector<size_t> group_by;
  std::vector<AggregateCall> aggregates;
};

// A planned query: the tree, what it reads and what identifies a row of its result.
struct QueryPlan {
  PlanPtr root;
  std::vector<std::string> sources;  // distinct, by source_index
  // Columns of root->type that are the key under which rows are kept and read, in this order. Unique when
  // `key_is_unique`; otherwise the key is all columns and equal rows are counted.
  std::vector<size_t> key;
  bool key_is_unique = true;
  // Only for ad hoc SELECT: how the result is ordered and cut.
  struct Order {
    size_t column;
    bool descending = false;
    bool nulls_first = false;
  };
  std::vector<Order> order_by;
  std::optional<int64_t> limit;
  int64_t skip = 0;
};
using QueryPlanPtr = std::shared_ptr<const QueryPlan>;

// For EXPLAIN: one line per node, indented.
std::string to_text(const QueryPlan& plan);

}  // namespace headrace
