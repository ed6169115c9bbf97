#include "log/segment_file.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/trace.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr size_t kScanBytes = size_t{1} << 20;
constexpr size_t kEndZeros = 64;  // more than a batch's length field, so that a reader sees the end
constexpr size_t kNameDigits = 20;
constexpr std::string_view kSegmentSuffix = ".log";
constexpr size_t kIndexBytesMax = size_t{64} << 20;

[[noreturn]] void damaged(const std::string& path, uint64_t position, Offset offset, std::string_view why) {
  throw Error(
      Code::kCorrupt,
      fmt::format("segment {} is damaged at byte {} (offset {}): {}. These bytes had been acknowledged, so they are "
                  "not cut. Restore the file from a backup; or, to accept the loss of everything from that offset on, "
                  "move this file, the later ones of its folder and the file `checkpoint` away",
                  path, position, offset.value, why),
      Where{.position = static_cast<int64_t>(position)});
}

// Reads a file in large pieces, and whole batches from them.
class BatchStream {
 public:
  BatchStream(File& file, const std::string& path, uint64_t position, uint64_t end)
      : file_(file), path_(path), position_(position), end_(end) {}

  uint64_t position() const { return position_; }

  // The next batch, which must start at `expected`, checked.
  std::string_view next(Offset expected, BatchHeader& header) {
    try {
      header = read_batch_header(peek(kBatchHeaderBytes));
      if (header.bytes() > end_ - position_) throw Error(Code::kCorrupt, "a batch goes beyond the end of its commit");
      const std::string_view batch = peek(header.bytes()).substr(0, header.bytes());
      verify_batch(batch);
      if (header.base != expected) {
        throw Error(Code::kCorrupt, fmt::format("a batch has the base offset {}, and the one before it ended at {}",
                                                header.base.value, expected.value));
      }
      if (header.leader_epoch != 0) throw Error(Code::kCorrupt, "a batch has a leader epoch");
      used_ += header.bytes();
      position_ += header.bytes();
      return batch;
    } catch (const Error& error) {
      if (error.code() != Code::kCorrupt) throw;
      damaged(path_, position_, expected, error.message());
    }
  }

 private:
  // At least `size` of the bytes that come next, or fewer at the end.
  std::string_view peek(size_t size) {
    if (buffer_.size() - used_ < size) {
      buffer_.erase(0, used_);
      used_ = 0;
      const size_t had = buffer_.size();
      const uint64_t left = end_ - position_ - had;
      const size_t wanted = std::min<uint64_t>(left, std::max(kScanBytes, size - had));
      buffer_.resize_and_overwrite(
          had + wanted, [&](char* to, size_t) { return had + file_.read_at(position_ + had, to + had, wanted); });
    }
    return std::string_view(buffer_).substr(used_);
  }

  File& file_;
  const std::string& path_;
  uint64_t position_;
  const uint64_t end_;
  std::string buffer_;
  size_t used_ = 0;
};

void sync_mark(File& file, uint64_t capacity, uint64_t identity, const CommitMark& mark) {
  file.write_at(mark_position(capacity, mark.number), encode_mark(mark, identity));
  file.sync();
}

// Makes the newest commit durable. It may be in the page cache only: because the process was killed before the sync,
// or, worse, because a sync failed, in which case the kernel believes that the pages are clean. So they are written
// again. Only the newest commit can be in that state; the ones before it were synced before it began.
void write_again(File& file, uint64_t capacity, uint64_t identity, const CommitMark& mark) {
  std::string buffer;
  for (uint64_t at = mark.start.position; at < mark.end.position; at += buffer.size()) {
    buffer.resize(std::min<uint64_t>(kScanBytes, mark.end.position - at));
    check(file.read_at(at, buffer.data(), buffer.size()) == buffer.size(), "what was just checked can be read");
    file.write_at(at, buffer);
  }
  sync_mark(file, capacity, identity, mark);
}

