// The name of a type in SQL, as a Type.
#pragma once

#include "schema/types.h"
#include "sql/syntax.h"

namespace headrace {

// Throws Error(kUnsupported) for types of PostgreSQL that Headrace does not have, naming the one to use, and
// Error(kInvalid) for what is no type or has limits out of range.
Type bind_type(const PgQuery__TypeName& name);

// The unit that INTERVAL '5' MINUTE gives to a bare number: "minute", or empty. Throws Error(kUnsupported) for ranges
// such as DAY TO SECOND.
std::string_view interval_unit(const PgQuery__TypeName& name);

}  // namespace headrace
