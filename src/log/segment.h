// A segment while the log is open: what is known about its file, loaded when it is first needed, so that a thousand
// partitions open without touching their files. Belongs to its partition's shard. Functions of segment_file.h work on
// the file itself, on the pool.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "log/segment_file.h"
#include "runtime/shard.h"

namespace headrace {

struct Segment;

// The index of a segment whose file is closed.
struct IdleIndex {
  std::weak_ptr<Segment> segment;
  size_t bytes;
};

struct Segment {
  Segment(std::string folder_path, Offset base_offset, uint64_t identity_hash)
      : folder(std::move(folder_path)), base(base_offset), identity(identity_hash), index(base_offset) {}

  // Whoever is about to look something up in it is led to the segment's start.
  void drop_index() {
    index_loaded = false;
    index = SegmentIndex(base);
  }

  std::string path() const { return folder + "/" + segment_name(base); }

  const std::string folder;
  const Offset base;
  const uint64_t identity;

  bool tail_loaded = false;
  SegmentTail tail;  // durable

  bool index_loaded = false;
  SegmentIndex index;  // up to the tail's end, while it is loaded

  // Sockets may still refer to the pages of its file, for as long as a reader does not read. Not known of the files
  // that an earlier process made.
  bool lent = true;
  bool closed = false;    // nothing may be appended any more: a write or sync of it failed, or a roll was begun
  bool swapping = false;  // compaction is replacing it
  bool gone = false;      // its partition has it no more, and what has its name is another file, if there is one
  SteadyTime made{};  // when it was rolled to, or opened, or when its records say that it was (Partition::learn_age)
  bool recovered = false;  // an earlier process made it, and its records have not been asked how long ago

  std::shared_ptr<File> file;  // may be closed and opened again (OpenFiles)
  std::list<std::weak_ptr<Segment>>::iterator opened_at;
  std::optional<std::list<IdleIndex>::iterator> idle_at;
};

// The open files of the segments of one shard, bounded: the one that was not used for longest is closed. Its index
// stays for a while, because with more partitions than files each read opens one; but all that stay are bounded too: 16
// bytes for every 8 KiB of log that was ever read would be 2 GB for a terabyte. What takes appends keeps its index.
class OpenFiles {
 public:
  OpenFiles(Pool& pool, Files& files, size_t count_max, size_t idle_index_bytes_max)
      : pool_(pool), files_(files), count_max_(count_max), idle_bytes_max_(idle_index_bytes_max) {}

  // Error(kNotFound) once the segment's name may be another file's.
  awaitable<std::shared_ptr<File>> open(std::shared_ptr<Segment> segment);
  // `file` is the segment's, opened elsewhere.
  void opened(const std::shared_ptr<Segment>& segment, std::shared_ptr<File> file);
  void close(Segment& segment);

 private:
  void keep_index(const std::shared_ptr<Segment>& segment);
  void forget(std::list<IdleIndex>::iterator idle);

  Pool& pool_;
  Files& files_;
  size_t count_max_;
  size_t idle_bytes_max_;
  std::list<std::weak_ptr<Segment>> used_;  // least recently first
  std::list<IdleIndex> idle_;               // likewise
  size_t idle_bytes_ = 0;
};

}  // namespace headrace
