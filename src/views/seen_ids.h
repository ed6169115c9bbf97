// Which ids of a stream have been seen, so that a repeated event counts once. Exact, and kept in the store.
//
// Ids that are integers mostly come in runs: a stream's numbering is split over its partitions, but what arrives
// together has numbers close together. So they are kept as sets of 1,024 neighbours, a bitmap of 128 bytes or, while
// there are few, a list of 2-byte numbers: about a bit for each id of a dense numbering, one read and one write for a
// thousand rows. Numbers without neighbours cost as much as other ids, an entry each; the worst case, a dense numbering
// in random order, writes 128 bytes for each row.
#pragma once

#include <cstdint>
#include <vector>

#include "log/log.h"
#include "schema/columns.h"
#include "store/store.h"

namespace headrace {

class SeenIds {
 public:
  SeenIds(Store& store, TableId table) : store_(store), table_(table) {}

  // For each row 1 if its id was seen before, in the store or in a row above. Those that were not are put into `write`.
  // NULL is never a repeat. Rows must be given once each, in log order, and `write` committed before the next call for
  // the partition.
  std::vector<uint8_t> mark(PartitionId partition, const ColumnData& ids, StoreWrite& write);

 private:
  std::vector<uint8_t> mark_integers(PartitionId partition, const ColumnData& ids, StoreWrite& write);
  std::vector<uint8_t> mark_keys(PartitionId partition, const ColumnData& ids, StoreWrite& write);

  Store& store_;
  const TableId table_;
};

}  // namespace headrace
