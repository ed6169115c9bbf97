// What makes a definition a sound one. The statements' parser applies the rules to what it reads, and the catalogue to
// derived streams, whose columns are only known once their query is planned.
#pragma once

#include "sql/definitions.h"

namespace headrace {

// Names of streams, tables and views: they are topics, parts of URLs and Avro records. Throws Error(kInvalid).
void check_relation_name(std::string_view name);
// Names of columns: they are fields of Avro records. Throws Error(kInvalid).
void check_column_name(std::string_view name);

// The key, id and watermark name columns of suitable types, and the format suits the columns. Throws Error(kInvalid),
// with Where::column "key", "id", "watermark" or "" for the part that is wrong.
void check_definition(const StreamDefinition& definition);

}  // namespace headrace
