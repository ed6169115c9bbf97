// What a flow reads: decoded records.
#pragma once

#include <memory>
#include <vector>

#include "flow/operator.h"
#include "log/log.h"
#include "schema/columns.h"

namespace headrace {

// Decoded records of one partition of one source, in log order. For a table, `deleted` marks tombstones, of which only
// the key columns mean anything.
struct SourceBatch {
  Batch rows;
  std::vector<uint8_t> deleted;  // per row; empty: none
  std::vector<DeadRow> dead;     // records that could not be decoded; every flow that reads them reports them
  PartitionId partition = 0;
  Offset from;  // the records are those in [from, next) less what was dropped as duplicate or dead
  Offset next;
};
using SourceBatchPtr = std::shared_ptr<const SourceBatch>;

struct FlowInput {
  size_t source = 0;
  SourceBatchPtr batch;
};

}  // namespace headrace
