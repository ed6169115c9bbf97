#include "sql/create.h"

#include <algorithm>

#include "schema/value.h"
#include "sql/binder.h"
#include "sql/definition_rules.h"
#include "sql/options.h"
#include "sql/type_name.h"

namespace headrace {
namespace {

using syntax::fail;
using syntax::list;

std::string new_name(const PgQuery__RangeVar& relation, std::string_view what) {
  if (!syntax::text(relation.schemaname).empty())
    fail(Code::kInvalid, relation.location,
         "names have no schema here; write {}, or an underscore in place of the point", relation.relname);
  if (syntax::text(relation.relpersistence) != "p")
    fail(Code::kUnsupported, relation.location,
         "TEMPORARY and UNLOGGED are not supported; drop the {} when it is done with", what);
  try {
    check_relation_name(relation.relname);
  } catch (const Error& error) {
    throw Error(error.code(), error.message(), Where{.position = relation.location});
  }
  return relation.relname;
}

struct NewColumn {
  Column column;
  int64_t primary_key_at = -1;  // of PRIMARY KEY; -1: it is none
};

[[noreturn]] void fail_constraint(const PgQuery__Constraint& constraint) {
  switch (constraint.contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
      fail(Code::kUnsupported, constraint.location, "CHECK is not supported; filter bad rows in the views with WHERE");
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
      fail(Code::kUnsupported, constraint.location, "foreign keys are not supported: events may arrive in any order");
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
      fail(Code::kUnsupported, constraint.location,
           "UNIQUE is not supported; WITH (id = 'column') drops repeated events, and a table has one row for each "
           "PRIMARY KEY");
    case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
    case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
      fail(Code::kUnsupported, constraint.location, "generated columns are not supported; compute the value in a view");
    default: fail(Code::kUnsupported, constraint.location, "this constraint is not supported");
  }
}

NewColumn define_column(const PgQuery__ColumnDef& definition) {
  const int64_t at = definition.location;
  NewColumn result;
  Column& column = result.column;
  column.name = definition.colname;
  try {
    check_column_name(column.name);
  } catch (const Error& error) {
    throw Error(error.code(), error.message(), Where{.column = column.name, .position = at});
  }
  if (!definition.type_name) fail(Code::kInvalid, at, "column \"{}\" needs a type", column.name);
  column.type = bind_type(*definition.type_name);
  if (definition.coll_clause)
    fail(Code::kUnsupported, definition.coll_clause->location,
         "COLLATE is not supported; text compares by its UTF-8 bytes");
  bool null_given = false;
  const PgQuery__Node* default_value = nullptr;
  for (const PgQuery__Node* node : list(definition.constraints, definition.n_constraints)) {
    const PgQuery__Constraint& constraint = *node->constraint;
    switch (constraint.contype) {
      case PG_QUERY__CONSTR_TYPE__CONSTR_NULL: null_given = true; break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL: column.nullable = false; break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT: default_value = constraint.raw_expr; break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
        result.primary_key_at = constraint.location;
        column.nullable = false;
        break;
      default: fail_constraint(constraint);
    }
  }
  if (null_given && !column.nullable) fail(Code::kInvalid, at, "column \"{}\" is both NULL and NOT NULL", column.name);
  if (default_value) {
    const Value value = bind_constant_value(*default_value, column.type, "DEFAULT");
    if (!is_null(value))
      append_json(column.default_json, value, column.type);
    else if (!column.nullable)
      fail(Code::kInvalid, syntax::position(*default_value), "column \"{}\" is NOT NULL and its default is NULL",
           column.name);
  }
  return result;
}

void refuse_what_is_missing(const PgQuery__CreateStmt& statement) {
  if (statement.partspec)
    fail(Code::kUnsupported, statement.partspec->location,
         "PARTITION BY is not supported; use WITH (key = '...', partitions = 8)");
  if (statement.n_inh_relations > 0 || statement.partbound)
    fail(Code::kUnsupported, -1, "INHERITS and PARTITION OF are not supported");
  if (statement.of_typename)
    fail(Code::kUnsupported, statement.of_typename->location, "OF type is not supported; list the columns");
  if (!syntax::text(statement.tablespacename).empty() || !syntax::text(statement.access_method).empty())
    fail(Code::kUnsupported, -1, "TABLESPACE and USING are not supported");
}

// Repeated events are recognised by the id, and rows of a table by the key; FORMAT RAW has no way to say NULL.
void set_not_null(StreamDefinition& definition) {
  for (Column& column : definition.columns) {
    const bool is_key =
        definition.is_table ? std::ranges::count(definition.key, column.name) > 0 : column.name == definition.id;
    if (is_key || definition.format == ValueFormat::kRaw) column.nullable = false;
  }
}

// The rules throw without a position; the option they are about has one.
void check_with_positions(const StreamDefinition& definition, const OptionPositions& positions, int64_t relation,
                          const StreamingWords& words) {
  try {
    check_definition(definition);
  } catch (const Error& error) {
    int64_t at = relation;
    if (error.where().column == "key" && positions.key >= 0) at = positions.key;
    if (error.where().column == "id" && positions.id >= 0) at = positions.id;
    if (error.where().column == "watermark" && words.watermark) at = words.watermark->position;
    throw Error(error.code(), error.message(), Where{.position = at});
  }
}

}  // namespace

CreateStream define_stream(const PgQuery__CreateStmt& statement, const StreamingWords& words) {
  refuse_what_is_missing(statement);
  CreateStream result;
  StreamDefinition& definition = result.definition;
  definition.is_table = !words.is_stream;
  result.if_not_exists = statement.if_not_exists != 0;
  definition.name = new_name(*statement.relation, definition.is_table ? "table" : "stream");
  int64_t primary_key_at = -1;
  const auto set_primary_key = [&](std::vector<std::string> columns, int64_t at) {
    if (primary_key_at >= 0) fail(Code::kInvalid, at, "a table has one PRIMARY KEY, and this is the second");
    primary_key_at = at;
    definition.key = std::move(columns);
  };
  for (const PgQuery__Node* element : list(statement.table_elts, statement.n_table_elts)) {
    if (element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) {
      NewColumn added = define_column(*element->column_def);
      const auto same_name = [&](const Column& column) { return column.name == added.column.name; };
      if (std::ranges::any_of(definition.columns, same_name))
        fail(Code::kInvalid, element->column_def->location, "there are two columns called \"{}\"", added.column.name);
      if (added.primary_key_at >= 0) set_primary_key({added.column.name}, added.primary_key_at);
      definition.columns.push_back(std::move(added.column));
    } else if (element->node_case == PG_QUERY__NODE__NODE_CONSTRAINT &&
               element->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY) {
      std::vector<std::string> columns;
      for (const PgQuery__Node* key : list(element->constraint->keys, element->constraint->n_keys))
        columns.emplace_back(syntax::name_part(*key));
      set_primary_key(std::move(columns), element->constraint->location);
    } else if (element->node_case == PG_QUERY__NODE__NODE_CONSTRAINT) {
      fail_constraint(*element->constraint);
    } else {
      fail(Code::kUnsupported, statement.relation->location, "LIKE is not supported; list the columns");
    }
  }
  if (primary_key_at >= 0 && !definition.is_table)
    fail(Code::kInvalid, primary_key_at,
         "a stream has no PRIMARY KEY, because it keeps every event; use WITH (id = 'column') to drop repeated events, "
         "WITH (key = 'column') to keep those of one key in order, or CREATE TABLE to keep the last row of each key");
  const std::vector<std::string> primary_key = definition.key;
  OptionPositions positions = read_stream_options(list(statement.options, statement.n_options), definition);
  result.partitions_given = positions.partitions >= 0;
  if (definition.is_table) {
    definition.key = primary_key;
    positions.key = primary_key_at;
    if (definition.key.empty())
      fail(Code::kInvalid, statement.relation->location,
           "a table needs a PRIMARY KEY: the last row of each key is kept; use CREATE STREAM to keep every row");
  }
  definition.format = words.format.value_or(ValueFormat::kAvro);
  set_not_null(definition);
  if (words.watermark) {
    definition.watermark_column = words.watermark->column;
    definition.watermark_delay_us = words.watermark->delay_us;
  }
  if (definition.topic.empty()) definition.topic = definition.name;
  check_with_positions(definition, positions, statement.relation->location, words);
  return result;
}

namespace {

void check_into(const PgQuery__CreateTableAsStmt& statement, std::string_view what) {
  const PgQuery__IntoClause& into = *statement.into;
  const int64_t at = into.rel->location;
  if (into.n_col_names > 0)
    fail(Code::kUnsupported, at, "a list of column names is not supported for a {}; name the columns with AS in SELECT",
         what);
  if (into.skip_data != 0)
    fail(Code::kUnsupported, at, "WITH NO DATA is not supported; a {} is built from the beginning of its streams",
         what);
  if (!syntax::text(into.access_method).empty() || !syntax::text(into.table_space_name).empty())
    fail(Code::kUnsupported, at, "TABLESPACE and USING are not supported");
  if (statement.query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
    fail(Code::kUnsupported, at, "a {} is made from SELECT", what);
}

}  // namespace

CreateStream define_derived_stream(const PgQuery__CreateTableAsStmt& statement, const StreamingWords& words) {
  const PgQuery__IntoClause& into = *statement.into;
  if (!words.is_stream)
    fail(Code::kUnsupported, into.rel->location,
         "CREATE TABLE ... AS is not supported; use CREATE MATERIALIZED VIEW for a result that is kept up to date, or "
         "CREATE STREAM ... AS for one that only grows");
  check_into(statement, "stream");
  CreateStream result;
  StreamDefinition& definition = result.definition;
  definition.name = new_name(*into.rel, "stream");
  result.if_not_exists = statement.if_not_exists != 0;
  result.partitions_given = read_stream_options(list(into.options, into.n_options), definition).partitions >= 0;
  definition.format = words.format.value_or(ValueFormat::kAvro);
  definition.query = words.query;
  if (definition.topic.empty()) definition.topic = definition.name;
  return result;
}

CreateView define_view(const PgQuery__CreateTableAsStmt& statement, const StreamingWords& words) {
  const PgQuery__IntoClause& into = *statement.into;
  check_into(statement, "view");
  CreateView result;
  result.definition.name = new_name(*into.rel, "view");
  result.definition.query = words.query;
  result.or_replace = words.or_replace;
  result.if_not_exists = statement.if_not_exists != 0;
  if (result.or_replace && result.if_not_exists)
    fail(Code::kInvalid, into.rel->location, "OR REPLACE and IF NOT EXISTS contradict each other; write one of them");
  read_view_options(list(into.options, into.n_options), result.definition);
  return result;
}

std::vector<AlterAddColumn> define_columns(const PgQuery__AlterTableStmt& statement) {
  std::vector<AlterAddColumn> result;
  const int64_t at = statement.relation->location;
  for (const PgQuery__Node* node : list(statement.cmds, statement.n_cmds)) {
    const PgQuery__AlterTableCmd& command = *node->alter_table_cmd;
    if (command.subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
      fail(Code::kUnsupported, at,
           "only ADD COLUMN is supported: rows that were written stay as they are; for another shape make a new stream "
           "with "
           "CREATE STREAM ... AS SELECT");
    const PgQuery__ColumnDef& definition = *command.def->column_def;
    NewColumn added = define_column(definition);
    if (added.primary_key_at >= 0)
      fail(Code::kInvalid, definition.location, "a column that is added later cannot be a key");
    if (!added.column.nullable && added.column.default_json.empty())
      fail(Code::kInvalid, definition.location,
           "column \"{}\" is NOT NULL, and rows that were written before have no value for it; add DEFAULT",
           added.column.name);
    result.push_back({.name = syntax::relation_name(*statement.relation),
                      .column = std::move(added.column),
                      .if_not_exists = command.missing_ok != 0});
  }
  return result;
}

}  // namespace headrace
