#include "sql/planner.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/check.h"
#include "sql/from.h"
#include "sql/nearest.h"

namespace headrace {
namespace {

using syntax::fail;
using syntax::list;

constexpr size_t kNamedQueriesMax = 100;

// One SELECT, from its clauses to rows. The order of the steps is SQL's: FROM, WHERE, GROUP BY, HAVING, SELECT,
// DISTINCT, ORDER BY.
class SelectPlanner {
 public:
  SelectPlanner(const PgQuery__SelectStmt& select, const Relations& relations, const NamedQueries& named, QueryUse use,
                bool top)
      : select_(select), relations_(relations), named_(named), use_(use), top_(top) {}

  Rows plan();

  // After plan(): ORDER BY by columns of the result.
  std::vector<QueryPlan::Order> order_by();

 private:
  struct Target {
    std::string name;
    ExpressionPtr expression;  // over what FROM gives, aggregates behind; after grouping: over the groups
    int64_t position = -1;
    bool named = false;  // by AS or by a column
  };
  struct Group {
    ExpressionPtr expression;
    int64_t position = -1;
  };

  void refuse_what_is_missing() const;
  void name_queries();
  Rows plan_source();
  void bind_targets();
  void expand_star(const PgQuery__ColumnRef& star);
  void bind_groups();
  const PgQuery__Node& group_expression(const PgQuery__Node& item) const;
  Rows group(const Rows& rows);
  ExpressionPtr over_groups(const ExpressionPtr& expression) const;
  void name_columns();
  void check_key_is_selected(const std::vector<ExpressionPtr>& outputs) const;
  Rows distinct(Rows rows) const;
  size_t order_column(const PgQuery__SortBy& item);
  bool needs_names() const { return !top_ || use_ != QueryUse::kAdHoc; }

