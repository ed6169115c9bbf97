#include "log/commit_part.h"

namespace headrace {

void CommitPart::write(Files& files) noexcept {
  try {
    if (roll) roll_segment(files);
    if (!file) file = files.open(segment->path(), Files::Mode::kWrite);
    if (batches.empty()) return;
    gather();
    write_commit(*file, segment->tail.capacity, segment->identity, *bytes, mark);
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
    make_segment_file(files, made, segment->tail.capacity);
  }
  files.rename(made, segment->path());
  files.sync_directory(segment->folder);
}

void CommitPart::gather() {
  if (batches.size() == 1) {
    bytes = std::make_shared<const std::string>(std::move(batches[0].bytes));
    return;
  }
  std::string all;
  all.reserve(size);
  for (QueuedBatch& batch : batches) {
    all += batch.bytes;
    batch.bytes = {};
  }
  bytes = std::make_shared<const std::string>(std::move(all));
}

}  // namespace headrace
