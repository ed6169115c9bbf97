#include "sql/syntax.h"

#include <pg_query.h>

#include <algorithm>

#include "base/check.h"
#include "schema/utf8.h"

namespace headrace::syntax {
namespace {

constexpr size_t kIdentifierBytesMax = 63;

// libpg_query counts characters, from 1; we count bytes, from 0.
int64_t byte_position(std::string_view text, int character) {
  if (character <= 0) return -1;
  size_t at = 0;
  for (int skip = character - 1; skip > 0 && at < text.size(); --skip) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  }
  return static_cast<int64_t>(at);
}

[[noreturn]] void fail_as(const PgQueryError& error, std::string_view text) {
  throw Error(Code::kInvalid, error.message, Where{.position = byte_position(text, error.cursorpos)});
}

std::string lower(std::string_view word) {
  std::string result(word);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return result;
}

// Words that make a tree wider and not deeper: values, names, and what PostgreSQL's grammar keeps in one flat list.
bool widens(const Token& token) {
  switch (token.kind) {
    case PG_QUERY__TOKEN__IDENT:
    case PG_QUERY__TOKEN__SCONST:
    case PG_QUERY__TOKEN__ICONST:
    case PG_QUERY__TOKEN__FCONST: return true;
    default: break;
  }
  for (std::string_view flat : {"and", "or", "when", "then", "else", "end", "."}) {
    if (token.is(flat)) return true;
  }
  return false;
}

// Joins and set operations chain to the left over the commas inside of their parts.
bool chains(const Token& token) {
  return token.is("union") || token.is("except") || token.is("intersect") || token.is("join");
}

// Bounds the depth of the tree from above: within one pair of parentheses the items between commas stand side by side,
// and within an item each word that can nest may nest in the one before it.
void check_nesting(const std::vector<Token>& tokens) {
  std::vector<size_t> levels = {0};  // words that nest in the current item, for every open parenthesis
  size_t depth = 0;                  // their sum
  size_t chained = 0;
  for (const Token& token : tokens) {
    if (token.is("(") || token.is("[")) {
      levels.push_back(1);
      ++depth;
    } else if (token.is(")") || token.is("]")) {
      if (levels.size() > 1) {
        depth -= levels.back();
        levels.pop_back();
      }
    } else if (token.is(",") || token.is(";")) {
      depth -= levels.back();
      levels.back() = levels.size() > 1 ? 1 : 0;
      depth += levels.back();
      if (token.is(";")) chained = 0;
    } else if (chains(token)) {
      ++chained;
    } else if (!widens(token)) {
      ++levels.back();
      ++depth;
    }
    if (depth + chained > kNestingMax)
      fail(Code::kTooLarge, static_cast<int64_t>(token.start),
           "this expression may nest deeper than {} levels; split it, for example into a view over a view",
           kNestingMax);
  }
}

void check_text(std::string_view text) {
  if (valid_text(text)) return;
  size_t good = 0;
  while (good < text.size()) {
    size_t length = 1;
    while (length <= 4 && good + length <= text.size() && !valid_text(text.substr(good, length))) ++length;
    if (length > 4 || good + length > text.size()) break;
    good += length;
  }
  fail(Code::kInvalid, static_cast<int64_t>(good),
       "this is not UTF-8 text; SQL must be sent as UTF-8 without zero bytes");
}

}  // namespace

std::vector<Token> scan(std::string_view text) {
  check_text(text);
  const std::string terminated(text);
  struct Guard {
    PgQueryScanResult result;
    ~Guard() { pg_query_free_scan_result(result); }
  } guard{pg_query_scan(terminated.c_str())};
  if (guard.result.error) fail_as(*guard.result.error, text);
  PgQuery__ScanResult* unpacked =
      pg_query__scan_result__unpack(nullptr, guard.result.pbuf.len, reinterpret_cast<uint8_t*>(guard.result.pbuf.data));
  check(unpacked != nullptr, "libpg_query writes what it can read");
  std::vector<Token> tokens;
  tokens.reserve(unpacked->n_tokens);
  for (size_t i = 0; i < unpacked->n_tokens; ++i) {
    const PgQuery__ScanToken& from = *unpacked->tokens[i];
    if (from.token == PG_QUERY__TOKEN__SQL_COMMENT || from.token == PG_QUERY__TOKEN__C_COMMENT) continue;
    Token token{.start = static_cast<size_t>(from.start), .end = static_cast<size_t>(from.end), .kind = from.token};
    const std::string_view written = text.substr(token.start, token.end - token.start);
    const bool quoted = written.starts_with('"') || written.starts_with('\'') || written.starts_with('$');
    token.word = quoted ? std::string(written) : lower(written);
    tokens.push_back(std::move(token));
  }
  pg_query__scan_result__free_unpacked(unpacked, nullptr);
  if (tokens.size() > kTokensMax)
    fail(Code::kTooLarge, static_cast<int64_t>(tokens[kTokensMax].start),
         "this is more than {} words of SQL; send rows in bulk through POST /v1/streams/NAME or headrace load",
         kTokensMax);
  for (const Token& token : tokens) {
    // PostgreSQL's scanner cuts long names off, which would make two of them one.
    const size_t quotes = token.word.starts_with('"') ? 2 : 0;
    if (token.kind == PG_QUERY__TOKEN__IDENT && token.word.size() > kIdentifierBytesMax + quotes)
      fail(Code::kTooLarge, static_cast<int64_t>(token.start), "names have at most {} bytes", kIdentifierBytesMax);
  }
  check_nesting(tokens);
  return tokens;
}

