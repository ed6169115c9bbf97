// What one DDL statement would make of the catalogue: decided without touching anything, so that all refusals come
// before the first effect.
#pragma once

#include "views/catalog.h"

namespace headrace {

struct CatalogChange {
  Applied applied;
  CatalogState next;  // meaningless when `applied` says kUnchanged
};

// Errors as Catalog::apply() has them.
CatalogChange plan_change(const CatalogState& now, const Statement& statement);

// The state in which the replacements of `views` have taken their views' places. Error(kConflict) as
// Catalog::finish_replacements() has it.
CatalogState with_replacements_finished(const CatalogState& now, const std::map<std::string, TableId>& views);

}  // namespace headrace
