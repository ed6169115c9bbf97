// The limits and times of the group coordinator. Names in comments are those of the Kafka broker's settings.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace headrace {

struct GroupOptions {
  int32_t topic_partitions = 8;  // of `_groups`, when it is made; offsets.topic.num.partitions

  std::chrono::milliseconds initial_rebalance_delay{500};                      // group.initial.rebalance.delay.ms
  std::chrono::milliseconds session_timeout_min{std::chrono::seconds(6)};      // group.min.session.timeout.ms
  std::chrono::milliseconds session_timeout_max{std::chrono::minutes(30)};     // group.max.session.timeout.ms
  std::chrono::milliseconds new_member_join_timeout{std::chrono::minutes(5)};  // a first JoinGroup waits no longer
  std::chrono::milliseconds offsets_retention{std::chrono::hours(7 * 24)};     // offsets.retention.minutes
  std::chrono::milliseconds expiry_interval{std::chrono::minutes(10)};         // offsets.retention.check.interval.ms

  // Of groups of the consumer type, whose members are told these.
  std::chrono::milliseconds consumer_session_timeout{std::chrono::seconds(45)};  // group.consumer.session.timeout.ms
  std::chrono::milliseconds consumer_heartbeat_interval{
      std::chrono::seconds(5)};                                        // group.consumer.heartbeat.interval.ms
  std::chrono::milliseconds topics_interval{std::chrono::seconds(1)};  // between looks at which topics there are

  size_t partitions_max = 65'536;  // that a group of the consumer type subscribes to
  size_t patterns_max = 16;        // different ones of the members of such a group
  size_t pattern_bytes_max = 4096;

  size_t groups_max = 10'000;           // shared out evenly among the shards
  size_t members_max = 1'000;           // of one group; group.max.size
  size_t protocols_max = 64;            // that a member offers
  size_t member_bytes_max = 1 << 20;    // of what a member says in JoinGroup, and of its assignment
  size_t group_bytes_max = 8 << 20;     // of all members of a group: its record must fit into one batch
  size_t offset_metadata_max = 4096;    // bytes; offset.metadata.max.bytes
  size_t memory_bytes_max = 256 << 20;  // groups, offsets and what waits to be written, shared out among the shards
};

}  // namespace headrace
