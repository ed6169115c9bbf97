#include "kafka/topic_settings.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "fmt/format.h"

namespace headrace::kafka {
namespace {

constexpr const char* kCleanupPolicy = "cleanup.policy";
constexpr const char* kRetentionMs = "retention.ms";
constexpr const char* kRetentionBytes = "retention.bytes";
constexpr const char* kSegmentBytes = "segment.bytes";
constexpr const char* kDeleteRetentionMs = "delete.retention.ms";

int64_t parse_number(std::string_view name, std::string_view text, int64_t least) {
  int64_t number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc() || end != text.data() + text.size() || number < least)
    throw Error(Code::kInvalid, fmt::format("{}: \"{}\" is not a number of {} or more", name, text, least));
  return number;
}

// What the server does for every topic, in the words of Kafka's configuration.
std::vector<Setting> fixed_settings(size_t batch_bytes_max) {
  return {{"compression.type", SettingType::kString, "producer", true, true},
          {"max.message.bytes", SettingType::kInt, std::to_string(batch_bytes_max), true, true},
          {"message.timestamp.type", SettingType::kString, "CreateTime", true, true},
          {"min.insync.replicas", SettingType::kInt, "1", true, true},
          {"flush.messages", SettingType::kLong, "1", true, true},
          {"unclean.leader.election.enable", SettingType::kBoolean, "false", true, true}};
}

}  // namespace

std::vector<Setting> settings_of(const TopicConfig& config, size_t batch_bytes_max) {
  const TopicConfig usual;
  const auto number = [](const char* name, SettingType type, int64_t value, int64_t otherwise) {
    return Setting{name, type, std::to_string(value), value == otherwise, false};
  };
  std::vector<Setting> settings = {
      {kCleanupPolicy, SettingType::kList, config.compact ? "compact" : "delete", !config.compact, false},
      number(kRetentionMs, SettingType::kLong, config.retention_ms, usual.retention_ms),
      number(kRetentionBytes, SettingType::kLong, config.retention_bytes, usual.retention_bytes),
      number(kSegmentBytes, SettingType::kInt, static_cast<int64_t>(config.segment_bytes),
             static_cast<int64_t>(usual.segment_bytes)),
      number(kDeleteRetentionMs, SettingType::kLong, config.delete_retention_ms, usual.delete_retention_ms)};
  for (Setting& each : fixed_settings(batch_bytes_max)) settings.push_back(std::move(each));
  return settings;
}

void change_setting(TopicConfig& config, std::string_view name, std::optional<std::string_view> value,
                    size_t batch_bytes_max) {
  const TopicConfig usual;
  if (name == kCleanupPolicy) {
    const std::string_view policy = value.value_or("delete");
    if (policy != "delete" && policy != "compact")
      throw Error(Code::kInvalid, fmt::format("{}: \"{}\" should be delete or compact", name, policy));
    config.compact = policy == "compact";
  } else if (name == kRetentionMs) {
    config.retention_ms = value ? parse_number(name, *value, -1) : usual.retention_ms;
  } else if (name == kRetentionBytes) {
    config.retention_bytes = value ? parse_number(name, *value, -1) : usual.retention_bytes;
  } else if (name == kSegmentBytes) {
    config.segment_bytes = value ? static_cast<uint64_t>(parse_number(name, *value, 1)) : usual.segment_bytes;
  } else if (name == kDeleteRetentionMs) {
    config.delete_retention_ms = value ? parse_number(name, *value, 0) : usual.delete_retention_ms;
  } else {
    const std::vector<Setting> fixed = fixed_settings(batch_bytes_max);
    const auto found = std::ranges::find(fixed, name, &Setting::name);
    if (found == fixed.end()) throw Error(Code::kInvalid, fmt::format("there is no setting \"{}\"", name));
    if (value && *value != found->value)
      throw Error(Code::kInvalid, fmt::format("{} is {} for every topic", name, found->value));
  }
}

}  // namespace headrace::kafka
