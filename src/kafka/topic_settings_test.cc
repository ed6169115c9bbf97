#include "kafka/topic_settings.h"

#include <algorithm>

#include "base/error.h"
#include "gtest/gtest.h"

namespace headrace::kafka {
namespace {

constexpr size_t kBatchBytes = 1000;

TEST(TopicSettings, WhatIsShownCanBeSetAgain) {
  const TopicConfig config{.partitions = 3,
                           .retention_ms = 1,
                           .retention_bytes = 2,
                           .segment_bytes = 3 << 20,
                           .compact = true,
                           .delete_retention_ms = 4};
  TopicConfig again{.partitions = 3};
  for (const Setting& each : settings_of(config, kBatchBytes))
    change_setting(again, each.name, each.value, kBatchBytes);
  EXPECT_EQ(again, config);
  for (const Setting& each : settings_of(config, kBatchBytes))
    change_setting(again, each.name, std::nullopt, kBatchBytes);
  EXPECT_EQ(again, TopicConfig{.partitions = 3});
}

TEST(TopicSettings, DefaultsAreMarked) {
  for (const Setting& each : settings_of(TopicConfig{}, kBatchBytes)) EXPECT_TRUE(each.is_default) << each.name;
  const auto settings = settings_of(TopicConfig{.retention_ms = 5}, kBatchBytes);
  for (const Setting& each : settings) EXPECT_EQ(each.is_default, each.name != "retention.ms") << each.name;
  const auto largest = std::ranges::find(settings, "max.message.bytes", &Setting::name);
  EXPECT_EQ(largest->value, std::to_string(kBatchBytes));
  EXPECT_TRUE(largest->fixed);
}

TEST(TopicSettings, ValuesThatAreNoneAreRefusedWithTheReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"retention.ms", "-2"},       {"retention.ms", "1s"},
      {"retention.ms", ""},         {"retention.bytes", "1e3"},
      {"segment.bytes", "0"},       {"delete.retention.ms", "-1"},
      {"cleanup.policy", "forget"}, {"max.message.bytes", "10"},
      {"no.such.setting", "1"},     {"retention.ms", "9223372036854775808"}};
  for (const auto& [name, value] : cases) {
    TopicConfig config;
    try {
      change_setting(config, name, value, kBatchBytes);
      ADD_FAILURE() << name << "=" << value;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalid);
      EXPECT_NE(error.message().find(name), std::string::npos) << error.message();
    }
    EXPECT_EQ(config, TopicConfig{});
  }
}

}  // namespace
}  // namespace headrace::kafka