Tree::Tree(std::string_view text) {
  scan(text);
  const std::string terminated(text);
  struct Guard {
    PgQueryProtobufParseResult result;
    ~Guard() { pg_query_free_protobuf_parse_result(result); }
  } guard{pg_query_parse_protobuf(terminated.c_str())};
  if (guard.result.error) fail_as(*guard.result.error, text);
  result_.reset(pg_query__parse_result__unpack(nullptr, guard.result.parse_tree.len,
                                               reinterpret_cast<uint8_t*>(guard.result.parse_tree.data)));
  check(result_ != nullptr, "libpg_query writes what it can read");
  if (result_->n_stmts == 0) fail(Code::kInvalid, 0, "there is no statement here");
  if (result_->n_stmts > 1)
    fail(Code::kInvalid, result_->stmts[1]->stmt_location, "only one statement is expected here");
  statement_ = result_->stmts[0]->stmt;
}

void Tree::Release::operator()(PgQuery__ParseResult* result) const {
  pg_query__parse_result__free_unpacked(result, nullptr);
}

std::string_view name_part(const PgQuery__Node& node) {
  return node.node_case == PG_QUERY__NODE__NODE_STRING ? text(node.string->sval) : std::string_view();
}

std::string_view last_name(std::span<PgQuery__Node* const> parts) {
  return parts.empty() ? std::string_view() : name_part(*parts.back());
}

std::string relation_name(const PgQuery__RangeVar& relation) {
  if (text(relation.schemaname).empty()) return relation.relname;
  return fmt::format("{}.{}", relation.schemaname, relation.relname);
}

int64_t position(const PgQuery__Node& node) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF: return node.column_ref->location;
    case PG_QUERY__NODE__NODE_A_CONST: return node.a_const->location;
    case PG_QUERY__NODE__NODE_FUNC_CALL: return node.func_call->location;
    case PG_QUERY__NODE__NODE_CASE_EXPR: return node.case_expr->location;
    case PG_QUERY__NODE__NODE_COALESCE_EXPR: return node.coalesce_expr->location;
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: return node.min_max_expr->location;
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION: return node.sqlvalue_function->location;
    case PG_QUERY__NODE__NODE_SUB_LINK: return node.sub_link->location;
    case PG_QUERY__NODE__NODE_RANGE_VAR: return node.range_var->location;
    case PG_QUERY__NODE__NODE_RES_TARGET: return node.res_target->location;
    case PG_QUERY__NODE__NODE_GROUPING_SET: return node.grouping_set->location;
    case PG_QUERY__NODE__NODE_PARAM_REF: return node.param_ref->location;
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT: return node.set_to_default->location;
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: return node.a_array_expr->location;
    case PG_QUERY__NODE__NODE_ROW_EXPR: return node.row_expr->location;
    case PG_QUERY__NODE__NODE_SORT_BY: return position(*node.sort_by->node);
    case PG_QUERY__NODE__NODE_A_INDIRECTION: return position(*node.a_indirection->arg);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return node.collate_clause->location;
    // These say where their operator is; people look for the beginning.
    case PG_QUERY__NODE__NODE_TYPE_CAST: {
      const int64_t argument = position(*node.type_cast->arg);
      const int64_t own = node.type_cast->location;
      const int64_t type = node.type_cast->type_name->location;
      // TYPE 'text' and CAST(...) start at the type and at CAST, x::type at x.
      return std::min({own < 0 ? INT64_MAX : own, argument < 0 ? INT64_MAX : argument, type < 0 ? INT64_MAX : type});
    }
    case PG_QUERY__NODE__NODE_A_EXPR: {
      if (node.a_expr->lexpr == nullptr) return node.a_expr->location;
      const int64_t left = position(*node.a_expr->lexpr);
      return left >= 0 ? left : node.a_expr->location;
    }
    case PG_QUERY__NODE__NODE_BOOL_EXPR: {
      if (node.bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR || node.bool_expr->n_args == 0)
        return node.bool_expr->location;
      const int64_t left = position(*node.bool_expr->args[0]);
      return left >= 0 ? left : node.bool_expr->location;
    }
    case PG_QUERY__NODE__NODE_NULL_TEST: {
      const int64_t argument = position(*node.null_test->arg);
      return argument >= 0 ? argument : node.null_test->location;
    }
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST: {
      const int64_t argument = position(*node.boolean_test->arg);
      return argument >= 0 ? argument : node.boolean_test->location;
    }
    default: return -1;
  }
}

}  // namespace headrace::syntax
