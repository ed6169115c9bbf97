// A segment as a file: record batches from its start, without gaps, in a preallocated file; behind its capacity, the
// commit marks (commit_mark.h). These functions block; they are called on the pool and during recovery. They never
// retry, and never hand out a byte whose check failed.
//
// A batch is checked by its CRC; by its base offset, which the CRC does not cover, but which must continue the batch
// before; and by its leader epoch, which the CRC does not cover either and which is always 0.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/commit_mark.h"
#include "log/record_batch.h"
#include "log/segment_index.h"
#include "runtime/files.h"

namespace headrace {

// Names in a partition's folder, by the offset of the first record: 20 digits, so that they sort.
std::string segment_name(Offset base);  // ….log
std::string index_name(Offset base);    // ….index
std::optional<Offset> parse_segment_name(std::string_view name);

// How the room of a new segment file is made. Commits to blocks that were written before (with zeros) change no
// metadata, so their sync is one write to the disk; but the zeros themselves cost as much as the batches. From about
// 256 KiB a commit on, it is cheaper to let each sync write the metadata too (docs/log.md has the figures).
enum class Room : uint8_t { kWritten, kReserved };
inline constexpr uint64_t kLargeCommit = uint64_t{256} << 10;

// Makes a new file in the place of the one that has that name, and fills it. If that fails, what there is of it goes
// again: it would take the room that a full disk needs to recover.
void make_file(Files& files, const std::string& path, const std::function<void(File&)>& fill);
// Removes a file that the next start would remove too, if it can.
void discard_file(Files& files, const std::string& path) noexcept;

// Makes a file that reads as zeros with room for `capacity` bytes of batches, synced. Replaces what has that name.
void make_segment_file(Files& files, const std::string& path, uint64_t capacity, Room room = Room::kWritten);
// The room for batches in a segment file of `file_size` bytes, 0 if it is too small to be one.
uint64_t segment_capacity(uint64_t file_size);

// Writes whole batches, in pieces, from mark.start to mark.end, the zeros that show their end, and the mark; the caller
// syncs.
void write_commit(File& file, uint64_t capacity, uint64_t identity, std::vector<std::string_view> pieces,
                  const CommitMark& mark);

using BatchVisitor = std::function<void(const BatchHeader& header, uint64_t position, std::string_view bytes)>;

// Reads and checks the batches in [from, to). Returns where that ended, with its digest. Error(kCorrupt) names the
// file, the position, and the way out.
SegmentPoint scan_segment(File& file, const std::string& path, const SegmentPoint& from, uint64_t to,
                          const BatchVisitor& visit);

// What a segment holds that is durable.
struct SegmentTail {
  uint64_t capacity = 0;
  SegmentPoint end;
  uint64_t commits = 0;  // the number of the newest mark
  int64_t max_timestamp_ms = INT64_MIN;
  bool compacted = false;
  bool cleaned = false;
};

// The tail of a segment that is not the last: it ends where the next one begins, at `next`. Reads the marks only.
SegmentTail read_sealed_tail(File& file, const std::string& path, uint64_t identity, Offset base, Offset next);

// Recovers the last segment of a partition: checks everything from `known` (which was durable) on, cuts an interrupted
// commit, and makes durable what it keeps. Calls `visit` for each batch that is kept, from `known` on.
SegmentTail recover_last_segment(File& file, const std::string& path, uint64_t identity, Offset base,
                                 const SegmentPoint& known, const BatchVisitor& visit);

// The header of its first batch, which is there.
BatchHeader read_first_header(Files& files, const std::string& path);

// Batches from the one that contains `from` on, looked for from `place`; about `bytes_max`, at least one.
struct ReadBatches {
  std::string buffer;
  size_t begin = 0;
  size_t size = 0;

  std::string_view batches() const { return std::string_view(buffer).substr(begin, size); }
};
ReadBatches read_batches(File& file, const std::string& path, SegmentIndex::Place place, const SegmentPoint& end,
                         Offset from, size_t bytes_max);

// The batch that contains `from`, looked for from `place` by the batches' headers alone.
struct BatchPlace {
  uint64_t position = 0;
  size_t size = 0;
};
BatchPlace find_batch(File& file, const std::string& path, SegmentIndex::Place place, const SegmentPoint& end,
                      Offset from);
// The same without waiting for the disk, so that a shard may call it; nothing if that is not possible.
std::optional<BatchPlace> try_find_batch(File& file, const std::string& path, SegmentIndex::Place place,
                                         const SegmentPoint& end, Offset from);

// The index from its file, or rebuilt from the segment, which then says so.
SegmentIndex load_index(Files& files, File& segment, const std::string& folder, Offset base, const SegmentPoint& end,
                        bool& rebuilt);
// Extends `index` by the batches up to `end`.
void extend_index(SegmentIndex& index, File& segment, const std::string& path, const SegmentPoint& end);
// Replaces the index file; not synced, because a damaged one is rebuilt.
void write_index(Files& files, const std::string& folder, Offset base, const SegmentIndex& index, uint32_t digest);

// Writes a whole small file so that a crash leaves the old one or the new one.
void replace_file(Files& files, const std::string& folder, const std::string& name, std::string_view bytes,
                  bool durable);
// All of a file of at most `size_max` bytes; nothing if there is none or it is larger.
std::optional<std::string> read_file(Files& files, const std::string& path, size_t size_max);

}  // namespace headrace
