// What one group commit does to one partition: a run of batches that goes into one segment, if need be after rolling to
// a new one. Prepared and completed on the shard, written and synced on the pool.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/record_batch.h"
#include "log/segment.h"
#include "log/tail_cache.h"
#include "runtime/files.h"

namespace headrace {

class Partition;

struct QueuedBatch {
  BatchBytes bytes;
  BatchHeader header;
};

struct CommitPart {
  std::shared_ptr<Partition> partition;
  std::shared_ptr<Segment> segment;  // a new one when `roll`
  std::vector<QueuedBatch> batches;  // their bytes are moved into `chunks` by write()
  size_t size = 0;                   // of all batches
  CommitMark mark;

  bool roll = false;
  Room room = Room::kWritten;  // of the roll's new file
  bool make_folder = false;
  std::optional<std::string> spare;  // for the roll; without it, a new file is made

  // Results.
  std::shared_ptr<File> file;
  std::vector<TailChunk> chunks;
  std::exception_ptr error;

  // Both block, and put a failure into `error` instead of throwing.
  void write(Files& files) noexcept;
  void sync() noexcept;

 private:
  void roll_segment(Files& files) const;
  void close_mark();
  void gather();
};

}  // namespace headrace
