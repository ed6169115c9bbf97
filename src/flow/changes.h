// What flows between operators: rows with a weight, +1 for an insertion and -1 for a deletion (a Z-set; Budiu et al.,
// "DBSP", VLDB 2023). A row that changes is its old version at -1 and its new one at +1.
#pragma once

#include <vector>

#include "schema/columns.h"

namespace headrace {

struct Changes {
  Batch rows;
  std::vector<int32_t> weights;  // one per row; empty: all +1

  int32_t weight(size_t row) const { return weights.empty() ? 1 : weights[row]; }
};

}  // namespace headrace
