#include "log/topic_file.h"

#include <algorithm>
#include <random>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/trace.h"
#include "fmt/format.h"
#include "log/segment_file.h"

namespace headrace {
namespace {

constexpr std::string_view kMagic = "HRTOPIC1";
constexpr std::string_view kSuffix = ".topic";
constexpr std::string_view kRemovedSuffix = ".gone";
constexpr std::string_view kFreshSuffix = ".new";
constexpr size_t kNameBytesMax = 249;
constexpr size_t kTopicFileBytesMax = 4096;
constexpr uint64_t kSegmentBytesMin = uint64_t{16} << 10;
constexpr uint64_t kSegmentBytesMax = uint64_t{1} << 30;

std::string encode(const TopicInfo& topic) {
  std::string bytes;
  Writer writer(bytes);
  writer.bytes(kMagic);
  writer.big_endian(topic.id.high);
  writer.big_endian(topic.id.low);
  writer.big_endian(topic.config.partitions);
  writer.big_endian(topic.config.retention_ms);
  writer.big_endian(topic.config.retention_bytes);
  writer.big_endian(topic.config.segment_bytes);
  writer.byte(topic.config.compact ? 1 : 0);
  writer.big_endian(topic.config.delete_retention_ms);
  writer.big_endian(static_cast<uint16_t>(topic.name.size()));
  writer.bytes(topic.name);
  writer.big_endian(crc32c(bytes));
  return bytes;
}

TopicInfo decode(std::string_view bytes) {
  Reader reader(bytes);
  TopicInfo topic;
  if (reader.bytes(kMagic.size()) != kMagic) reader.fail("it is not a topic file");
  topic.id.high = reader.big_endian<uint64_t>();
  topic.id.low = reader.big_endian<uint64_t>();
  topic.config.partitions = reader.big_endian<PartitionId>();
  topic.config.retention_ms = reader.big_endian<int64_t>();
  topic.config.retention_bytes = reader.big_endian<int64_t>();
  topic.config.segment_bytes = reader.big_endian<uint64_t>();
  topic.config.compact = reader.byte() != 0;
  topic.config.delete_retention_ms = reader.big_endian<int64_t>();
  topic.name = reader.bytes(reader.big_endian<uint16_t>());
  const uint32_t crc = crc32c(bytes.substr(0, reader.position()));
  if (reader.big_endian<uint32_t>() != crc || !reader.empty()) reader.fail("its checksum is wrong");
  check_topic_name(topic.name);
  check_topic_config(topic.config);
  return topic;
}

}  // namespace

TopicId make_topic_id() {
  std::random_device random;
  const auto word = [&random] { return static_cast<uint64_t>(random()) << 32 | random(); };
  return {word(), word()};
}

void check_topic_name(std::string_view name) {
  const auto invalid = [name](std::string_view why) {
    throw Error(Code::kInvalid, fmt::format("the topic name \"{}\" {}", name.substr(0, kNameBytesMax), why));
  };
  if (name.empty()) invalid("is empty; it needs at least one letter");
  if (name.size() > kNameBytesMax) invalid("is too long; at most 249 characters are allowed");
  if (name == "." || name == "..") invalid("is reserved; choose another");
  for (const char c : name) {
    const bool legal =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!legal) invalid("has a character that Kafka does not allow; use letters, digits, '.', '_' and '-'");
  }
}

void check_topic_config(const TopicConfig& config) {
  const auto invalid = [](std::string message) { throw Error(Code::kInvalid, std::move(message)); };
  if (config.partitions < 1 || config.partitions > kPartitionsMax) {
    invalid(fmt::format("partitions = {}: it must be between 1 and {}", config.partitions, kPartitionsMax));
  }
  if (config.segment_bytes < kSegmentBytesMin || config.segment_bytes > kSegmentBytesMax) {
    invalid(fmt::format("segment_bytes = {}: it must be between {} and {}", config.segment_bytes, kSegmentBytesMin,
                        kSegmentBytesMax));
  }
  if (config.retention_ms < -1) invalid("retention_ms is negative; -1 keeps records for ever");
  if (config.retention_bytes < -1) invalid("retention_bytes is negative; -1 sets no limit");
  if (config.delete_retention_ms < 0) invalid("delete_retention_ms is negative");
}

