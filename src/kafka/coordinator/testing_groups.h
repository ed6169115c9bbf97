// The group coordinator on a simulated disk and clock, for tests: calls that block, and calls that are left waiting.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "boost/asio/use_future.hpp"
#include "gtest/gtest.h"
#include "kafka/coordinator/groups.h"
#include "log/testing_log.h"

namespace headrace {

using namespace std::chrono_literals;

inline std::ostream& operator<<(std::ostream& out, ErrorCode code) {
  return out << name(code);
}
inline std::ostream& operator<<(std::ostream& out, GroupState state) {
  return out << name(state);
}

// Lets the shards do what they can do now.
inline void settle(TestingLog& log) {
  for (size_t i = 0; i < 4 * log.runtime().shard_count(); ++i)
    log.run([&, i] { return on(log.runtime().shard(i % log.runtime().shard_count()), [] {}); });
}

// A call that has not been answered, as far as the test knows.
template <typename T>
class Waiting {
 public:
  Waiting(TestingLog& log, awaitable<T> call) : log_(log) {
    future_ = asio::co_spawn(log.runtime().shard(0).executor(), std::move(call), asio::use_future);
    settle(log_);
  }
  bool answered() {
    settle(log_);
    return future_.wait_for(0s) == std::future_status::ready;
  }
  T get() {
    if (future_.wait_for(20s) != std::future_status::ready) throw Error(Code::kTimeout, "nobody answers");
    return future_.get();
  }

 private:
  TestingLog& log_;
  std::future<T> future_;
};

// A member as its client knows it.
struct TestMember {
  std::string id;
  int32_t generation = kNoGeneration;
  std::optional<std::string> instance;
};

class TestingGroups {
 public:
  explicit TestingGroups(uint64_t seed = 1, size_t shards = 1) : seed_(seed), log_(seed, shards) { start(); }
  ~TestingGroups() { stop(); }

  TestingLog& log() { return log_; }
  Groups& groups() { return *groups_; }
  GroupOptions& options() { return options_; }
  Metrics& metrics() { return metrics_; }
  void advance(std::chrono::nanoseconds duration) {
    log_.time().advance(duration);
    settle(log_);
  }

  void start() {
    groups_ = std::make_unique<Groups>(log_.runtime(), log_.time(), log_.log(), metrics_, options_, ++seed_);
    log_.run([&] { return groups_->start(); });
  }
  void stop() {
    if (!groups_) return;
    log_.run([&] { return groups_->stop(); });
    stopped_.push_back(std::move(groups_));  // somebody may just be told
  }
  void restart() {
    stop();
    log_.reopen();
    start();
  }
  // From one moment to the next. What was not acknowledged by then may be there or not.
  void power_cut() {
    log_.cut_power();
    stop();
    log_.power_cut();
    start();
  }

  // The calls.
  static JoinRequest joining(const std::string& id = "", std::optional<std::string> instance = {}) {
    return {.group = "g",
            .member_id = id,
            .instance_id = std::move(instance),
            .client_id = "client",
            .client_host = "/127.0.0.1",
            .session_timeout = 10s,
            .rebalance_timeout = 60s,
            .protocol_type = "consumer",
            .protocols = {{"range", "about range"}, {"sticky", "about sticky"}}};
  }
  Waiting<JoinResult> join(JoinRequest request) { return {log_, groups_->join(std::move(request))}; }
  Waiting<SyncResult> sync(const TestMember& member, std::vector<MemberAssignment> assignments = {}) {
    return {log_, groups_->sync({.group = "g",
                                 .generation = member.generation,
                                 .member_id = member.id,
                                 .instance_id = member.instance,
                                 .protocol_type = {},
                                 .protocol = {},
                                 .assignments = std::move(assignments)})};
  }
  ErrorCode heartbeat(const TestMember& member) {
    return log_.run([&] {
      return groups_->heartbeat(
          {.group = "g", .generation = member.generation, .member_id = member.id, .instance_id = member.instance});
    });
  }
  LeaveResult leave_all(std::vector<LeavingMember> members) {
    return log_.run([&] { return groups_->leave({.group = "g", .members = members}); });
  }
  ErrorCode leave(const TestMember& member) {
    return leave_all({{member.id, member.instance, ""}}).members.at(0).error;
  }

  Waiting<std::vector<TopicErrors>> committing(int64_t offset, const TestMember& member = {},
                                               const std::string& topic = "t", const std::string& metadata = "",
                                               int64_t retention_ms = -1, const std::string& group = "g") {
    return {log_, groups_->commit({.group = group,
                                   .generation = member.generation,
                                   .member_id = member.id,
                                   .instance_id = member.instance,
                                   .retention_ms = retention_ms,
                                   .topics = {{topic, {{0, offset, 3, metadata}}}}})};
  }
  ErrorCode commit(int64_t offset, const TestMember& member = {}, const std::string& topic = "t",
                   const std::string& metadata = "", int64_t retention_ms = -1, const std::string& group = "g") {
    return committing(offset, member, topic, metadata, retention_ms, group).get().at(0).partitions.at(0).error;
  }
  PartitionOffset fetch(const std::string& topic = "t", const std::string& group = "g") {
    const auto result = log_.run(
        [&] { return groups_->fetch_offsets({.group = group, .topics = std::vector<TopicPartitions>{{topic, {0}}}}); });
    EXPECT_EQ(result.error, ErrorCode::kNone);
    return result.topics.at(0).partitions.at(0);
  }
  ErrorCode remove_group() {
    return log_.run([&] { return groups_->remove({"g"}); }).at(0).error;
  }
  DescribedGroup describe() {
    return log_.run([&] { return groups_->describe({"g"}); }).at(0);
  }
  GroupState state() { return describe().state; }

  static TestMember member_of(const JoinResult& joined, std::optional<std::string> instance = {}) {
    EXPECT_EQ(joined.error, ErrorCode::kNone);
    return {joined.member_id, joined.generation, std::move(instance)};
  }
  // An empty group becomes a stable one. The first member leads; the member with index i is assigned "a<i>".
  std::vector<TestMember> make_stable(size_t size, const std::vector<std::optional<std::string>>& instances = {}) {
    std::vector<Waiting<JoinResult>> joins;
    for (size_t i = 0; i < size; ++i)
      joins.push_back(join(joining("", i < instances.size() ? instances[i] : std::nullopt)));
    for (int i = 0; i < 200 && !joins[0].answered(); ++i) advance(500ms);
    std::vector<TestMember> members;
    std::string leader;
    for (size_t i = 0; i < size; ++i) {
      const JoinResult joined = joins[i].get();
      leader = joined.leader;
      members.push_back(member_of(joined, i < instances.size() ? instances[i] : std::nullopt));
    }
    EXPECT_EQ(leader, members[0].id);
    std::vector<MemberAssignment> assignments;
    for (size_t i = 0; i < size; ++i) assignments.push_back({members[i].id, "a" + std::to_string(i)});
    EXPECT_EQ(sync(members[0], assignments).get().assignment, "a0");
    for (size_t i = 1; i < size; ++i) EXPECT_EQ(sync(members[i]).get().assignment, "a" + std::to_string(i));
    return members;
  }

 private:
  uint64_t seed_;
  TestingLog log_;
  Metrics metrics_;
  GroupOptions options_;
  std::unique_ptr<Groups> groups_;
  std::vector<std::unique_ptr<Groups>> stopped_;
};

}  // namespace headrace
