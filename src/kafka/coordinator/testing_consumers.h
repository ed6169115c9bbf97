// Members of groups of the consumer type, for tests: heartbeats that block, topics to subscribe to, and clients that do
// what the protocol asks of them.
#pragma once

#include <string>
#include <vector>

#include "kafka/coordinator/testing_groups.h"
#include "log/topic_table.h"

namespace headrace {

// A member as its client knows it: what it is told, it does at once.
struct TestConsumer {
  std::string id;
  int32_t epoch = 0;
  std::optional<std::string> instance = {};
  std::vector<std::string> topics = {"t"};
  PartitionSet owned = {};
};

class TestingConsumers : public TestingGroups {
 public:
  explicit TestingConsumers(uint64_t seed = 1, size_t shards = 1) : TestingGroups(seed, shards) {}

  void make_topic(const std::string& topic, PartitionId partitions) {
    log().run([&] { return log().log().create(topic, {.partitions = partitions}); });
  }
  void widen_topic(const std::string& topic, PartitionId partitions) {
    log().run([&] { return log().log().alter(topic, {.partitions = partitions}); });
  }
  TopicId id_of(const std::string& topic) {
    return log().run([&]() -> awaitable<TopicId> { co_return log().log().id_of(topic).value(); });
  }
  PartitionSet all_of(const std::string& topic, PartitionId partitions) {
    PartitionSet set;
    for (PartitionId i = 0; i < partitions; ++i) set[id_of(topic)].push_back(i);
    return set;
  }

  // All that a client says when it joins, or after something went wrong.
  static ConsumerHeartbeatRequest complete(const TestConsumer& member) {
    return {.group = "g",
            .member_id = member.id,
            .member_epoch = member.epoch,
            .instance_id = member.instance,
            .rack_id = {},
            .client_id = "client",
            .client_host = "/127.0.0.1",
            .rebalance_timeout = 60s,
            .topics = member.topics,
            .pattern = {},
            .assignor = {},
            .owned = member.owned,
            .brings_its_id = true};
  }
  // That nothing has changed.
  static ConsumerHeartbeatRequest brief(const TestConsumer& member) {
    ConsumerHeartbeatRequest request = complete(member);
    request.rebalance_timeout = {};
    request.topics = {};
    request.owned = {};
    return request;
  }
  ConsumerHeartbeatResult send(ConsumerHeartbeatRequest request) {
    return log().run([&] { return groups().consumer_heartbeat(std::move(request)); });
  }
  // A heartbeat whose answer the client follows.
  ConsumerHeartbeatResult beat(TestConsumer& member, ConsumerHeartbeatRequest request) {
    ConsumerHeartbeatResult result = send(std::move(request));
    EXPECT_EQ(result.error, ErrorCode::kNone) << result.message;
    member.id = result.member_id;
    member.epoch = result.member_epoch;
    if (result.assignment) member.owned = *result.assignment;
    return result;
  }
  ConsumerHeartbeatResult beat(TestConsumer& member) { return beat(member, complete(member)); }
  ErrorCode error_of(ConsumerHeartbeatRequest request) { return send(std::move(request)).error; }

  // Heartbeats of all until nobody is told anything new.
  void settle_all(const std::vector<TestConsumer*>& members) {
    for (int round = 0; round < 20; ++round) {
      advance(1s);
      bool changed = false;
      for (TestConsumer* const member : members) {
        const TestConsumer before = *member;
        beat(*member);
        changed |= before.epoch != member->epoch || before.owned != member->owned;
      }
      if (!changed) return;
    }
    ADD_FAILURE() << "the group does not settle";
  }

  DescribedConsumerGroup describe_consumers() {
    return log().run([&] { return groups().describe_consumers({"g"}); }).at(0);
  }
  std::vector<ListedGroup> listed(std::vector<std::string> types = {}) {
    return log().run([&] { return groups().list({.states = {}, .types = types}); }).groups;
  }
  ErrorCode commit_as(const TestConsumer& member, int64_t offset) {
    return commit(offset, {.id = member.id, .generation = member.epoch, .instance = member.instance});
  }
};

}  // namespace headrace
