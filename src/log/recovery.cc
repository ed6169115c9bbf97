#include "log/recovery.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/trace.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr std::string_view kSwapSuffix = ".swap";
const std::string kStartName = "start";
constexpr size_t kStartBytes = sizeof(int64_t) + sizeof(uint32_t);

// The range in the name of a swap file.
std::optional<std::pair<Offset, Offset>> parse_swap_name(std::string_view name) {
  constexpr size_t kDigits = 20;
  if (!name.ends_with(kSwapSuffix) || name.size() != 2 * kDigits + 1 + kSwapSuffix.size() || name[kDigits] != '-') {
    return std::nullopt;
  }
  const auto base = parse_segment_name(std::string(name.substr(0, kDigits)) + ".log");
  const auto end = parse_segment_name(std::string(name.substr(kDigits + 1, kDigits)) + ".log");
  if (!base || !end || *end <= *base) return std::nullopt;
  return std::pair(*base, *end);
}

std::vector<Offset> list_segments(Files& files, const std::string& folder) {
  for (const std::string& name : files.list(folder)) {
    if (const auto swap = parse_swap_name(name)) finish_swap(files, folder, swap->first, swap->second);
    if (name.ends_with(".compacted") || name.ends_with(".new")) files.remove(folder + "/" + name);
  }
  std::vector<Offset> bases;
  for (const std::string& name : files.list(folder)) {
    if (const auto base = parse_segment_name(name)) bases.push_back(*base);
  }
  std::ranges::sort(bases);
  return bases;
}

// A start that is damaged brings deleted records back; it never loses one.
Offset load_start(Files& files, const std::string& folder) {
  const std::string path = folder + "/" + kStartName;
  const auto bytes = read_file(files, path, kStartBytes);
  if (!bytes) return {};
  if (bytes->size() == kStartBytes &&
      crc32c(std::string_view(*bytes).substr(0, 8)) == load_big_endian<uint32_t>(bytes->data() + 8))
    return {load_big_endian<int64_t>(bytes->data())};
  trace::warn("{} is damaged: records that were deleted are there again", path);
  return {};
}

[[noreturn]] void lost(const std::string& folder, const PartitionCheckpoint& known, std::string_view what) {
  throw Error(Code::kCorrupt,
              fmt::format("partition folder {}: {}, but the checkpoint says that offsets up to {} were acknowledged. "
                          "Restore the folder from a backup; or, to accept the loss, move the file `checkpoint` away",
                          folder, what, known.end.offset.value));
}

}  // namespace

void store_start(Files& files, const std::string& folder, Offset start) {
  std::string bytes;
  Writer writer(bytes);
  writer.big_endian(start.value);
  writer.big_endian(crc32c(bytes));
  replace_file(files, folder, kStartName, bytes, true);
}

std::string compacted_name(Offset base, Offset end) {
  return fmt::format("{:020}-{:020}.compacted", base.value, end.value);
}
std::string swap_name(Offset base, Offset end) {
  return fmt::format("{:020}-{:020}.swap", base.value, end.value);
}

void finish_swap(Files& files, const std::string& folder, Offset base, Offset end) {
  // The names must change in this order on the disk too; the swap file is what a restart goes on from, so it comes
  // first.
  files.sync_directory(folder);
  for (const std::string& name : files.list(folder)) {
    const auto replaced = parse_segment_name(name);
    if (!replaced || *replaced < base || *replaced >= end) continue;
    files.remove(folder + "/" + name);
    const std::string index = folder + "/" + index_name(*replaced);
    if (files.exists(index)) files.remove(index);
  }
  files.sync_directory(folder);
  files.rename(folder + "/" + swap_name(base, end), folder + "/" + segment_name(base));
  files.sync_directory(folder);
}

RecoveredPartition recover_partition(Files& files, const std::string& folder, const TopicId& topic,
                                     PartitionId partition, const PartitionCheckpoint* known, size_t producers_max) {
  RecoveredPartition result(producers_max);
  if (!files.exists(folder)) {
    if (known != nullptr) lost(folder, *known, "it is missing");
    return result;
  }
  result.bases = list_segments(files, folder);
  if (result.bases.empty()) {
    if (known != nullptr) lost(folder, *known, "it has no segment");
    return result;
  }
  result.start = load_start(files, folder);
  if (known != nullptr) {
    Reader reader(known->producers);
    result.producers.decode(reader);
  }

  // After a kill (or a sync that failed before it) the names may be in memory only, and what is accepted here is
  // served. A segment that had something at the checkpoint had its name durably, and is replaced by no other.
  result.is_new = known == nullptr;
  const bool is_known = known != nullptr && known->segment_base == result.bases.back() && known->end.position > 0;
  if (!is_known) files.sync_directory(folder);

  // Before the checkpoint's segment nothing is read. If retention has removed that segment, all that is left is newer.
  const std::vector<Offset>& bases = result.bases;
  size_t first = 0;
  if (known != nullptr) {
    const auto after = std::ranges::upper_bound(bases, known->end.offset);
    if (after != bases.begin()) first = static_cast<size_t>(after - bases.begin()) - 1;
  }
  const Offset replayed_from = known == nullptr ? Offset{0} : known->end.offset;
  const BatchVisitor visit = [&](const BatchHeader& header, uint64_t, std::string_view) {
    result.bytes_checked += header.bytes();
    if (header.producer_id == kNoProducer || header.base < replayed_from) return;
    result.producers.appended(header);
    result.producers.durable(header);
  };
  for (size_t i = first; i < bases.size(); ++i) {
    const Offset base = bases[i];
    const std::string path = folder + "/" + segment_name(base);
    const auto file = files.open(path, Files::Mode::kWrite);
    const uint64_t identity = SegmentIdentity{topic.high, topic.low, partition, base}.hash();
    SegmentPoint from{.offset = base};
    if (known != nullptr && known->segment_base == base) from = known->end;
    if (i + 1 == bases.size()) {
      result.last = recover_last_segment(*file, path, identity, base, from, visit);
      break;
    }
    const SegmentTail tail = read_sealed_tail(*file, path, identity, base, bases[i + 1]);
    // The bytes that compaction wrote are not those of the checkpoint. They were synced before they replaced anything.
    if (tail.compacted && tail.end.offset <= replayed_from) continue;
    if (tail.compacted) from = {.position = 0, .offset = base, .digest = 0};
    const SegmentPoint end = scan_segment(*file, path, from, tail.end.position, visit);
    if (end != tail.end) {
      throw Error(Code::kCorrupt, fmt::format("segment {} has other bytes than its commit mark says, before byte {}. "
                                              "They had been acknowledged. Restore the file from a backup",
                                              path, tail.end.position));
    }
  }
  if (known != nullptr && result.last.end.offset < known->end.offset) {
    lost(folder, *known, fmt::format("its last segment ends at offset {}", result.last.end.offset.value));
  }
  return result;
}

}  // namespace headrace
