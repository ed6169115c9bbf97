#include "log/compaction.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/error.h"

namespace headrace {
namespace {

constexpr size_t kWriteBytes = size_t{1} << 20;
constexpr size_t kKeyOverhead = 80;  // of a key in the map, roughly

// A segment file that is written from start to end, with one commit mark for all of it.
class SegmentWriter {
 public:
  SegmentWriter(File& file, Offset base) : file_(file), base_(base) { end_.offset = base; }

  void add(std::string_view batch, Offset end) {
    buffer_ += batch;
    end_.digest = crc32c(batch, end_.digest);
    end_.position += batch.size();
    end_.offset = end;
    if (buffer_.size() >= kWriteBytes) flush();
  }

  SegmentTail finish(uint64_t identity, int64_t max_timestamp_ms, bool cleaned) {
    const uint64_t capacity = (end_.position + kMarkPageBytes - 1) / kMarkPageBytes * kMarkPageBytes;
    // Zeros up to the capacity, and the area of the marks.
    buffer_.resize(buffer_.size() + (capacity - end_.position) + kMarkAreaBytes);
    flush();
    const CommitMark mark{.number = 1,
                          .start = {.position = 0, .offset = base_, .digest = 0},
                          .end = end_,
                          .max_timestamp_ms = max_timestamp_ms,
                          .compacted = true,
                          .cleaned = cleaned};
    file_.write_at(mark_position(capacity, mark.number), encode_mark(mark, identity));
    file_.sync();
    return {.capacity = capacity,
            .end = end_,
            .commits = mark.number,
            .max_timestamp_ms = max_timestamp_ms,
            .compacted = true,
            .cleaned = cleaned};
  }

 private:
  void flush() {
    file_.write_at(written_, buffer_);
    written_ += buffer_.size();
    buffer_.clear();
  }

  File& file_;
  Offset base_;
  SegmentPoint end_;
  uint64_t written_ = 0;
  std::string buffer_;
};

class Filter {
 public:
  Filter(const CompactionRules& rules, SegmentWriter& writer, Offset base)
      : rules_(rules), writer_(writer), at_(base) {}

  bool changed() const { return changed_; }
  int64_t max_timestamp_ms() const { return max_timestamp_ms_; }

  void add(const BatchHeader& header, std::string_view batch) {
    const int32_t kept = select(header, batch);
    if (kept == 0 && !is_last_of_producer(header)) {
      if (header.producer_id != kNoProducer) changed_ = true;
      return;  // its offsets join the gap
    }
    fill_gap(header.base);
    if (kept == header.records) {
      writer_.add(batch, header.end());
    } else {
      writer_.add(with_records(batch, header, records_, kept), header.end());
    }
    at_ = header.end();
    max_timestamp_ms_ = std::max(max_timestamp_ms_, header.max_timestamp_ms);
  }

  // Gives the offsets up to `end` to batches without records.
  void fill_gap(Offset end) {
    while (at_ < end) {
      const Offset to = std::min(end, at_ + INT32_MAX);
      writer_.add(empty_batch(at_, to), to);
      at_ = to;
    }
  }

 private:
  bool stays(const Record& record) const {
    if (!record.key) return true;
    if (rules_.newest.is_superseded(*record.key, record.offset)) return false;
    const bool tombstone = !record.value;
    return !tombstone || record.timestamp_ms >= rules_.tombstones.older_than_ms ||
           record.offset >= rules_.tombstones.below;
  }

  bool is_last_of_producer(const BatchHeader& header) const {
    const auto found = rules_.last_batches.find(header.producer_id);
    return found != rules_.last_batches.end() && found->second == header.base;
  }

  // How many records stay; unless it is all of them, they are in `records_`.
  int32_t select(const BatchHeader& header, std::string_view batch) {
    if (header.control || header.records == 0) return header.records;
    records_.clear();
    int32_t kept = 0;
    try {
      RecordReader reader(batch, scratch_);
      Record record;
      while (reader.next(record)) {
        if (!stays(record)) continue;
        records_ += reader.encoded();
        ++kept;
      }
    } catch (const Error&) {
      return header.records;  // what a producer garbled is kept as it is
    }
    if (kept < header.records) changed_ = true;
    return kept;
  }

  const CompactionRules& rules_;
  SegmentWriter& writer_;
  Offset at_;
  bool changed_ = false;
  int64_t max_timestamp_ms_ = INT64_MIN;
  std::string records_;
  std::string scratch_;
};

void check_stop(const std::atomic<bool>& stop) {
  if (stop) throw Error(Code::kUnavailable, "the log is being closed");
}

// Notes the keys of the records from `from` on. Returns the first one for which there is no room, if there is one.
std::optional<Offset> note_batch(std::string_view batch, Offset from, KeyOffsets& keys, std::string& scratch) {
  try {
    RecordReader reader(batch, scratch);
    Record record;
    while (reader.next(record)) {
      if (record.key && record.offset >= from && !keys.note(*record.key, record.offset)) return record.offset;
    }
  } catch (const Error&) {
    return std::nullopt;  // what a producer garbled is kept as it is, and counts as far as it can be read
  }
  return std::nullopt;
}

}  // namespace

bool KeyOffsets::note(std::string_view key, Offset offset) {
  if (const auto found = offsets_.find(key); found != offsets_.end()) {
    found->second = std::max(found->second, offset);
    return true;
  }
  const size_t bytes = key.size() + kKeyOverhead;
  if (bytes_ + bytes > bytes_max_ && !offsets_.empty()) return false;
  bytes_ += bytes;
  offsets_.emplace(key, offset);
  return true;
}

bool KeyOffsets::is_superseded(std::string_view key, Offset offset) const {
  const auto found = offsets_.find(key);
  return found != offsets_.end() && found->second > offset;
}

Offset note_keys(Files& files, const SegmentSource& segment, Offset from, KeyOffsets& keys,
                 const std::atomic<bool>& stop) {
  const auto file = files.open(segment.path, Files::Mode::kRead);
  std::string scratch;
  Offset noted = segment.base;
  std::optional<Offset> full;
  scan_segment(*file, segment.path, {.position = 0, .offset = segment.base, .digest = 0}, segment.end.position,
               [&](const BatchHeader& header, uint64_t, std::string_view batch) {
                 check_stop(stop);
                 if (full) return;
                 if (header.end() > from && !header.control) full = note_batch(batch, from, keys, scratch);
                 noted = full.value_or(header.end());
               });
  return noted;
}

Compacted compact_segments(Files& files, const std::vector<SegmentSource>& sources, const CompactionRules& rules,
                           const std::string& path, uint64_t identity) {
  check(!sources.empty(), "there is something to compact");
  Compacted result;
  make_file(files, path, [&](File& made) {
    SegmentWriter writer(made, sources.front().base);
    Filter filter(rules, writer, sources.front().base);
    for (const SegmentSource& source : sources) {
      const auto file = files.open(source.path, Files::Mode::kRead);
      scan_segment(*file, source.path, {.position = 0, .offset = source.base, .digest = 0}, source.end.position,
                   [&](const BatchHeader& header, uint64_t, std::string_view batch) {
                     check_stop(rules.stop);
                     filter.add(header, batch);
                   });
    }
    filter.fill_gap(sources.back().end.offset);
    result.changed = filter.changed() || sources.size() > 1;
    if (result.changed) result.tail = writer.finish(identity, filter.max_timestamp_ms(), rules.cleaned);
  });
  if (!result.changed) files.remove(path);
  return result;
}

}  // namespace headrace