std::string partition_folder(const std::string& folder, std::string_view topic, PartitionId partition) {
  return fmt::format("{}/{}-{}", folder, topic, partition);
}

TopicFiles::TopicFiles(Files& files, std::string folder)
    : files_(files), folder_(std::move(folder)), topics_(folder_ + "/topics") {}

std::vector<TopicInfo> TopicFiles::load() {
  files_.make_folders(topics_);
  files_.sync_directory(topics_);  // what is seen now must stay
  std::vector<TopicInfo> topics;
  for (const std::string& name : files_.list(topics_)) {
    if (name.ends_with(kFreshSuffix)) files_.remove(topics_ + "/" + name);
    if (name.ends_with(kRemovedSuffix)) {
      const std::string topic = name.substr(0, name.size() - kRemovedSuffix.size());
      // A topic is not made again before its `.gone` is gone for good. So if both names are there, a power cut came
      // in the middle of their exchange.
      const std::string both = topics_ + "/" + topic + std::string(kSuffix);
      if (files_.exists(both)) files_.remove(both);
      delete_removed(topic);
    }
  }
  for (const std::string& name : files_.list(topics_)) {
    if (!name.ends_with(kSuffix)) continue;
    const std::string path = topics_ + "/" + name;
    try {
      const auto bytes = read_file(files_, path, kTopicFileBytesMax);
      topics.push_back(decode(bytes.value_or("")));
      if (topics.back().name + std::string(kSuffix) != name) {
        throw Error(Code::kCorrupt, "it is about another topic than its name says");
      }
    } catch (const Error& error) {
      if (error.code() == Code::kIo) throw;
      throw Error(Code::kCorrupt, fmt::format("topic file {} is damaged: {}. Restore it from a backup; or, to give the "
                                              "topic up, move it and the folders of the topic's partitions away",
                                              path, error.message()));
    }
  }
  return topics;
}

void TopicFiles::create(const TopicInfo& topic) {
  if (files_.exists(topics_ + "/" + topic.name + std::string(kRemovedSuffix))) delete_removed(topic.name);
  write(topic);
}

bool TopicFiles::exists(const std::string& name) const {
  return files_.exists(topics_ + "/" + name + std::string(kSuffix));
}

void TopicFiles::write(const TopicInfo& topic) {
  replace_file(files_, topics_, topic.name + std::string(kSuffix), encode(topic), true);
}

void TopicFiles::mark_removed(const std::string& name) {
  files_.rename(topics_ + "/" + name + std::string(kSuffix), topics_ + "/" + name + std::string(kRemovedSuffix));
  files_.sync_directory(topics_);
}

void TopicFiles::delete_removed(const std::string& name) {
  // The removal may not be durable yet.
  files_.sync_directory(topics_);
  delete_partitions(name);
  files_.remove(topics_ + "/" + name + std::string(kRemovedSuffix));
  files_.sync_directory(topics_);
}

void TopicFiles::delete_partitions(const std::string& name) {
  const std::string prefix = name + "-";
  for (const std::string& folder : files_.list(folder_)) {
    if (!folder.starts_with(prefix) || folder.size() == prefix.size()) continue;
    const std::string_view number = std::string_view(folder).substr(prefix.size());
    if (!std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; })) continue;
    // Its files first, durably, so that none of them is there when a new topic uses the folder's name again.
    const std::string path = folder_ + "/" + folder;
    for (const std::string& file : files_.list(path)) files_.remove_all(path + "/" + file);
    files_.sync_directory(path);
    files_.remove_all(path);
  }
  files_.sync_directory(folder_);
}

}  // namespace headrace
