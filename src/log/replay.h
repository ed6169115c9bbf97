// For what keeps its state in a topic of its own (the catalogue, the schema registry, consumer groups, producer ids):
// reads it back at the start.
#pragma once

#include <functional>
#include <string>

#include "log/log.h"
#include "log/record_batch.h"

namespace headrace {

// Calls `take` for each durable record of the partition, in order. What it throws ends the replay; Error(kCorrupt) for
// a damaged batch. From then on compaction may remove what it likes, because nobody else replays the topic.
awaitable<void> replay(Log& log, std::string topic, PartitionId partition, std::function<void(const Record&)> take);

}  // namespace headrace
