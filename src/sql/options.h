// WITH (...) of CREATE STREAM, TABLE and MATERIALIZED VIEW: one table of options; what is not in it is refused.
#pragma once

#include <span>

#include "sql/definitions.h"
#include "sql/syntax.h"

namespace headrace {

// Where options stand, for errors about their values that show up later; -1: not given.
struct OptionPositions {
  int64_t key = -1;
  int64_t id = -1;
  int64_t partitions = -1;
};

// Throws Error(kInvalid) for unknown options, naming the known ones, and for values out of range.
OptionPositions read_stream_options(std::span<PgQuery__Node* const> options, StreamDefinition& definition);
void read_view_options(std::span<PgQuery__Node* const> options, ViewDefinition& definition);

}  // namespace headrace