// Whether the bytes of the newest commit are all there; its batches go to `batches`.
struct KeptBatch {
  BatchHeader header;
  uint64_t position;
};
bool is_whole(File& file, const std::string& path, const CommitMark& mark, std::vector<KeptBatch>& batches,
              std::string& why) {
  try {
    const SegmentPoint end = scan_segment(
        file, path, mark.start, mark.end.position,
        [&](const BatchHeader& header, uint64_t position, std::string_view) { batches.push_back({header, position}); });
    if (end == mark.end) return true;
    why = "the digest differs";
  } catch (const Error& error) {
    if (error.code() != Code::kCorrupt) throw;
    why = error.message();
  }
  return false;
}

}  // namespace

std::string segment_name(Offset base) {
  return fmt::format("{:020}.log", base.value);
}
std::string index_name(Offset base) {
  return fmt::format("{:020}.index", base.value);
}

std::optional<Offset> parse_segment_name(std::string_view name) {
  if (name.size() != kNameDigits + kSegmentSuffix.size() || !name.ends_with(kSegmentSuffix)) return std::nullopt;
  int64_t value = 0;
  for (const char digit : name.substr(0, kNameDigits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit - '0', &value)) {
      return std::nullopt;
    }
  }
  return Offset{value};
}

void make_file(Files& files, const std::string& path, const std::function<void(File&)>& fill) {
  if (files.exists(path)) files.remove(path);
  try {
    fill(*files.open(path, Files::Mode::kCreateNew));
  } catch (...) {
    discard_file(files, path);
    throw;
  }
}

void discard_file(Files& files, const std::string& path) noexcept {
  try {
    if (files.exists(path)) files.remove(path);
  } catch (const Error& error) {
    trace::warn("{} is of no use and cannot be removed: {}", path, error.message());
  }
}

void make_segment_file(Files& files, const std::string& path, uint64_t capacity, Room room) {
  make_file(files, path, [&](File& file) {
    if (room == Room::kWritten) {
      file.preallocate(capacity + kMarkAreaBytes);
    } else {
      file.reserve(capacity + kMarkAreaBytes);
    }
    file.sync();
  });
}

uint64_t segment_capacity(uint64_t file_size) {
  return file_size < kMarkAreaBytes ? 0 : file_size - kMarkAreaBytes;
}

void write_commit(File& file, uint64_t capacity, uint64_t identity, std::vector<std::string_view> pieces,
                  const CommitMark& mark) {
  check(mark.end.position <= capacity, "a commit fits in its segment");
  static constexpr char kZeros[kEndZeros] = {};
  pieces.emplace_back(kZeros, std::min<uint64_t>(kEndZeros, capacity - mark.end.position));
  file.write_pieces_at(mark.start.position, pieces);
  file.write_at(mark_position(capacity, mark.number), encode_mark(mark, identity));
}

SegmentPoint scan_segment(File& file, const std::string& path, const SegmentPoint& from, uint64_t to,
                          const BatchVisitor& visit) {
  SegmentPoint at = from;
  BatchStream stream(file, path, from.position, to);
  BatchHeader header;
  while (at.position < to) {
    const std::string_view batch = stream.next(at.offset, header);
    if (visit) visit(header, at.position, batch);
    at.digest = crc32c(batch, at.digest);
    at.position = stream.position();
    at.offset = header.end();
  }
  return at;
}

SegmentTail read_sealed_tail(File& file, const std::string& path, uint64_t identity, Offset base, Offset next) {
  SegmentTail tail;
  tail.capacity = segment_capacity(file.size());
  const std::vector<CommitMark> marks = read_marks(file, tail.capacity, identity);
  for (const CommitMark& mark : marks) {
    // A commit whose sync failed is followed by a new segment that starts where the failed commit did.
    if (mark.end.offset != next && mark.start.offset != next) continue;
    tail.end = mark.end.offset == next ? mark.end : mark.start;
    tail.commits = mark.number;
    tail.max_timestamp_ms = mark.max_timestamp_ms;
    tail.compacted = mark.compacted;
    tail.cleaned = mark.cleaned;
    return tail;
  }
  if (marks.empty()) damaged(path, 0, base, "its commit marks are gone");
  damaged(path, marks[0].end.position, marks[0].end.offset,
          fmt::format("it ends there, and the next segment begins at offset {}", next.value));
}

