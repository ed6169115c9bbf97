// Which topics there are and how they are configured: one small file per topic in the folder `topics`. A topic exists
// once its file does, and is gone once that has been renamed from `.topic` to `.gone`; what is left of a removed
// topic is deleted after that, again at the next start if need be. Formats: docs/formats.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "log/log.h"
#include "runtime/files.h"

namespace headrace {

TopicId make_topic_id();

// Throws Error(kInvalid) that says what is wrong. Names are Kafka's: 1 to 249 letters, digits, '.', '_', '-', and not
// "." or "..".
void check_topic_name(std::string_view name);
void check_topic_config(const TopicConfig& config);

// `<folder>/<topic>-<partition>`.
std::string partition_folder(const std::string& folder, std::string_view topic, PartitionId partition);

class TopicFiles {
 public:
  TopicFiles(Files& files, std::string folder);

  // All topics. Finishes removals that were interrupted. Error(kCorrupt) for a damaged file.
  std::vector<TopicInfo> load();
  // For a topic that does not exist; finishes its earlier removal if that failed half-way. Durable on return.
  void create(const TopicInfo& topic);
  // Durable on return.
  void write(const TopicInfo& topic);
  // The two halves of a removal: after the first the topic is gone, the second deletes its partitions. If the first
  // throws, exists() tells whether the topic is still there; if not, a power cut may bring it back.
  void mark_removed(const std::string& name);
  void delete_removed(const std::string& name);
  bool exists(const std::string& name) const;

 private:
  void delete_partitions(const std::string& name);

  Files& files_;
  std::string folder_;  // of the log
  std::string topics_;  // of the topic files
};

}  // namespace headrace
