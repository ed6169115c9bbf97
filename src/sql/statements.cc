#include "sql/statements.h"

#include <algorithm>

#include "sql/create.h"
#include "sql/insert.h"
#include "sql/nearest.h"
#include "sql/streaming_words.h"
#include "sql/syntax.h"

namespace headrace {
namespace {

using syntax::fail;
using syntax::list;
using syntax::Token;

struct Refusal {
  PgQuery__Node__NodeCase node;
  std::string_view reason;
};

// Statements of PostgreSQL that Headrace does not have, and what to do instead.
constexpr Refusal kRefusals[] = {
    {PG_QUERY__NODE__NODE_UPDATE_STMT,
     "UPDATE is not supported; INSERT a row with the same PRIMARY KEY into a table, and it takes the place of the old "
     "one"},
    {PG_QUERY__NODE__NODE_TRANSACTION_STMT,
     "transactions are not supported; the rows of one INSERT are appended together"},
    {PG_QUERY__NODE__NODE_VIEW_STMT,
     "CREATE VIEW is not supported; write CREATE MATERIALIZED VIEW: it is kept up to date"},
    {PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT, "views are kept up to date and need no REFRESH"},
    {PG_QUERY__NODE__NODE_INDEX_STMT,
     "indexes are not supported; a view whose GROUP BY begins with the column is read by it"},
    {PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT,
     "functions cannot be created; SHOW FUNCTIONS lists those that there are"},
    {PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT, "schemas are not supported; names stand alone"},
    {PG_QUERY__NODE__NODE_CREATEDB_STMT,
     "there is one database for each data folder; start another server with another one"},
    {PG_QUERY__NODE__NODE_COPY_STMT,
     "COPY is not supported; use headrace load NAME FILE, or POST /v1/streams/NAME with CSV"},
    {PG_QUERY__NODE__NODE_TRUNCATE_STMT, "TRUNCATE is not supported; drop the stream and create it again"},
    {PG_QUERY__NODE__NODE_VARIABLE_SET_STMT, "SET is not supported; settings are flags of headrace up"},
    {PG_QUERY__NODE__NODE_GRANT_STMT, "GRANT and REVOKE are not supported"},
    {PG_QUERY__NODE__NODE_MERGE_STMT,
     "MERGE is not supported; INSERT into a table replaces the row of its PRIMARY KEY"},
    {PG_QUERY__NODE__NODE_RENAME_STMT, "renaming is not supported; create the new one and drop the old one"},
    {PG_QUERY__NODE__NODE_CREATE_TRIG_STMT, "triggers are not supported; consume a derived stream"},
    {PG_QUERY__NODE__NODE_CREATE_SEQ_STMT, "sequences are not supported; rows have offsets in the log"},
    {PG_QUERY__NODE__NODE_CREATE_ENUM_STMT, "types cannot be created; use text"},
    {PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT, "types cannot be created; use jsonb"},
    {PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT, "types cannot be created; use the type itself"},
    {PG_QUERY__NODE__NODE_PREPARE_STMT, "PREPARE is not supported; send the statement"},
    {PG_QUERY__NODE__NODE_LISTEN_STMT, "LISTEN is not supported; use GET /v1/views/NAME/changes"},
    {PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT, "cursors are not supported; page through a view with limit and cursor"},
};

void split(std::span<const Token> tokens, std::vector<std::span<const Token>>& statements) {
  size_t first = 0;
  for (size_t i = 0; i <= tokens.size(); ++i) {
    if (i < tokens.size() && !tokens[i].is(";")) continue;
    if (i > first) statements.push_back(tokens.subspan(first, i - first));
    first = i + 1;
  }
}

// SHOW is not in PostgreSQL's grammar in this form.
Show parse_show(std::span<const Token> tokens) {
  constexpr std::string_view kLists[] = {"streams", "tables", "views", "functions"};
  constexpr std::string_view kForms = "SHOW STREAMS, SHOW TABLES, SHOW VIEWS, SHOW FUNCTIONS or SHOW CREATE name";
  const auto at = [&](size_t index) { return static_cast<int64_t>(tokens[std::min(index, tokens.size() - 1)].start); };
  std::vector<Token> words(tokens.begin() + 1, tokens.end());
  if (words.size() == 2 && words[0].is("materialized") && words[1].is("views")) words.erase(words.begin());
  if (words.size() == 1 && std::ranges::find(kLists, words[0].word) != std::end(kLists)) return {words[0].word, {}};
  if (words.empty() || !words[0].is("create"))
    fail(Code::kInvalid, at(1), "write {}{}", kForms,
         words.empty() ? std::string() : suggestion(words[0].word, kLists));
  words.erase(words.begin());
  for (std::string_view kind : {"materialized", "stream", "table", "view"})
    if (words.size() > 1 && words[0].is(kind) && !words[1].is(".")) words.erase(words.begin());
  std::string name;
  for (const Token& word : words) name += unquote_name(word);
  if (words.empty() || (words.size() != 1 && words.size() != 3)) fail(Code::kInvalid, at(2), "write {}", kForms);
  return {"create", name};
}

std::vector<Drop> parse_drop(const PgQuery__DropStmt& statement, bool is_stream) {
  std::vector<Drop> result;
  Drop drop;
  switch (statement.remove_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE: drop.what = is_stream ? Drop::What::kStream : Drop::What::kTable; break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
    case PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW: drop.what = Drop::What::kView; break;
    default: fail(Code::kUnsupported, 0, "DROP takes a STREAM, a TABLE or a MATERIALIZED VIEW");
  }
  drop.if_exists = statement.missing_ok != 0;
  drop.cascade = statement.behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
  for (const PgQuery__Node* object : list(statement.objects, statement.n_objects)) {
    drop.name.clear();
    for (const PgQuery__Node* part : list(object->list->items, object->list->n_items))
      drop.name += fmt::format("{}{}", drop.name.empty() ? "" : ".", syntax::name_part(*part));
    result.push_back(drop);
  }
  return result;
}

// A constant as text, without deciding its type: that is the column's.
std::string constant_text(const PgQuery__Node& node) {
  if (node.node_case == PG_QUERY__NODE__NODE_TYPE_CAST) return constant_text(*node.type_cast->arg);
  const int64_t at = syntax::position(node);
  if (node.node_case != PG_QUERY__NODE__NODE_A_CONST || node.a_const->isnull != 0)
    fail(Code::kUnsupported, at, "DELETE takes keys that are constants: DELETE FROM table WHERE key = 'value'");
  const PgQuery__AConst& constant = *node.a_const;
  switch (constant.val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL: return std::to_string(constant.ival->ival);
    case PG_QUERY__A__CONST__VAL_FVAL: return std::string(syntax::text(constant.fval->fval));
    case PG_QUERY__A__CONST__VAL_BOOLVAL: return constant.boolval->boolval != 0 ? "true" : "false";
    case PG_QUERY__A__CONST__VAL_SVAL: return std::string(syntax::text(constant.sval->sval));
    default: fail(Code::kUnsupported, at, "a key cannot be a bit string");
  }
}

void add_key(const PgQuery__Node& condition, DeleteRow& result) {
  if (condition.node_case == PG_QUERY__NODE__NODE_BOOL_EXPR &&
      condition.bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR) {
    for (const PgQuery__Node* part : list(condition.bool_expr->args, condition.bool_expr->n_args))
      add_key(*part, result);
    return;
  }
  const int64_t at = syntax::position(condition);
  const bool is_equality = condition.node_case == PG_QUERY__NODE__NODE_A_EXPR &&
                           condition.a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP && condition.a_expr->lexpr &&
                           syntax::last_name(list(condition.a_expr->name, condition.a_expr->n_name)) == "=";
  if (!is_equality)
    fail(Code::kUnsupported, at, "DELETE takes one row by its key: DELETE FROM table WHERE key = 'value' [AND ...]");
  const PgQuery__Node* column = condition.a_expr->lexpr;
  const PgQuery__Node* value = condition.a_expr->rexpr;
  if (column->node_case != PG_QUERY__NODE__NODE_COLUMN_REF) std::swap(column, value);
  if (column->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
    fail(Code::kUnsupported, at, "DELETE takes one row by its key: DELETE FROM table WHERE key = 'value' [AND ...]");
  std::string name(syntax::last_name(list(column->column_ref->fields, column->column_ref->n_fields)));
  const auto same_name = [&](const auto& entry) { return entry.first == name; };
  if (std::ranges::any_of(result.key, same_name)) fail(Code::kInvalid, at, "column \"{}\" is compared twice", name);
  result.key.emplace_back(std::move(name), Value(constant_text(*value)));
}

DeleteRow parse_delete(const PgQuery__DeleteStmt& statement) {
  const int64_t at = statement.relation->location;
  if (statement.n_using_clause > 0 || statement.with_clause || statement.n_returning_list > 0)
    fail(Code::kUnsupported, at, "USING, WITH and RETURNING are not supported in DELETE");
  if (!statement.where_clause)
    fail(Code::kUnsupported, at, "DELETE without WHERE is not supported; drop the table and create it again");
  DeleteRow result{.name = syntax::relation_name(*statement.relation), .key = {}};
  add_key(*statement.where_clause, result);
  return result;
}

Explain parse_explain(const PgQuery__ExplainStmt& statement, std::string_view text, std::span<const Token> tokens) {
  if (statement.n_options > 0)
    fail(Code::kUnsupported, 0, "options of EXPLAIN are not supported; write EXPLAIN SELECT ...");
  if (statement.query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
    fail(Code::kUnsupported, static_cast<int64_t>(tokens[1].start), "EXPLAIN takes a query: EXPLAIN SELECT ...");
  return {std::string(text.substr(tokens[1].start))};
}

std::vector<StatementBody> parse_one(std::string_view text, std::span<const Token> tokens) {
  if (tokens[0].is("show")) return {parse_show(tokens)};
  const StreamingWords words = take_streaming_words(text, tokens);
  const syntax::Tree tree(words.text);
  const PgQuery__Node& statement = tree.statement();
  std::vector<StatementBody> result;
  switch (statement.node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT: return {Select{}};
    case PG_QUERY__NODE__NODE_CREATE_STMT: return {define_stream(*statement.create_stmt, words)};
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
      if (statement.create_table_as_stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW)
        return {define_view(*statement.create_table_as_stmt, words)};
      return {define_derived_stream(*statement.create_table_as_stmt, words)};
    case PG_QUERY__NODE__NODE_DROP_STMT:
      for (Drop& drop : parse_drop(*statement.drop_stmt, words.is_stream)) result.emplace_back(std::move(drop));
      return result;
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
      for (AlterAddColumn& column : define_columns(*statement.alter_table_stmt)) result.emplace_back(std::move(column));
      return result;
    case PG_QUERY__NODE__NODE_INSERT_STMT:
      check_insert(*statement.insert_stmt);
      return {Insert{syntax::relation_name(*statement.insert_stmt->relation)}};
    case PG_QUERY__NODE__NODE_DELETE_STMT: return {parse_delete(*statement.delete_stmt)};
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT: return {parse_explain(*statement.explain_stmt, text, tokens)};
    default: break;
  }
  for (const Refusal& refusal : kRefusals)
    if (refusal.node == statement.node_case) fail(Code::kUnsupported, 0, "{}", refusal.reason);
  fail(Code::kUnsupported, 0,
       "this statement is not supported; there are CREATE STREAM, TABLE and MATERIALIZED VIEW, DROP, ALTER ... ADD "
       "COLUMN, "
       "INSERT, DELETE, SELECT, EXPLAIN and SHOW");
}

}  // namespace

std::vector<Statement> parse_statements(std::string_view sql) {
  if (sql.size() > kSqlBytesMax)
    throw Error(
        Code::kTooLarge,
        fmt::format("{} bytes of SQL are more than the limit of {}; send rows in bulk through POST /v1/streams/NAME "
                    "or headrace load",
                    sql.size(), kSqlBytesMax));
  const std::vector<Token> tokens = syntax::scan(sql);
  std::vector<std::span<const Token>> parts;
  split(tokens, parts);
  if (parts.size() > kStatementsMax)
    throw Error(Code::kTooLarge,
                fmt::format("{} statements are more than the limit of {}", parts.size(), kStatementsMax));
  std::vector<Statement> result;
  for (const std::span<const Token> part : parts) {
    const size_t start = part.front().start;
    const std::string_view text = sql.substr(start, part.back().end - start);
    std::vector<Token> local(part.begin(), part.end());
    for (Token& token : local) {
      token.start -= start;
      token.end -= start;
    }
    try {
      for (StatementBody& body : parse_one(text, local))
        result.push_back({.body = std::move(body), .text = std::string(text), .position = static_cast<int64_t>(start)});
    } catch (const Error& error) {
      Where where = error.where();
      if (where.position >= 0)
        where.position += static_cast<int64_t>(start);
      else
        where.position = static_cast<int64_t>(start);
      throw Error(error.code(), error.message(), where);
    }
  }
  return result;
}

LineColumn line_column(std::string_view text, int64_t position) {
  const size_t at = std::min(static_cast<size_t>(std::max<int64_t>(position, 0)), text.size());
  LineColumn result{.line = 1, .column = 1};
  for (size_t i = 0; i < at; ++i) {
    if (text[i] == '\n') {
      ++result.line;
      result.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      ++result.column;  // characters, not bytes
    }
  }
  return result;
}

}  // namespace headrace