SegmentTail recover_last_segment(File& file, const std::string& path, uint64_t identity, Offset base,
                                 const SegmentPoint& known, const BatchVisitor& visit) {
  SegmentTail tail;
  tail.capacity = segment_capacity(file.size());
  tail.end.offset = base;
  const std::vector<CommitMark> marks = read_marks(file, tail.capacity, identity);
  if (marks.empty()) {
    if (known.position > 0) damaged(path, known.position, known.offset, "its commit marks are gone");
    return tail;
  }
  CommitMark mark = marks[0];
  tail.compacted = mark.compacted;
  tail.cleaned = mark.cleaned;
  tail.commits = mark.number;
  tail.max_timestamp_ms = mark.max_timestamp_ms;
  tail.end = mark.end;
  if (known == mark.end) return tail;
  if (known.position > mark.start.position) {
    damaged(path, known.position, known.offset, "its newest commit mark contradicts the checkpoint");
  }

  const SegmentPoint start = scan_segment(file, path, known, mark.start.position, visit);
  if (start != mark.start) damaged(path, start.position, start.offset, "its bytes differ from their commit mark");
  std::vector<KeptBatch> batches;
  std::string why;
  if (is_whole(file, path, mark, batches, why)) {
    write_again(file, tail.capacity, identity, mark);
    for (const KeptBatch& batch : batches) {
      if (visit) visit(batch.header, batch.position, {});
    }
    return tail;
  }
  trace::warn("segment {}: cut a commit that was interrupted before it was acknowledged, {} bytes at {}", path,
              mark.end.position - mark.start.position, mark.start.position);
  mark.end = mark.start;
  ++mark.number;
  sync_mark(file, tail.capacity, identity, mark);
  tail.commits = mark.number;
  tail.end = mark.end;
  return tail;
}

BatchHeader read_first_header(Files& files, const std::string& path) {
  std::array<char, kBatchHeaderBytes> bytes;
  const size_t size = files.open(path, Files::Mode::kRead)->read_at(0, bytes.data(), bytes.size());
  return read_batch_header({bytes.data(), size});
}

ReadBatches read_batches(File& file, const std::string& path, SegmentIndex::Place place, const SegmentPoint& end,
                         Offset from, size_t bytes_max) {
  // Skips what stands between the index entry and the batch, then reads all that is wanted at once.
  ReadBatches result;
  SegmentPoint at{.position = place.position, .offset = place.offset};
  const size_t slack = 2 * kIndexIntervalBytes;
  size_t wanted = std::min<uint64_t>(end.position - at.position, bytes_max + slack);
  size_t had = 0;
  size_t begin = 0;
  size_t used = 0;
  for (;;) {
    result.buffer.resize_and_overwrite(
        wanted, [&](char* to, size_t) { return had + file.read_at(place.position + had, to + had, wanted - had); });
    if (result.buffer.size() < wanted)
      damaged(path, place.position + result.buffer.size(), at.offset, "it is too short");
    had = wanted;
    const std::string_view bytes(result.buffer);
    size_t needed = 0;
    while (used < bytes.size()) {
      if (used - begin >= bytes_max && used > begin) break;
      const std::string_view rest = bytes.substr(used);
      BatchHeader header;
      try {
        if (rest.size() < kBatchHeaderBytes && at.position + rest.size() < end.position) {
          needed = used + kBatchHeaderBytes;
          break;
        }
        header = read_batch_header(rest);
        if (header.bytes() > end.position - at.position) throw Error(Code::kCorrupt, "a batch goes beyond the end");
        if (header.bytes() > rest.size()) {
          needed = used + header.bytes();
          break;
        }
        verify_batch(rest);
        if (header.base != at.offset || header.leader_epoch != 0) {
          throw Error(Code::kCorrupt, fmt::format("a batch has the base offset {} and the leader epoch {}",
                                                  header.base.value, header.leader_epoch));
        }
      } catch (const Error& error) {
        damaged(path, at.position, at.offset, error.message());
      }
      used += header.bytes();
      at.position += header.bytes();
      at.offset = header.end();
      if (at.offset <= from) begin = used;
    }
    const bool found = used > begin;
    if (found || at.position >= end.position) {
      result.begin = begin;
      result.size = used - begin;
      return result;
    }
    wanted = std::min<uint64_t>(end.position - place.position, std::max(needed, wanted + slack));
  }
}

