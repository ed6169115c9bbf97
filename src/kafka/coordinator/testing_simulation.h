// Many clients of the group coordinator, on a server that starts again and whose power goes now and then, in simulated
// time. A test brings the clients, and what has to hold when the churn has ended; that a committed offset never goes
// back is looked at here, after every start of the server.
//
// HEADRACE_SEED repeats a run's choices; the disk's threads may still come in another order.
#pragma once

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/testing_setting.h"
#include "boost/asio/detached.hpp"
#include "kafka/coordinator/testing_consumers.h"
#include "spdlog/spdlog.h"

namespace headrace {

class Simulation {
 public:
  Simulation(uint64_t seed, size_t shards, int clients)
      : random_(seed), groups_(seed, shards), server_(&groups_.groups()), clients_(clients) {
    // The commits of a shard are made in order.
    Runtime& runtime = groups_.log().runtime();
    for (size_t i = 0; barriers_.size() < shards; ++i) {
      std::string name = "barrier-" + std::to_string(i);
      if (runtime.owner_of(name).index() == barriers_.size()) barriers_.push_back(std::move(name));
    }
  }
  virtual ~Simulation() = default;

  void run(int steps) {
    on_shard([&] {
      for (int name = 0; name < clients_; ++name) {
        ++running_;
        asio::co_spawn(shard().executor(), live_and_end(this, name), asio::detached);
      }
    });
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      const auto chance = on_shard([&] { return random_.below(200); });
      if (chance == 0) restart(cut_is_coming_);
      if (chance == 1) restart(true);
      if (chance == 2) {  // and some steps later it is noticed
        groups_.log().files().power_cut_after(1 + static_cast<uint64_t>(step) % 40);
        cut_is_coming_ = true;
      }
      if (chance == 3 && !cut_is_coming_) change();
      if (off()) restart(true);
      pass(std::chrono::milliseconds(100 + step % 7 * 50));
    }
    if (cut_is_coming_) restart(true);
    on_shard([&] { churn_ = false; });
    // All timeouts that there are.
    for (int step = 0; step < 300; ++step) pass(500ms);
    expect_stable();
    on_shard([&] { ended_ = true; });
    while (on_shard([&] { return running_; }) > 0) pass(1s);
    std::cerr << assignments_ << " assignments in " << lives_ << " lives of the server, " << commits_ << " commits\n";
  }

 protected:
  // The client of this name, from 0 on, until ended_.
  virtual awaitable<void> live(int name) = 0;
  // Once in a while, between steps.
  virtual void change() {}
  virtual void expect_stable() = 0;

  // What clients do and know is on this shard, as all that stands below.
  Shard& shard() { return groups_.log().runtime().shard(0); }
  template <typename F>
  std::invoke_result_t<F> on_shard(F f) {
    return groups_.log().run([&] { return f(); });
  }
  awaitable<void> sleep(milliseconds least, milliseconds most) {
    return groups_.log().time().sleep(
        shard(), least + milliseconds(random_.below(static_cast<uint64_t>((most - least).count()))));
  }
  // Commits the next offset for a partition of "t", as the member that `request` names.
  awaitable<ErrorCode> commit(CommitRequest request, PartitionId partition) {
    const std::pair<std::string, PartitionId> place(request.group, partition);
    const int64_t offset = next_offset_++;
    request.topics = {{"t", {{partition, offset, -1, ""}}}};
    const auto results = co_await server_->commit(std::move(request));
    const ErrorCode error = results.at(0).partitions.at(0).error;
    if (error == ErrorCode::kNone) {
      ++commits_;
      int64_t& acknowledged = acknowledged_[place];
      acknowledged = std::max(acknowledged, offset);
    }
    co_return error;
  }

  Random random_;
  TestingConsumers groups_;
  Groups* server_;  // of the clients: changes on their shard
  bool churn_ = true;
  bool ended_ = false;
  uint64_t assignments_ = 0;  // that clients got

 private:
  static awaitable<void> live_and_end(Simulation* self, int name) {
    co_await self->live(name);
    --self->running_;
  }

  bool off() {
    try {
      groups_.log().files().exists("log");
      return false;
    } catch (const Error&) {
      return true;
    }
  }
  // Time goes on only when the disk has done what it was asked to: it is not simulated time in which that happens.
  void pass(std::chrono::nanoseconds duration) {
    groups_.advance(duration);
    groups_.log().run([&]() -> awaitable<void> {
      for (const std::string& group : barriers_)
        co_await groups_.groups().commit(
            {.group = group, .member_id = "", .instance_id = {}, .topics = {{"t", {{0, 0, -1, ""}}}}});
    });
    settle(groups_.log());
  }
  void restart(bool power) {
    cut_is_coming_ = false;
    ++lives_;
    power ? groups_.power_cut() : groups_.restart();
    on_shard([&] { server_ = &groups_.groups(); });
    for (const auto& [place, offset] : on_shard([&] { return acknowledged_; })) {
      const auto& [group, partition] = place;
      const auto fetched = groups_.log().run([&] {
        return groups_.groups().fetch_offsets(
            {.group = group, .member_id = {}, .topics = std::vector<TopicPartitions>{{"t", {partition}}}});
      });
      EXPECT_GE(fetched.topics.at(0).partitions.at(0).offset, offset) << group << " " << partition;
    }
  }

  const int clients_;
  std::vector<std::string> barriers_;  // a group on each shard
  bool cut_is_coming_ = false;
  int running_ = 0;
  uint64_t lives_ = 1;
  uint64_t commits_ = 0;
  int64_t next_offset_ = 0;
  std::map<std::pair<std::string, PartitionId>, int64_t> acknowledged_;  // by group
};

template <typename Kind>
void simulate(uint64_t default_seed, size_t shards, int clients, int steps) {
  const uint64_t seed = test_seed(default_seed);
  SCOPED_TRACE("HEADRACE_SEED=" + std::to_string(seed));
  spdlog::set_level(spdlog::level::off);
  Kind(seed, shards, clients).run(steps);
  spdlog::set_level(spdlog::level::info);
}

}  // namespace headrace
