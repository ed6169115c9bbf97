#include "log/commit_part.h"

#include <algorithm>

namespace headrace {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;

}  // namespace

void CommitPart::write(Files& files) noexcept {
  try {
    if (roll) roll_segment(files);
    if (!file) file = files.open(segment->path(), Files::Mode::kWrite);
    if (batches.empty()) return;
    close_mark();
    gather();
    std::vector<std::string_view> pieces(chunks.size());
    std::ranges::transform(chunks, pieces.begin(), [](const TailChunk& chunk) { return chunk.bytes.view(); });
    write_commit(*file, segment->tail.capacity, segment->identity, std::move(pieces), mark);
  } catch (...) {
    error = std::current_exception();
  }
}

void CommitPart::sync() noexcept {
  if (error || batches.empty()) return;
  try {
    file->sync();
  } catch (...) {
    error = std::current_exception();
  }
}

// The new segment is empty and has its name, durably, before anything is written to it.
void CommitPart::roll_segment(Files& files) const {
  if (make_folder) {
    files.make_folders(segment->folder);
    files.sync_directory(folder_of(segment->folder));  // it may be there since a sync that failed
  }
  std::string made = segment->path() + ".new";
  if (spare) {
    made = *spare;
  } else {
    make_segment_file(files, made, segment->tail.capacity, room);
  }
  try {
    files.rename(made, segment->path());
  } catch (...) {
    discard_file(files, made);
    throw;
  }
  files.sync_directory(segment->folder);
}

void CommitPart::close_mark() {
  mark.end = {.position = mark.start.position + size, .offset = mark.end.offset, .digest = mark.start.digest};
  for (const QueuedBatch& batch : batches) {
    mark.end.digest = crc_with_batch(mark.end.digest, batch.bytes, batch.header);
  }
}

// Small batches are copied together, so that many of them are not as many pieces to write and to read; large ones stay
// where they are.
void CommitPart::gather() {
  for (auto first = batches.begin(); first != batches.end();) {
    auto next = std::next(first);
    size_t together = first->bytes.size();
    while (next != batches.end() && together + next->bytes.size() <= kChunkBytes) together += (next++)->bytes.size();
    TailChunk chunk{.base = first->header.base, .end = std::prev(next)->header.end(), .bytes = first->bytes};
    if (std::next(first) != next) {
      std::string all;
      all.reserve(together);
      for (auto each = first; each != next; ++each) all += each->bytes.view();
      chunk.bytes = std::move(all);
    }
    chunks.push_back(std::move(chunk));
    for (; first != next; ++first) first->bytes = {};
  }
}

}  // namespace headrace