namespace {

// Nothing if `read` gave nothing.
template <typename Read>
std::optional<BatchPlace> find_batch_by(Read read, const std::string& path, SegmentIndex::Place place,
                                        const SegmentPoint& end, Offset from) {
  std::string window;
  uint64_t window_at = place.position;
  for (SegmentPoint at{.position = place.position, .offset = place.offset}; at.position < end.position;) {
    if (at.position + kBatchHeaderBytes > window_at + window.size()) {
      window_at = at.position;
      const size_t wanted = std::min<uint64_t>(2 * kIndexIntervalBytes, end.position - at.position);
      std::optional<size_t> got;
      window.resize_and_overwrite(wanted,
                                  [&](char* to, size_t n) { return (got = read(window_at, to, n)).value_or(0); });
      if (!got) return std::nullopt;
    }
    try {
      const BatchHeader header = read_batch_header(std::string_view(window).substr(at.position - window_at));
      if (header.base != at.offset) throw Error(Code::kCorrupt, "a batch has another offset");
      if (header.bytes() > end.position - at.position) throw Error(Code::kCorrupt, "a batch goes beyond the end");
      if (header.end() > from) return BatchPlace{at.position, header.bytes()};
      at.position += header.bytes();
      at.offset = header.end();
    } catch (const Error& error) {
      damaged(path, at.position, at.offset, error.message());
    }
  }
  throw Error(Code::kCorrupt, fmt::format("segment {} has no batch with offset {}", path, from.value));
}

}  // namespace

BatchPlace find_batch(File& file, const std::string& path, SegmentIndex::Place place, const SegmentPoint& end,
                      Offset from) {
  const auto read = [&](uint64_t position, char* to, size_t size) {
    return std::optional<size_t>(file.read_at(position, to, size));
  };
  return *find_batch_by(read, path, place, end, from);
}

std::optional<BatchPlace> try_find_batch(File& file, const std::string& path, SegmentIndex::Place place,
                                         const SegmentPoint& end, Offset from) {
  const auto read = [&](uint64_t position, char* to, size_t size) { return file.try_read_at(position, to, size); };
  return find_batch_by(read, path, place, end, from);
}

SegmentIndex load_index(Files& files, File& segment, const std::string& folder, Offset base, const SegmentPoint& end,
                        bool& rebuilt) {
  rebuilt = false;
  if (const auto bytes = read_file(files, folder + "/" + index_name(base), kIndexBytesMax)) {
    if (auto index = SegmentIndex::decode(*bytes, base, end)) return std::move(*index);
    trace::warn("index {}/{} is damaged or behind its segment; it is rebuilt", folder, index_name(base));
  }
  rebuilt = true;
  SegmentIndex index(base);
  extend_index(index, segment, folder + "/" + segment_name(base), end);
  return index;
}

void extend_index(SegmentIndex& index, File& segment, const std::string& path, const SegmentPoint& end) {
  scan_segment(segment, path, index.covered(), end.position,
               [&](const BatchHeader& header, uint64_t, std::string_view bytes) {
                 index.add(header.base, bytes.size(), header.end(), header.max_timestamp_ms);
               });
}

void write_index(Files& files, const std::string& folder, Offset base, const SegmentIndex& index, uint32_t digest) {
  replace_file(files, folder, index_name(base), index.encode(digest), false);
}

void replace_file(Files& files, const std::string& folder, const std::string& name, std::string_view bytes,
                  bool durable) {
  // Names of files have at most 255 bytes, and the longest topic's file has all of them.
  const std::string fresh = folder + "/" + name.substr(0, 250) + ".new";
  make_file(files, fresh, [&](File& file) {
    file.write_at(0, bytes);
    if (durable) file.sync();
  });
  files.rename(fresh, folder + "/" + name);
  if (durable) files.sync_directory(folder);
}

std::optional<std::string> read_file(Files& files, const std::string& path, size_t size_max) {
  if (!files.exists(path)) return std::nullopt;
  const auto file = files.open(path, Files::Mode::kRead);
  const uint64_t size = file->size();
  if (size > size_max) return std::nullopt;
  std::string bytes;
  bytes.resize_and_overwrite(size, [&](char* to, size_t n) { return file->read_at(0, to, n); });
  return bytes;
}

}  // namespace headrace
