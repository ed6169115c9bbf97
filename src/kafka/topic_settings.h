// A topic's configuration as Kafka's tools see it: names and texts for what TopicConfig has, and what every topic has.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/log.h"

namespace headrace::kafka {

// The types of KIP-226's DescribeConfigs.
enum class SettingType : int8_t { kBoolean = 1, kString = 2, kInt = 3, kLong = 5, kList = 7 };

struct Setting {
  std::string_view name;
  SettingType type;
  std::string value;
  bool is_default;
  bool fixed;  // the same for every topic; clients may not change it
};

std::vector<Setting> settings_of(const TopicConfig& config, size_t batch_bytes_max);

// Sets one by name; no value: the default. Throws Error(kInvalid) for an unknown name or a value that is none, or that
// is not what the server does.
void change_setting(TopicConfig& config, std::string_view name, std::optional<std::string_view> value,
                    size_t batch_bytes_max);

}  // namespace headrace::kafka
