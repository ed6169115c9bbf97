// PostgreSQL's scanner and parser (libpg_query), behind two functions. The parse tree is libpg_query's own, as
// protobuf-c structs: typed, and the only one of its two forms that keeps negative numbers. Positions in it are byte
// offsets into the text that was parsed.
//
// libpg_query keeps its state per thread and sets it up on the first call, so these may be called from any thread.
// Its parser and everything that walks a tree recurse, so a text whose tree could be deeper than kNestingMax is
// refused before it is parsed.
#pragma once

#include <pg_query/pg_query.pb-c.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "fmt/format.h"

namespace headrace::syntax {

inline constexpr size_t kTokensMax = 200'000;
inline constexpr size_t kNestingMax = 300;

// A word of a text, comments left out.
struct Token {
  size_t start = 0;
  size_t end = 0;
  int kind = 0;      // PG_QUERY__TOKEN__...
  std::string word;  // lower case for keywords and names; names in double quotes, strings and the rest as written

  bool is(std::string_view text) const { return word == text; }
  bool is_string() const { return kind == PG_QUERY__TOKEN__SCONST; }
};

// The words of `text`. Throws Error(kInvalid) with the position for bytes that are not text and for strings and
// comments that don't end, Error(kTooLarge) beyond kTokensMax, or when expressions may nest deeper than kNestingMax.
std::vector<Token> scan(std::string_view text);

// One parsed statement. Nodes live as long as the tree.
class Tree {
 public:
  // Scans as scan() does, then parses. Throws Error(kInvalid) unless it is exactly one statement, with the position.
  explicit Tree(std::string_view text);
  const PgQuery__Node& statement() const { return *statement_; }

 private:
  struct Release {
    void operator()(PgQuery__ParseResult* result) const;
  };
  std::unique_ptr<PgQuery__ParseResult, Release> result_;
  const PgQuery__Node* statement_ = nullptr;
};

inline std::span<PgQuery__Node* const> list(PgQuery__Node* const* items, size_t count) {
  return {items, count};
}

// libpg_query gives "" for a text that is not there.
inline std::string_view text(const char* from) {
  return from == nullptr ? std::string_view() : std::string_view(from);
}

// The text of a String node: a part of a name.
std::string_view name_part(const PgQuery__Node& node);
// The last part of a name like {pg_catalog, count}.
std::string_view last_name(std::span<PgQuery__Node* const> parts);
// "schema.table" or "table".
std::string relation_name(const PgQuery__RangeVar& relation);

// Where an expression starts, or -1 if the tree does not say.
int64_t position(const PgQuery__Node& node);

template <typename... Arguments>
[[noreturn]] void fail(Code code, int64_t at, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw Error(code, fmt::format(format, std::forward<Arguments>(arguments)...), Where{.position = at});
}

}  // namespace headrace::syntax
