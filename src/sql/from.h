// FROM: relations, views expanded in place, subqueries, WITH, and TUMBLE.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "sql/binder.h"
#include "sql/rows.h"
#include "sql/syntax.h"

namespace headrace {

// Subqueries that WITH has given names to. Each sees those that were named before it, so none can see itself.
struct NamedQuery;
using NamedQueries = std::map<std::string, NamedQuery, std::less<>>;
struct NamedQuery {
  const PgQuery__CommonTableExpr* query = nullptr;
  std::shared_ptr<const NamedQueries> visible;
};

// What FROM needs to know, and how it plans a subquery that sees `named`.
struct FromContext {
  const Relations& relations;
  const NamedQueries& named;
  std::function<Rows(const PgQuery__SelectStmt&, const NamedQueries& named)> plan_subquery;
};

struct From {
  Rows rows;
  std::string alias;  // by which columns may be qualified
};

// The one relation that FROM names. Throws Error(kInvalid) for what does not exist, Error(kUnsupported) for joins and
// other forms.
From plan_from(const PgQuery__SelectStmt& select, const FromContext& context);

}  // namespace headrace
