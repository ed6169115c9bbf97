#include "sql/insert.h"

#include <algorithm>

#include "schema/json_form.h"
#include "sql/binder.h"
#include "sql/nearest.h"
#include "sql/planner.h"

namespace headrace {
namespace {

using syntax::fail;
using syntax::list;

// Which column each value of a row is for.
std::vector<size_t> target_columns(const PgQuery__InsertStmt& statement, const RowType& type) {
  std::vector<size_t> result;
  for (const PgQuery__Node* node : list(statement.cols, statement.n_cols)) {
    const PgQuery__ResTarget& target = *node->res_target;
    if (target.n_indirection > 0) fail(Code::kUnsupported, target.location, "parts of a column cannot be inserted");
    const std::optional<size_t> column = type.find(target.name);
    if (!column) {
      std::vector<std::string_view> names;
      for (const Column& each : type.columns) names.push_back(each.name);
      fail(Code::kInvalid, target.location, "column \"{}\" of \"{}\" does not exist{}", target.name,
           syntax::relation_name(*statement.relation), suggestion(target.name, names));
    }
    if (std::ranges::find(result, *column) != result.end())
      fail(Code::kInvalid, target.location, "column \"{}\" is named twice", target.name);
    result.push_back(*column);
  }
  if (!result.empty()) return result;
  for (size_t i = 0; i < type.columns.size(); ++i) result.push_back(i);
  return result;
}

Value default_value(const Column& column) {
  return column.default_json.empty() ? Value() : parse_json(column.default_json, column.type);
}

Value cell(const PgQuery__Node& node, const Column& column, int64_t row) {
  if (node.node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT) return default_value(column);
  try {
    return bind_constant_value(node, column.type, "VALUES");
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("column \"{}\" of row {}: {}", column.name, row, error.message()),
                Where{.row = row, .column = column.name, .position = error.where().position});
  }
}

}  // namespace

void check_insert(const PgQuery__InsertStmt& statement) {
  const int64_t at = statement.relation->location;
  if (statement.on_conflict_clause)
    fail(Code::kUnsupported, at,
         "ON CONFLICT is not needed: a table keeps the last row of each key, and a stream WITH (id = ...) drops "
         "repeated events");
  if (statement.n_returning_list > 0)
    fail(Code::kUnsupported, at, "RETURNING is not supported; the answer has a token");
  if (statement.with_clause) fail(Code::kUnsupported, at, "WITH is not supported in INSERT");
  if (!statement.select_stmt) fail(Code::kUnsupported, at, "DEFAULT VALUES is not supported; write VALUES (...)");
  if (statement.select_stmt->select_stmt->n_values_lists == 0)
    fail(Code::kUnsupported, at,
         "INSERT ... SELECT is not supported; CREATE STREAM ... AS SELECT makes a stream that follows its query");
  const PgQuery__SelectStmt& values = *statement.select_stmt->select_stmt;
  if (values.n_sort_clause > 0 || values.limit_count || values.limit_offset || values.with_clause)
    fail(Code::kUnsupported, at, "ORDER BY, LIMIT and WITH are not supported in VALUES");
}

Batch evaluate_insert(std::string_view statement, RowTypePtr type) {
  const syntax::Tree tree(statement);
  if (tree.statement().node_case != PG_QUERY__NODE__NODE_INSERT_STMT)
    fail(Code::kInvalid, 0, "INSERT INTO ... VALUES is expected here");
  const PgQuery__InsertStmt& insert = *tree.statement().insert_stmt;
  check_insert(insert);
  const std::vector<size_t> columns = target_columns(insert, *type);
  std::vector<Value> defaults;
  for (const Column& column : type->columns) defaults.push_back(default_value(column));

  BatchBuilder builder(type);
  const PgQuery__SelectStmt& values = *insert.select_stmt->select_stmt;
  int64_t row = 0;
  for (const PgQuery__Node* node : list(values.values_lists, values.n_values_lists)) {
    ++row;
    const auto cells = list(node->list->items, node->list->n_items);
    const int64_t at = cells.empty() ? insert.relation->location : syntax::position(*cells[0]);
    // Without a list of columns fewer values leave the last columns out, as in PostgreSQL.
    if (cells.size() > columns.size() || (insert.n_cols > 0 && cells.size() < columns.size()))
      throw Error(Code::kInvalid, fmt::format("row {} has {} values for {} columns", row, cells.size(), columns.size()),
                  Where{.row = row, .position = at});
    std::vector<Value> cells_of_row = defaults;
    for (size_t i = 0; i < cells.size(); ++i)
      cells_of_row[columns[i]] = cell(*cells[i], type->columns[columns[i]], row);
    for (size_t i = 0; i < type->columns.size(); ++i) {
      if (!type->columns[i].nullable && is_null(cells_of_row[i]))
        throw Error(Code::kInvalid,
                    fmt::format("column \"{}\" of row {} is NULL, and the column is NOT NULL; give it a value",
                                type->columns[i].name, row),
                    Where{.row = row, .column = type->columns[i].name, .position = at});
    }
    builder.append_row(cells_of_row);
  }
  return builder.finish();
}

}  // namespace headrace
