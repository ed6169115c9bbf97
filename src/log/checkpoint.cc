#include "log/checkpoint.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/trace.h"
#include "log/segment_file.h"

namespace headrace {
namespace {

constexpr std::string_view kMagic = "HRCHECK1";
constexpr std::string_view kName = "checkpoint";
constexpr size_t kCheckpointBytesMax = size_t{1} << 30;

}  // namespace

const PartitionCheckpoint* Checkpoint::find(const TopicId& topic, PartitionId partition) const {
  const auto found = partitions.find(key(topic, partition));
  return found == partitions.end() ? nullptr : &found->second;
}

std::string Checkpoint::encode() const {
  std::string bytes;
  Writer writer(bytes);
  writer.bytes(kMagic);
  writer.big_endian(static_cast<uint32_t>(partitions.size()));
  for (const auto& [key, partition] : partitions) {
    writer.big_endian(key.first.first);
    writer.big_endian(key.first.second);
    writer.big_endian(key.second);
    writer.big_endian(partition.segment_base.value);
    writer.big_endian(partition.end.position);
    writer.big_endian(partition.end.offset.value);
    writer.big_endian(partition.end.digest);
    writer.big_endian(static_cast<uint32_t>(partition.producers.size()));
    writer.bytes(partition.producers);
  }
  writer.big_endian(crc32c(bytes));
  return bytes;
}

std::optional<Checkpoint> Checkpoint::decode(std::string_view bytes) {
  if (bytes.size() < kMagic.size() + 8) return std::nullopt;
  const std::string_view covered = bytes.substr(0, bytes.size() - 4);
  if (crc32c(covered) != load_big_endian<uint32_t>(bytes.data() + covered.size())) return std::nullopt;
  try {
    Reader reader(covered);
    if (reader.bytes(kMagic.size()) != kMagic) return std::nullopt;
    Checkpoint checkpoint;
    const auto count = reader.big_endian<uint32_t>();
    for (uint32_t i = 0; i < count; ++i) {
      TopicId topic;
      topic.high = reader.big_endian<uint64_t>();
      topic.low = reader.big_endian<uint64_t>();
      const auto number = reader.big_endian<PartitionId>();
      PartitionCheckpoint partition;
      partition.segment_base = {reader.big_endian<int64_t>()};
      partition.end.position = reader.big_endian<uint64_t>();
      partition.end.offset = {reader.big_endian<int64_t>()};
      partition.end.digest = reader.big_endian<uint32_t>();
      partition.producers = reader.bytes(reader.big_endian<uint32_t>());
      if (partition.segment_base < Offset{0} || partition.end.offset < partition.segment_base) return std::nullopt;
      checkpoint.partitions.emplace(key(topic, number), std::move(partition));
    }
    if (!reader.empty()) return std::nullopt;
    return checkpoint;
  } catch (const Error&) {
    return std::nullopt;
  }
}

Checkpoint Checkpoint::load(Files& files, const std::string& folder) {
  const std::string path = folder + "/" + std::string(kName);
  const auto bytes = read_file(files, path, kCheckpointBytesMax);
  if (!bytes) return {};
  if (auto checkpoint = decode(*bytes)) return std::move(*checkpoint);
  trace::warn("checkpoint {} is damaged; all segments are checked instead", path);
  return {};
}

void Checkpoint::store(Files& files, const std::string& folder, std::string_view encoded) {
  replace_file(files, folder, std::string(kName), encoded, true);
}

}  // namespace headrace