  const PgQuery__SelectStmt& select_;
  const Relations& relations_;
  NamedQueries named_;
  const QueryUse use_;
  const bool top_;
  std::optional<Binder> binder_;
  std::vector<Target> targets_;
  std::vector<Group> groups_;
  ExpressionPtr having_;
  bool grouped_ = false;
};

void SelectPlanner::refuse_what_is_missing() const {
  if (select_.op != PG_QUERY__SET_OPERATION__SETOP_NONE)
    fail(Code::kUnsupported, -1, "UNION, INTERSECT and EXCEPT are not supported; write one view for each part");
  if (select_.n_values_lists > 0) fail(Code::kUnsupported, -1, "VALUES is only supported in INSERT");
  if (select_.into_clause)
    fail(Code::kUnsupported, -1, "SELECT INTO is not supported; use CREATE MATERIALIZED VIEW name AS SELECT");
  if (select_.n_window_clause > 0)
    fail(Code::kUnsupported, -1, "WINDOW is not supported; see TUMBLE for windows of time");
  if (select_.n_locking_clause > 0)
    fail(Code::kUnsupported, -1, "FOR UPDATE and FOR SHARE are not supported: nothing is locked here");
  if (select_.limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES)
    fail(Code::kUnsupported, -1, "WITH TIES is not supported");
  if (select_.group_distinct != 0)
    fail(Code::kUnsupported, -1, "GROUP BY DISTINCT is not supported; leave DISTINCT out");
  if (select_.n_target_list == 0) fail(Code::kInvalid, -1, "the SELECT list is empty");
  const bool ordered = select_.n_sort_clause > 0 || select_.limit_count || select_.limit_offset;
  if (!ordered) return;
  int64_t at = -1;
  if (select_.n_sort_clause > 0)
    at = syntax::position(*select_.sort_clause[0]);
  else if (select_.limit_count)
    at = syntax::position(*select_.limit_count);
  if (!top_)
    fail(Code::kUnsupported, at,
         "ORDER BY, LIMIT and OFFSET are not supported in subqueries; put them at the end of the query");
  if (use_ != QueryUse::kAdHoc)
    fail(Code::kUnsupported, at,
         "ORDER BY, LIMIT and OFFSET are not supported in views and derived streams: rows are kept by key; order and "
         "cut "
         "them when reading the view");
}

void SelectPlanner::name_queries() {
  if (!select_.with_clause) return;
  const auto queries = list(select_.with_clause->ctes, select_.with_clause->n_ctes);
  if (select_.with_clause->recursive != 0)
    fail(Code::kUnsupported, select_.with_clause->location, "WITH RECURSIVE is not supported");
  if (queries.size() > kNamedQueriesMax)
    fail(Code::kTooLarge, select_.with_clause->location, "WITH names at most {} queries", kNamedQueriesMax);
  for (const PgQuery__Node* item : queries) {
    const PgQuery__CommonTableExpr& query = *item->common_table_expr;
    if (query.ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
      fail(Code::kUnsupported, query.location, "only SELECT is supported in WITH");
    auto visible = std::make_shared<const NamedQueries>(named_);
    named_[query.ctename] = NamedQuery{&query, std::move(visible)};
  }
}

Rows SelectPlanner::plan_source() {
  name_queries();
  const FromContext context{relations_, named_, [this](const PgQuery__SelectStmt& subquery, const NamedQueries& named) {
                              return SelectPlanner(subquery, relations_, named, use_, false).plan();
                            }};
  From from = plan_from(select_, context);
  binder_.emplace(Scope{.relation = from.alias, .type = from.rows.type()});
  return std::move(from.rows);
}

void SelectPlanner::expand_star(const PgQuery__ColumnRef& star) {
  if (star.n_fields > 1) {
    std::string qualifier;
    for (const PgQuery__Node* field : list(star.fields, star.n_fields - 1))
      qualifier += fmt::format("{}{}", qualifier.empty() ? "" : ".", syntax::name_part(*field));
    if (qualifier != binder_->scope().relation) {
      const std::string_view relations[] = {binder_->scope().relation};
      fail(Code::kInvalid, star.location, "\"{}\" is not a relation in FROM{}", qualifier,
           suggestion(qualifier, relations));
    }
  }
  const std::vector<Column>& columns = binder_->scope().type->columns;
  for (size_t i = 0; i < columns.size(); ++i)
    targets_.push_back({columns[i].name, make_column(i, columns[i], star.location), star.location, true});
}

void SelectPlanner::bind_targets() {
  for (const PgQuery__Node* item : list(select_.target_list, select_.n_target_list)) {
    const PgQuery__ResTarget& target = *item->res_target;
    const PgQuery__Node& value = *target.val;
    const bool is_star =
        value.node_case == PG_QUERY__NODE__NODE_COLUMN_REF &&
        value.column_ref->fields[value.column_ref->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
    if (is_star) {
      expand_star(*value.column_ref);
    } else {
      const int64_t at = syntax::position(value);
      const bool has_alias = !syntax::text(target.name).empty();
      std::string name = has_alias ? target.name : default_name(value);
      const bool named = !name.empty();
      targets_.push_back({named ? std::move(name) : "?column?", settle(binder_->bind_aggregating(value, "SELECT")),
                          at >= 0 ? at : target.location, named});
    }
    if (targets_.size() > kColumnsMax)
      fail(Code::kTooLarge, target.location, "a query has at most {} columns", kColumnsMax);
  }
}

// What an item of GROUP BY stands for: an ordinal or an alias of the SELECT list, or itself. As in PostgreSQL, a column
// of FROM comes before an alias of the same name.
const PgQuery__Node& SelectPlanner::group_expression(const PgQuery__Node& item) const {
  const auto targets = list(select_.target_list, select_.n_target_list);
  if (item.node_case == PG_QUERY__NODE__NODE_A_CONST) {
    const PgQuery__AConst& constant = *item.a_const;
    if (constant.val_case != PG_QUERY__A__CONST__VAL_IVAL)
      fail(Code::kInvalid, constant.location, "a constant in GROUP BY must be a position in the SELECT list");
    const int64_t ordinal = constant.ival->ival;
    if (ordinal < 1 || ordinal > static_cast<int64_t>(targets.size()))
      fail(Code::kInvalid, constant.location, "GROUP BY position {} is not in the SELECT list, which has {}", ordinal,
           targets.size());
    return *targets[static_cast<size_t>(ordinal - 1)]->res_target->val;
  }
  if (item.node_case != PG_QUERY__NODE__NODE_COLUMN_REF || item.column_ref->n_fields != 1) return item;
  const std::string_view name = syntax::name_part(*item.column_ref->fields[0]);
  if (binder_->find(name)) return item;
  for (const PgQuery__Node* target : targets)
    if (syntax::text(target->res_target->name) == name) return *target->res_target->val;
  return item;
}

void SelectPlanner::bind_groups() {
  for (const PgQuery__Node* item : list(select_.group_clause, select_.n_group_clause)) {
    const int64_t at = syntax::position(*item);
    ExpressionPtr expression = settle(binder_->bind(group_expression(*item), "GROUP BY"));
    const auto equal = [&](const Group& group) { return same(*group.expression, *expression); };
    if (std::ranges::none_of(groups_, equal)) groups_.push_back({std::move(expression), at});
    if (groups_.size() > kColumnsMax) fail(Code::kTooLarge, at, "GROUP BY has at most {} columns", kColumnsMax);
  }
}

// Rewrites an expression over what FROM gives into one over groups and aggregates.
ExpressionPtr SelectPlanner::over_groups(const ExpressionPtr& expression) const {
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (!same(*groups_[i].expression, *expression)) continue;
    const Column column{.name = {}, .type = expression->type, .nullable = expression->nullable};
    return make_column(i, column, expression->position);
  }
  const std::vector<Column>& columns = binder_->scope().type->columns;
  if (expression->op == Expression::Op::kColumn) {
    if (expression->column < columns.size())
      fail(Code::kInvalid, expression->position,
           "column \"{}\" must appear in GROUP BY or be used in an aggregate; for the value of the latest row write "
           "arg_max({}, time column)",
           columns[expression->column].name, columns[expression->column].name);
    const size_t number = expression->column - columns.size();
    const BoundAggregate& aggregate = binder_->aggregates()[number];
    const Column column{.name = {}, .type = aggregate.type, .nullable = aggregate.nullable};
    return make_column(groups_.size() + number, column, expression->position);
  }
  if (expression->arguments.empty()) return expression;
  auto result = std::make_shared<Expression>(*expression);
  for (ExpressionPtr& argument : result->arguments) argument = over_groups(argument);
  return result;
}

Rows SelectPlanner::group(const Rows& rows) {
  for (Target& target : targets_) target.expression = over_groups(target.expression);
  if (having_) having_ = over_groups(having_);

  Grouping grouping;
  const auto input = [&](const ExpressionPtr& expression) {
    const auto found =
        std::ranges::find_if(grouping.inputs, [&](const auto& other) { return same(*other, *expression); });
    const size_t index = static_cast<size_t>(found - grouping.inputs.begin());
    if (found == grouping.inputs.end()) grouping.inputs.push_back(expression);
    return index;
  };
  for (const Group& group : groups_) {
    grouping.groups.push_back(input(group.expression));
    const bool is_column = group.expression->op == Expression::Op::kColumn;
    grouping.columns.push_back({.name = is_column ? binder_->scope().type->columns[group.expression->column].name
                                                  : fmt::format("group_{}", grouping.columns.size() + 1),
                                .type = group.expression->type,
                                .nullable = group.expression->nullable});
  }
  for (const BoundAggregate& bound : binder_->aggregates()) {
    AggregateCall call{.kind = bound.kind, .type = bound.type, .nullable = bound.nullable};
    for (const ExpressionPtr& argument : bound.arguments) call.arguments.push_back(input(argument));
    if (bound.filter) call.filter = static_cast<int>(input(bound.filter));
    grouping.aggregates.push_back(std::move(call));
    grouping.columns.push_back({.name = bound.name, .type = bound.type, .nullable = bound.nullable});
  }
  // Named as they are selected, so that the last projection often has nothing to do.
  for (const Target& target : targets_)
    if (target.expression->op == Expression::Op::kColumn)
      grouping.columns[target.expression->column].name = target.name;
  Rows result = aggregate(rows, std::move(grouping));
  return having_ ? filter(std::move(result), having_) : result;
}

// Rows are shown as JSON objects and kept with a schema, so columns need names, each its own.
void SelectPlanner::name_columns() {
  std::map<std::string, size_t, std::less<>> seen;
  for (Target& target : targets_) {
    if (needs_names() && !target.named) fail(Code::kInvalid, target.position, "this column needs a name; add AS name");
    if (seen.emplace(target.name, 0).second) continue;
    if (needs_names())
      fail(Code::kInvalid, target.position, "there are two columns called \"{}\"; name one of them with AS",
           target.name);
    std::string name;
    do name = fmt::format("{}_{}", target.name, ++seen[target.name]);
    while (seen.contains(name));
    target.name = name;
    seen.emplace(name, 0);
  }
}

void SelectPlanner::check_key_is_selected(const std::vector<ExpressionPtr>& outputs) const {
  if (!top_ || use_ != QueryUse::kView || !grouped_ || select_.n_distinct_clause > 0) return;
  for (size_t i = 0; i < groups_.size(); ++i) {
    const auto is_group = [&](const ExpressionPtr& output) {
      return output->op == Expression::Op::kColumn && output->column == i;
    };
    if (std::ranges::any_of(outputs, is_group)) continue;
    fail(Code::kInvalid, groups_[i].position,
         "a view is read by its GROUP BY columns, so each must be in the SELECT list, and this one is not; select it, "
         "or "
         "leave it out of GROUP BY");
  }
}

Rows SelectPlanner::distinct(Rows rows) const {
  const auto clause = list(select_.distinct_clause, select_.n_distinct_clause);
  if (clause.empty()) return rows;
  if (clause[0]->node_case != 0)
    fail(Code::kUnsupported, syntax::position(*clause[0]),
         "DISTINCT ON is not supported; use GROUP BY with arg_max(value, time) or first(value ORDER BY time)");
  if (rows.key) return rows;  // no two rows are equal anyway
  Grouping grouping;
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    grouping.inputs.push_back(make_column(i, rows.columns[i], -1));
    grouping.groups.push_back(i);
  }
  grouping.columns = rows.columns;
  return aggregate(rows, std::move(grouping));
}

Rows SelectPlanner::plan() {
  refuse_what_is_missing();
  Rows rows = plan_source();
  if (select_.where_clause)
    rows = filter(std::move(rows), condition(binder_->bind(*select_.where_clause, "WHERE"), "WHERE"));
  bind_targets();
  bind_groups();
  if (select_.having_clause) having_ = condition(binder_->bind_aggregating(*select_.having_clause, "HAVING"), "HAVING");
  grouped_ = select_.n_group_clause > 0 || having_ || !binder_->aggregates().empty();
  name_columns();
  if (grouped_) rows = group(rows);

  std::vector<Column> columns;
  std::vector<ExpressionPtr> outputs;
  for (const Target& target : targets_) {
    columns.push_back({.name = target.name, .type = target.expression->type, .nullable = target.expression->nullable});
    outputs.push_back(target.expression);
  }
  check_key_is_selected(outputs);
  return distinct(project(rows, std::move(columns), outputs));
}

size_t SelectPlanner::order_column(const PgQuery__SortBy& item) {
  const PgQuery__Node& node = *item.node;
  const int64_t at = syntax::position(node);
  if (node.node_case == PG_QUERY__NODE__NODE_A_CONST) {
    const PgQuery__AConst& constant = *node.a_const;
    const int64_t ordinal = constant.val_case == PG_QUERY__A__CONST__VAL_IVAL ? constant.ival->ival : 0;
    if (ordinal < 1 || ordinal > static_cast<int64_t>(targets_.size()))
      fail(Code::kInvalid, at, "a constant in ORDER BY must be a position in the SELECT list, from 1 to {}",
           targets_.size());
    return static_cast<size_t>(ordinal - 1);
  }
  if (node.node_case == PG_QUERY__NODE__NODE_COLUMN_REF && node.column_ref->n_fields == 1) {
    const std::string_view name = syntax::name_part(*node.column_ref->fields[0]);
    for (size_t i = 0; i < targets_.size(); ++i)
      if (targets_[i].name == name) return i;
  }
  const size_t aggregates = binder_->aggregates().size();
  ExpressionPtr expression = settle(binder_->bind_aggregating(node, "ORDER BY"));
  const bool is_new = binder_->aggregates().size() > aggregates;
  if (grouped_ && !is_new) expression = over_groups(expression);
  for (size_t i = 0; !is_new && i < targets_.size(); ++i)
    if (same(*targets_[i].expression, *expression)) return i;
  fail(Code::kUnsupported, at, "ORDER BY takes columns of the SELECT list; add this expression to it");
}

std::vector<QueryPlan::Order> SelectPlanner::order_by() {
  std::vector<QueryPlan::Order> result;
  for (const PgQuery__Node* node : list(select_.sort_clause, select_.n_sort_clause)) {
    const PgQuery__SortBy& item = *node->sort_by;
    if (item.sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING)
      fail(Code::kUnsupported, syntax::position(*node), "ORDER BY ... USING is not supported; write ASC or DESC");
    const bool descending = item.sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    const bool nulls_first = item.sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST ||
                             (descending && item.sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT);
    result.push_back({.column = order_column(item), .descending = descending, .nulls_first = nulls_first});
  }
  return result;
}

std::optional<int64_t> row_count(const PgQuery__Node* node, std::string_view clause) {
  if (!node) return std::nullopt;
  const Value value = bind_constant_value(*node, Type{.kind = Kind::kBigint}, clause);
  if (is_null(value)) return std::nullopt;
  const int64_t count = std::get<int64_t>(value);
  if (count < 0) fail(Code::kInvalid, syntax::position(*node), "{} must not be negative", clause);
  return count;
}

void check_use(const Rows& rows, QueryUse use) {
  if (use != QueryUse::kStream || rows.base->append_only) return;
  throw Error(
      Code::kUnsupported,
      "the rows of this query change after they were made, and a stream only grows; use CREATE MATERIALIZED VIEW, "
      "or select from a stream without aggregates");
}

}  // namespace

QueryPlanPtr plan_query(std::string_view query, const Relations& relations, QueryUse use) {
  const syntax::Tree tree(query);
  if (tree.statement().node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
    fail(Code::kInvalid, 0, "a query is expected here: SELECT ... FROM ...");
  const PgQuery__SelectStmt& select = *tree.statement().select_stmt;
  SelectPlanner planner(select, relations, {}, use, true);
  const Rows rows = planner.plan();
  check_use(rows, use);
  auto plan = std::make_shared<QueryPlan>();
  plan->root = finish(rows);
  plan->sources = rows.sources;
  plan->key_is_unique = rows.key.has_value();
  if (rows.key) {
    plan->key = *rows.key;
  } else {
    for (size_t i = 0; i < rows.columns.size(); ++i) plan->key.push_back(i);
  }
  plan->order_by = planner.order_by();
  plan->limit = row_count(select.limit_count, "LIMIT");
  plan->skip = row_count(select.limit_offset, "OFFSET").value_or(0);
  return plan;
}

}  // namespace headrace
