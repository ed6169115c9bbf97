#include "flow/compile.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "flow/aggregate_operator.h"
#include "flow/linear.h"
#include "flow/linear_operator.h"
#include "flow/view_sink.h"
#include "fmt/format.h"

namespace headrace {
namespace {

class Compiler {
 public:
  Compiler(const QueryPlan& plan, TableId first, uint32_t count)
      : plan_(plan), next_table_(static_cast<uint32_t>(first)), end_table_(next_table_ + count) {
    result_.sources.resize(plan.sources.size());
  }

  Dataflow compile(DataflowUse use) {
    if (use == DataflowUse::kStream && !plan_.root->append_only)
      throw Error(Code::kUnsupported,
                  "a derived stream can only be made of rows that are never taken back; use CREATE MATERIALIZED VIEW "
                  "for this query");
    if (use == DataflowUse::kView) {
      result_.view_table = next_table();
      result_.layout = std::make_shared<ViewLayout>(plan_);
      groups_ = result_.layout->groups();
      if (groups_)
        always_emits_ =
            std::ranges::any_of(result_.layout->above(), [](const PlanPtr& node) { return can_fail(*node); });
    }
    Operator* last = &make(plan_.root);
    if (use == DataflowUse::kView && !groups_) last = &add(*last, make_sink());
    auto end = std::make_unique<Collector>(plan_.root->type, use != DataflowUse::kView);
    result_.end = end.get();
    add(*last, std::move(end));
    return std::move(result_);
  }

 private:
  Operator& make(const PlanPtr& node) {
    switch (node->node) {
      case Plan::Node::kSource: return make_source(*node);
      case Plan::Node::kFilter:
      case Plan::Node::kProject: {
        Operator& input = make(node->input);
        return add(input, std::make_unique<LinearOperator>(node));
      }
      case Plan::Node::kAggregate: return make_aggregate(node);
    }
    throw Error(Code::kUnsupported, fmt::format("plan node {} is not known here", static_cast<int>(node->node)));
  }

  Operator& make_source(const Plan& node) {
    if (node.source_index >= result_.sources.size())
      throw Error(Code::kUnsupported, fmt::format("the plan does not list its source {}", node.source));
    std::unique_ptr<Source> source;
    if (node.is_table) {
      source = std::make_unique<TableSource>(node, next_table());
    } else {
      source = std::make_unique<StreamSource>();
    }
    result_.sources[node.source_index].push_back(source.get());
    result_.operators.push_back(std::move(source));
    return *result_.operators.back();
  }

  Operator& make_aggregate(const PlanPtr& node) {
    Operator& input = make(node->input);
    const bool is_view = groups_ && &groups_->plan() == node.get();
    std::vector<TableId> tables{is_view ? result_.view_table : next_table()};
    for (const AggregateCall& call : node->aggregates)
      if (needs_table(call, node->input->append_only)) tables.push_back(next_table());
    std::shared_ptr<const GroupLayout> layout = groups_;
    if (!is_view) {
      std::vector<size_t> order(node->group_by.size());
      std::iota(order.begin(), order.end(), 0);
      layout = std::make_shared<GroupLayout>(node, std::move(order));
    }
    result_.starts_with_rows |= layout->is_global();
    return add(input,
               std::make_unique<AggregateOperator>(std::move(layout), std::move(tables), !is_view || always_emits_));
  }

  std::unique_ptr<Operator> make_sink() {
    auto mode = ViewSink::Mode::kReplace;
    if (!plan_.key_is_unique) {
      mode = ViewSink::Mode::kCount;
    } else if (plan_.root->append_only) {
      mode = ViewSink::Mode::kInsert;
    }
    return std::make_unique<ViewSink>(result_.layout->rows(), mode, result_.view_table);
  }

  Operator& add(Operator& input, std::unique_ptr<Operator> consumer) {
    input.feed(*consumer, 0);
    result_.operators.push_back(std::move(consumer));
    return *result_.operators.back();
  }

  TableId next_table() {
    if (next_table_ == end_table_)
      throw Error(Code::kUnsupported, "the query needs too many tables; split it into several views");
    return TableId{next_table_++};
  }

  const QueryPlan& plan_;
  uint32_t next_table_;
  uint32_t end_table_;
  Dataflow result_;
  std::shared_ptr<const GroupLayout> groups_;  // when the view is kept as the groups of an aggregate
  bool always_emits_ = false;
};

}  // namespace

Dataflow compile(const QueryPlan& plan, DataflowUse use, TableId first, uint32_t count) {
  return Compiler(plan, first, count).compile(use);
}

}  // namespace headrace
