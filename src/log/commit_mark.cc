#include "log/commit_mark.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace headrace {
namespace {

constexpr size_t kSectorBytes = 512;
constexpr size_t kCopies = 2;
// A reader that knows only batches sees a length of zero here, the end of the batches.
constexpr size_t kLeadingZeros = 16;
constexpr std::string_view kMagic = "HRCOMMIT";
constexpr uint32_t kCompactedFlag = 1;
constexpr uint32_t kCleanedFlag = 2;
constexpr size_t kMarkBytes = kLeadingZeros + 8 + 8 + 8 + 2 * (8 + 8 + 4) + 8 + 4 + 4;

uint64_t mix(uint64_t value) {  // the finalizer of splitmix64
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

void put_point(Writer& writer, const SegmentPoint& point) {
  writer.big_endian(point.position);
  writer.big_endian(point.offset.value);
  writer.big_endian(point.digest);
}

SegmentPoint get_point(Reader& reader) {
  SegmentPoint point;
  point.position = reader.big_endian<uint64_t>();
  point.offset = {reader.big_endian<int64_t>()};
  point.digest = reader.big_endian<uint32_t>();
  return point;
}

std::optional<CommitMark> decode_mark(std::string_view sector, uint64_t capacity, uint64_t identity) {
  const std::string_view covered = sector.substr(0, kMarkBytes - 4);
  Reader reader(sector);
  reader.bytes(kLeadingZeros);
  if (reader.bytes(kMagic.size()) != kMagic) return std::nullopt;
  if (reader.big_endian<uint64_t>() != identity) return std::nullopt;
  CommitMark mark;
  mark.number = reader.big_endian<uint64_t>();
  mark.start = get_point(reader);
  mark.end = get_point(reader);
  mark.max_timestamp_ms = reader.big_endian<int64_t>();
  const auto flags = reader.big_endian<uint32_t>();
  mark.compacted = (flags & kCompactedFlag) != 0;
  mark.cleaned = (flags & kCleanedFlag) != 0;
  if (reader.big_endian<uint32_t>() != crc32c(covered)) return std::nullopt;
  if (mark.start.position > mark.end.position || mark.end.position > capacity) return std::nullopt;
  if (mark.start.offset > mark.end.offset || mark.start.offset < Offset{0}) return std::nullopt;
  return mark;
}

}  // namespace

uint64_t SegmentIdentity::hash() const {
  uint64_t hash = mix(topic_high + 0x9e3779b97f4a7c15);
  hash = mix(hash ^ topic_low);
  hash = mix(hash ^ static_cast<uint64_t>(partition));
  return mix(hash ^ static_cast<uint64_t>(base.value));
}

std::string encode_mark(const CommitMark& mark, uint64_t identity) {
  std::string sector;
  sector.reserve(kCopies * kSectorBytes);
  sector.resize(kLeadingZeros);
  Writer writer(sector);
  writer.bytes(kMagic);
  writer.big_endian(identity);
  writer.big_endian(mark.number);
  put_point(writer, mark.start);
  put_point(writer, mark.end);
  writer.big_endian(mark.max_timestamp_ms);
  writer.big_endian((mark.compacted ? kCompactedFlag : 0) | (mark.cleaned ? kCleanedFlag : 0));
  writer.big_endian(crc32c(sector));
  sector.resize(kSectorBytes);
  sector.append(sector, 0, kSectorBytes);
  return sector;
}

uint64_t mark_position(uint64_t capacity, uint64_t number) {
  return capacity + number % 2 * kMarkPageBytes;
}

std::vector<CommitMark> read_marks(File& file, uint64_t capacity, uint64_t identity) {
  std::array<char, kMarkAreaBytes> area{};
  file.read_at(capacity, area.data(), area.size());
  std::vector<CommitMark> marks;
  for (const uint64_t page : {uint64_t{0}, kMarkPageBytes}) {
    for (size_t copy = 0; copy < kCopies; ++copy) {
      const std::string_view sector(area.data() + page + copy * kSectorBytes, kSectorBytes);
      if (const auto mark = decode_mark(sector, capacity, identity)) {
        // In a torn write one copy may be the older mark of this page; the newer one counts.
        marks.push_back(*mark);
      }
    }
  }
  std::ranges::sort(marks, std::greater{}, &CommitMark::number);
  const auto repeated = std::ranges::unique(marks, {}, &CommitMark::number);
  marks.erase(repeated.begin(), repeated.end());
  if (marks.size() > 2) marks.resize(2);
  return marks;
}

}  // namespace headrace
