// The embedded engine of the log: segment files in a folder per partition. See partition.h for how appends, group
// commit and recovery work, and docs/formats.md for the files.
#pragma once

#include "log/log.h"
#include "runtime/files.h"
#include "runtime/timers.h"

namespace headrace {

struct EmbeddedLogOptions {
  std::string folder;
  size_t unflushed_bytes_max = 32 * 1024 * 1024;  // per shard; beyond it, appends wait
  size_t waiting_bytes_max = 32 * 1024 * 1024;    // that wait so, per shard; beyond it, Error(kBusy)
  size_t spare_segments = 2;                      // zero-filled segments kept ready, per shard
  size_t producers_max = 10'000;                  // kept per partition of each kind that producers.h tells apart
  std::chrono::milliseconds retention_interval{30'000};
  size_t compaction_key_bytes_max = 64 * 1024 * 1024;  // that a round notes, of one partition
  std::chrono::microseconds gather_time{1'000};        // how long a commit waits for more appends to share it
  size_t disk_threads = 8;                             // of its own, so that an append never waits behind a computation
};

class EmbeddedLog : public Log {
 public:
  // Flushes what is pending and refuses everything after it.
  virtual awaitable<void> close() = 0;
  // Applies retention and compaction now, to all topics: what the timer does. For tests and operators.
  virtual awaitable<void> clean() = 0;
};

// Recovers all topics: checks CRCs from the last checkpoint on, cuts a torn tail, rebuilds missing or damaged indexes.
// Error(kCorrupt) when bytes that had been acknowledged are damaged, saying which file and position, and what to do.
// Blocks; call it before the runtime serves.
std::unique_ptr<EmbeddedLog> open_embedded_log(Runtime& runtime, Timers& timers, Files& files,
                                               EmbeddedLogOptions options);

}  // namespace headrace
