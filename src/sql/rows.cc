#include "sql/rows.h"

#include <algorithm>

#include "base/check.h"
#include "sql/expression_builder.h"

namespace headrace {
namespace {

std::vector<ExpressionPtr> identity(const RowType& type) {
  std::vector<ExpressionPtr> result;
  for (size_t i = 0; i < type.columns.size(); ++i) result.push_back(make_column(i, type.columns[i], -1));
  return result;
}

bool is_trivial(const Expression& expression) {
  return expression.op == Expression::Op::kColumn || expression.op == Expression::Op::kLiteral;
}

PlanPtr project_node(PlanPtr input, std::vector<Column> columns, std::vector<ExpressionPtr> expressions) {
  auto node = std::make_shared<Plan>();
  node->node = Plan::Node::kProject;
  node->type = std::make_shared<RowType>(RowType{std::move(columns)});
  node->append_only = input->append_only;
  node->input = std::move(input);
  node->expressions = std::move(expressions);
  return node;
}

// Makes the open projection a node, so that its columns can be used more than once without computing them again.
Rows settle_rows(Rows rows) {
  rows.base = finish(rows);
  rows.outputs = identity(*rows.base->type);
  return rows;
}

// Expressions are evaluated by recursion.
constexpr size_t kDepthMax = 500;

size_t depth(const Expression& expression) {
  size_t deepest = 0;
  for (const ExpressionPtr& argument : expression.arguments) deepest = std::max(deepest, depth(*argument));
  return deepest + 1;
}

size_t depth(const std::vector<ExpressionPtr>& expressions) {
  size_t deepest = 0;
  for (const ExpressionPtr& expression : expressions) deepest = std::max(deepest, depth(*expression));
  return deepest;
}

// False when putting the open projection into `expressions` would compute one of its columns more than `times_max`
// times, or nest too deeply.
bool can_merge(const Rows& rows, const std::vector<ExpressionPtr>& expressions, size_t times_max) {
  std::vector<size_t> uses(rows.columns.size());
  for (const ExpressionPtr& expression : expressions) count_uses(*expression, uses);
  for (size_t i = 0; i < uses.size(); ++i)
    if (uses[i] > times_max && !is_trivial(*rows.outputs[i])) return false;
  return std::ranges::all_of(rows.outputs, [](const ExpressionPtr& e) { return is_trivial(*e); }) ||
         depth(rows.outputs) + depth(expressions) <= kDepthMax;
}

std::vector<ExpressionPtr> substitute_all(const Rows& rows, const std::vector<ExpressionPtr>& expressions) {
  std::vector<ExpressionPtr> result;
  for (const ExpressionPtr& expression : expressions) result.push_back(substitute(expression, rows.outputs));
  return result;
}

bool all_columns(const std::vector<ExpressionPtr>& expressions) {
  return std::ranges::all_of(expressions, [](const ExpressionPtr& e) { return e->op == Expression::Op::kColumn; });
}

}  // namespace

Rows rows_of(const Relation& relation) {
  Rows rows;
  if (relation.kind == Relation::Kind::kView) {
    check(relation.plan != nullptr, "a view has a plan");
    const QueryPlan& plan = *relation.plan;
    rows.sources = plan.sources;
    if (plan.key_is_unique) rows.key = plan.key;
    rows.columns = plan.root->type->columns;
    if (plan.root->node == Plan::Node::kProject) {
      rows.base = plan.root->input;
      rows.outputs = plan.root->expressions;
    } else {
      rows.base = plan.root;
      rows.outputs = identity(*plan.root->type);
    }
    return rows;
  }
  auto source = std::make_shared<Plan>();
  source->node = Plan::Node::kSource;
  source->type = relation.type;
  source->source = relation.name;
  source->is_table = relation.kind == Relation::Kind::kTable;
  source->append_only = !source->is_table;
  source->primary_key = source->is_table ? relation.key : std::vector<size_t>();
  if (source->is_table) {
    rows.key = relation.key;
  } else if (relation.id) {
    rows.key = std::vector<size_t>{*relation.id};
  }
  rows.base = source;
  rows.columns = relation.type->columns;
  rows.outputs = identity(*relation.type);
  rows.sources = {relation.name};
  return rows;
}

Rows filter(Rows rows, const ExpressionPtr& predicate) {
  if (!can_merge(rows, {predicate}, 0)) rows = settle_rows(std::move(rows));
  auto node = std::make_shared<Plan>();
  node->node = Plan::Node::kFilter;
  node->type = rows.base->type;
  node->append_only = rows.base->append_only;
  node->predicate = substitute(predicate, rows.outputs);
  node->input = std::move(rows.base);
  rows.base = std::move(node);
  return rows;
}

Rows project(const Rows& rows, std::vector<Column> columns, const std::vector<ExpressionPtr>& outputs) {
  if (!can_merge(rows, outputs, 1)) return project(settle_rows(rows), std::move(columns), outputs);
  Rows result{.base = rows.base,
              .columns = std::move(columns),
              .outputs = substitute_all(rows, outputs),
              .sources = rows.sources};
  if (!rows.key) return result;
  std::vector<size_t> key;
  for (const size_t old : *rows.key) {
    const auto kept = std::ranges::find_if(outputs, [&](const ExpressionPtr& output) {
      return output->op == Expression::Op::kColumn && output->column == old;
    });
    if (kept == outputs.end()) return result;
    key.push_back(static_cast<size_t>(kept - outputs.begin()));
  }
  result.key = std::move(key);
  return result;
}

Rows aggregate(const Rows& rows, Grouping grouping) {
  if (!can_merge(rows, grouping.inputs, 1)) return aggregate(settle_rows(rows), std::move(grouping));
  auto node = std::make_shared<Plan>();
  node->node = Plan::Node::kAggregate;
  node->type = std::make_shared<RowType>(RowType{grouping.columns});
  std::vector<ExpressionPtr> inputs = substitute_all(rows, grouping.inputs);
  std::vector<size_t> at(inputs.size());  // where each input is among the columns that the aggregate reads
  if (all_columns(inputs)) {
    for (size_t i = 0; i < inputs.size(); ++i) at[i] = inputs[i]->column;
    node->input = rows.base;
  } else {
    std::vector<Column> columns;
    for (size_t i = 0; i < inputs.size(); ++i) {
      at[i] = i;
      const bool is_column = inputs[i]->op == Expression::Op::kColumn;
      columns.push_back(
          {.name = is_column ? rows.base->type->columns[inputs[i]->column].name : "$" + std::to_string(i + 1),
           .type = inputs[i]->type,
           .nullable = inputs[i]->nullable});
    }
    for (size_t group = 0; group < grouping.groups.size(); ++group) {
      Column& column = columns[grouping.groups[group]];
      if (column.name.starts_with('$')) column.name = grouping.columns[group].name;
    }
    node->input = project_node(rows.base, std::move(columns), std::move(inputs));
  }
  for (const size_t group : grouping.groups) node->group_by.push_back(at[group]);
  node->aggregates = std::move(grouping.aggregates);
  for (AggregateCall& call : node->aggregates) {
    for (size_t& argument : call.arguments) argument = at[argument];
    if (call.filter >= 0) call.filter = static_cast<int>(at[static_cast<size_t>(call.filter)]);
  }
  // Distinct rows of what only grows only grow; everything else takes its old result back.
  node->append_only = node->input->append_only && node->aggregates.empty() && !node->group_by.empty();
  Rows result{.base = node, .columns = node->type->columns, .outputs = identity(*node->type), .sources = rows.sources};
  std::vector<size_t> key;
  for (size_t i = 0; i < node->group_by.size(); ++i) key.push_back(i);
  result.key = std::move(key);
  return result;
}

PlanPtr finish(const Rows& rows) {
  const std::vector<Column>& base = rows.base->type->columns;
  bool unchanged = rows.outputs.size() == base.size();
  for (size_t i = 0; unchanged && i < base.size(); ++i) {
    unchanged = rows.outputs[i]->op == Expression::Op::kColumn && rows.outputs[i]->column == i &&
                rows.columns[i].name == base[i].name;
  }
  return unchanged ? rows.base : project_node(rows.base, rows.columns, rows.outputs);
}

}  // namespace headrace
