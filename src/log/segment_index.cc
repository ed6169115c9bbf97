#include "log/segment_index.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

namespace headrace {
namespace {

constexpr std::string_view kMagic = "HRINDEX1";
constexpr size_t kEntryBytes = 16;
constexpr size_t kHeaderBytes = 8 + 8 + 8 + 8 + 4 + 8 + 4;

}  // namespace

void SegmentIndex::add(Offset base, uint64_t bytes, Offset end, int64_t max_timestamp_ms) {
  check(base == covered_.offset, "batches are indexed in order, without gaps");
  const int64_t delta = base - base_;
  // A delta that does not fit is not indexed: the search then starts further ahead.
  const bool due = entries_.empty() || covered_.position >= entries_.back().position + kIndexIntervalBytes;
  if (due && delta <= UINT32_MAX && covered_.position <= UINT32_MAX) {
    entries_.push_back({static_cast<uint32_t>(covered_.position), static_cast<uint32_t>(delta), max_timestamp_ms_});
  }
  covered_.position += bytes;
  covered_.offset = end;
  max_timestamp_ms_ = std::max(max_timestamp_ms_, max_timestamp_ms);
}

SegmentIndex::Place SegmentIndex::find(Offset offset) const {
  const int64_t delta = offset - base_;
  const auto after = std::ranges::upper_bound(entries_, delta, {}, &Entry::offset_delta);
  return after == entries_.begin() ? Place{0, base_} : place(*std::prev(after));
}

SegmentIndex::Place SegmentIndex::find_time(int64_t timestamp_ms) const {
  const auto after = std::ranges::lower_bound(entries_, timestamp_ms, {}, &Entry::max_timestamp_ms);
  return after == entries_.begin() ? Place{0, base_} : place(*std::prev(after));
}

std::string SegmentIndex::encode(uint32_t digest) const {
  std::string bytes;
  bytes.reserve(kHeaderBytes + entries_.size() * kEntryBytes + 4);
  Writer writer(bytes);
  writer.bytes(kMagic);
  writer.big_endian(base_.value);
  writer.big_endian(covered_.position);
  writer.big_endian(covered_.offset.value);
  writer.big_endian(digest);
  writer.big_endian(max_timestamp_ms_);
  writer.big_endian(static_cast<uint32_t>(entries_.size()));
  for (const Entry& entry : entries_) {
    writer.big_endian(entry.position);
    writer.big_endian(entry.offset_delta);
    writer.big_endian(entry.max_timestamp_ms);
  }
  writer.big_endian(crc32c(bytes));
  return bytes;
}

std::optional<SegmentIndex> SegmentIndex::decode(std::string_view bytes, Offset base, const SegmentPoint& end) {
  if (bytes.size() < kHeaderBytes + 4 || (bytes.size() - kHeaderBytes - 4) % kEntryBytes != 0) return std::nullopt;
  const std::string_view covered = bytes.substr(0, bytes.size() - 4);
  if (load_big_endian<uint32_t>(bytes.data() + covered.size()) != crc32c(covered)) return std::nullopt;
  Reader reader(covered);
  if (reader.bytes(kMagic.size()) != kMagic) return std::nullopt;
  SegmentIndex index(base);
  if (reader.big_endian<int64_t>() != base.value) return std::nullopt;
  index.covered_.position = reader.big_endian<uint64_t>();
  index.covered_.offset = {reader.big_endian<int64_t>()};
  index.covered_.digest = reader.big_endian<uint32_t>();
  if (index.covered_ != end) return std::nullopt;
  index.max_timestamp_ms_ = reader.big_endian<int64_t>();
  if (reader.big_endian<uint32_t>() != reader.remaining() / kEntryBytes) return std::nullopt;
  index.entries_.resize(reader.remaining() / kEntryBytes);
  const Entry* previous = nullptr;
  for (Entry& entry : index.entries_) {
    entry.position = reader.big_endian<uint32_t>();
    entry.offset_delta = reader.big_endian<uint32_t>();
    entry.max_timestamp_ms = reader.big_endian<int64_t>();
    const bool ordered =
        previous == nullptr || (previous->position < entry.position && previous->offset_delta < entry.offset_delta &&
                                previous->max_timestamp_ms <= entry.max_timestamp_ms);
    if (!ordered || entry.position >= end.position) return std::nullopt;
    previous = &entry;
  }
  return index;
}

}  // namespace headrace
