#include "flow/plan.h"

#include "fmt/format.h"

namespace headrace {
namespace {

std::string_view name(AggregateKind kind) {
  switch (kind) {
    case AggregateKind::kCountAll:
    case AggregateKind::kCount: return "count";
    case AggregateKind::kSum: return "sum";
    case AggregateKind::kAvg: return "avg";
    case AggregateKind::kMin: return "min";
    case AggregateKind::kMax: return "max";
    case AggregateKind::kBoolAnd: return "bool_and";
    case AggregateKind::kBoolOr: return "bool_or";
    case AggregateKind::kArgMin: return "arg_min";
    case AggregateKind::kArgMax: return "arg_max";
    case AggregateKind::kApproxCountDistinct: return "approx_count_distinct";
  }
  return "?";
}

std::string column_names(const RowType& type, const std::vector<size_t>& columns) {
  std::string out;
  for (const size_t column : columns) {
    if (!out.empty()) out += ", ";
    out += type.columns[column].name;
  }
  return out;
}

std::string call_text(const AggregateCall& call, const RowType& input) {
  std::string out(name(call.kind));
  out += '(';
  out += call.kind == AggregateKind::kCountAll ? "*" : column_names(input, call.arguments);
  out += ')';
  if (call.filter >= 0) out += fmt::format(" FILTER (WHERE {})", input.columns[static_cast<size_t>(call.filter)].name);
  return out;
}

void append_node(std::string& out, const Plan& plan, int depth) {
  out.append(static_cast<size_t>(depth) * 2, ' ');
  switch (plan.node) {
    case Plan::Node::kSource:
      out += fmt::format("{} {}", plan.is_table ? "Table" : "Stream", plan.source);
      if (plan.is_table) out += fmt::format(" by {}", column_names(*plan.type, plan.primary_key));
      break;
    case Plan::Node::kFilter: out += fmt::format("Filter {}", to_sql(*plan.predicate, *plan.input->type)); break;
    case Plan::Node::kProject:
      out += "Project ";
      for (size_t i = 0; i < plan.expressions.size(); ++i) {
        const std::string text = to_sql(*plan.expressions[i], *plan.input->type);
        const std::string& column = plan.type->columns[i].name;
        if (i) out += ", ";
        out += text == column ? text : fmt::format("{} AS {}", text, column);
      }
      break;
    case Plan::Node::kAggregate:
      out += "Aggregate";
      if (!plan.group_by.empty()) out += " by " + column_names(*plan.input->type, plan.group_by);
      for (size_t i = 0; i < plan.aggregates.size(); ++i) {
        out += fmt::format("{} {} AS {}", i ? "," : ":", call_text(plan.aggregates[i], *plan.input->type),
                           plan.type->columns[plan.group_by.size() + i].name);
      }
      break;
  }
  if (!plan.append_only) out += " [changes]";
  out += '\n';
  if (plan.input) append_node(out, *plan.input, depth + 1);
}

}  // namespace

std::string to_text(const QueryPlan& plan) {
  std::string out;
  if (!plan.order_by.empty()) {
    out += "Order by ";
    for (size_t i = 0; i < plan.order_by.size(); ++i) {
      const QueryPlan::Order& order = plan.order_by[i];
      out += fmt::format("{}{}{}{}", i ? ", " : "", plan.root->type->columns[order.column].name,
                         order.descending ? " DESC" : "", order.nulls_first ? " NULLS FIRST" : "");
    }
    out += '\n';
  }
  if (plan.limit) out += fmt::format("Limit {}\n", *plan.limit);
  if (plan.skip > 0) out += fmt::format("Offset {}\n", plan.skip);
  if (!plan.key_is_unique) {
    out += "Key all columns, equal rows are counted\n";
  } else if (!plan.key.empty()) {
    out += fmt::format("Key {}\n", column_names(*plan.root->type, plan.key));
  }
  append_node(out, *plan.root, 0);
  return out;
}

}  // namespace headrace
