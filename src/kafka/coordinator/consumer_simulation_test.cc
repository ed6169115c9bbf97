// Members of a group of the consumer type that join, leave, die, hang and start again, on a server whose power goes now
// and then, in simulated time, while topics grow. Whatever happens: no partition is ever used by two members at once,
// no member that is alive is fenced, and a committed offset never goes back. When the churn ends, the group becomes
// stable and every partition is somebody's.
//
// HEADRACE_SEED repeats a run's choices; the disk's threads may still come in another order.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/random.h"
#include "boost/asio/detached.hpp"
#include "kafka/coordinator/testing_consumers.h"
#include "spdlog/spdlog.h"

namespace headrace {
namespace {

class Simulation {
  Shard& shard() { return groups_.log().runtime().shard(0); }
  template <typename F>
  auto on_shard(F f) {
    return groups_.log().run([&] { return f(); });
  }

 public:
  Simulation(uint64_t seed, size_t shards, int clients)
      : random_(seed), groups_(seed, shards), server_(&groups_.groups()), clients_(static_cast<size_t>(clients)) {
    groups_.make_topic("t", partitions_["t"] = 17);
    groups_.make_topic("u", partitions_["u"] = 5);
    for (int i = 0; i < clients; ++i) clients_[static_cast<size_t>(i)].name = i;
  }

  void run(int steps) {
    on_shard([&] {
      for (Client& client : clients_) {
        ++running_;
        asio::co_spawn(shard().executor(), live(this, &client), asio::detached);
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
      if (chance == 3 && !cut_is_coming_) grow();
      if (off()) restart(true);
      pass(std::chrono::milliseconds(100 + step % 7 * 50));
    }
    if (cut_is_coming_) restart(true);
    on_shard([&] { churn_ = false; });
    for (int step = 0; step < 300; ++step) pass(500ms);
    expect_stable();
    on_shard([&] { ended_ = true; });
    while (on_shard([&] { return running_; }) > 0) pass(1s);
    std::cerr << assignments_ << " assignments in " << lives_ << " lives of the server, " << commits_ << " commits\n";
  }

 private:
  struct Client {
    int name = 0;
    TestConsumer member;
  };
  using Place = std::pair<TopicId, PartitionId>;

  bool off() {
    try {
      groups_.log().files().exists("log");
      return false;
    } catch (const Error&) {
      return true;
    }
  }
  // Time goes on only when the disk has done what it was asked to.
  void pass(std::chrono::nanoseconds duration) {
    groups_.advance(duration);
    groups_.log().run([&]() -> awaitable<void> {
      co_await groups_.groups().commit(
          {.group = "barrier", .member_id = "", .instance_id = {}, .topics = {{"t", {{0, 0, -1, ""}}}}});
    });
    settle(groups_.log());
  }
  void grow() {
    const std::string topic = partitions_["t"] < 30 ? "t" : "u";
    groups_.widen_topic(topic, partitions_[topic] += 2);
  }
  void restart(bool power) {
    cut_is_coming_ = false;
    ++lives_;
    power ? groups_.power_cut() : groups_.restart();
    on_shard([&] { server_ = &groups_.groups(); });
    for (const auto& [partition, offset] : on_shard([&] { return acknowledged_; })) {
      const auto fetched = groups_.log().run([&] {
        return groups_.groups().fetch_offsets(
            {.group = "g", .member_id = {}, .topics = std::vector<TopicPartitions>{{"t", {partition}}}});
      });
      EXPECT_GE(fetched.topics.at(0).partitions.at(0).offset, offset) << partition;
    }
  }

  static awaitable<void> live(Simulation* self, Client* client) {
    int life = 0;
    while (!self->ended_) {
      co_await self->sleep(50ms, 1500ms);
      const bool is_static = client->name % 3 == 0;
      client->member = {.id = std::to_string(client->name) + "-" + std::to_string(life++)};
      if (is_static) client->member.instance = "instance-" + std::to_string(client->name);
      if (client->name % 2 == 0) client->member.topics.emplace_back("u");
      co_await self->take_part(*client);
      self->drop(*client, client->member.owned);
    }
    --self->running_;
  }
  awaitable<void> sleep(milliseconds least, milliseconds most) {
    return groups_.log().time().sleep(
        shard(), least + milliseconds(random_.below(static_cast<uint64_t>((most - least).count()))));
  }

  // One life of a client.
  awaitable<void> take_part(Client& client) {
    bool complete = true;
    while (!ended_) {
      TestConsumer& member = client.member;
      ConsumerHeartbeatRequest request =
          complete || random_.one_in(10) ? TestingConsumers::complete(member) : TestingConsumers::brief(member);
      request.owned = member.owned;
      request.rebalance_timeout = 40s;
      const ConsumerHeartbeatResult result = co_await server_->consumer_heartbeat(std::move(request));
      complete = result.error != ErrorCode::kNone;
      if (result.error == ErrorCode::kNone) {
        member.epoch = result.member_epoch;
        if (result.assignment) follow(client, *result.assignment);
      } else if (result.error == ErrorCode::kUnreleasedInstanceId) {
        co_return;  // its former self died; its session has to end first
      } else {
        EXPECT_TRUE(result.error == ErrorCode::kCoordinatorNotAvailable ||
                    result.error == ErrorCode::kCoordinatorLoadInProgress)
            << member.id << " at epoch " << member.epoch << ": " << result.error << ": " << result.message;
      }
      if (!complete && !member.owned.empty()) co_await commit(client);
      if (churn_ && random_.one_in(40) && co_await ends(client)) co_return;
      co_await sleep(300ms, 2s);
    }
  }

  // What may happen to a client. Whether this life ends.
  awaitable<bool> ends(Client& client) {
    switch (random_.below(4)) {
      case 0: co_await sleep(1s, 25s); co_return false;  // hangs
      case 1: co_return true;                            // dies
      default: break;
    }
    ConsumerHeartbeatRequest leaving = TestingConsumers::brief(client.member);
    leaving.member_epoch = client.member.instance ? kLeaveForAWhileEpoch : kLeaveEpoch;
    drop(client, std::exchange(client.member.owned, {}));
    co_await server_->consumer_heartbeat(leaving);
    co_return true;
  }

  void follow(Client& client, const PartitionSet& assignment) {
    ++assignments_;
    PartitionSet& owned = client.member.owned;
    drop(client, difference(owned, assignment));
    for (const auto& [topic, partitions] : difference(assignment, owned)) {
      for (const PartitionId partition : partitions) {
        const auto [owner, fresh] = owners_.emplace(Place(topic, partition), client.name);
        EXPECT_TRUE(fresh) << "partition " << partition << " is used by " << owner->second << " and " << client.name;
      }
    }
    owned = assignment;
  }
  void drop(const Client& client, const PartitionSet& lost) {
    for (const auto& [topic, partitions] : lost) {
      for (const PartitionId partition : partitions) {
        const auto owner = owners_.find({topic, partition});
        if (owner != owners_.end() && owner->second == client.name) owners_.erase(owner);
      }
    }
  }

  awaitable<void> commit(Client& client) {
    const TestConsumer member = client.member;
    const PartitionId partition = member.owned.begin()->second.front();
    const int64_t offset = next_offset_++;
    const auto results = co_await server_->commit({.group = "g",
                                                   .generation = member.epoch,
                                                   .member_id = member.id,
                                                   .instance_id = member.instance,
                                                   .topics = {{"t", {{partition, offset, -1, ""}}}}});
    const ErrorCode error = results.at(0).partitions.at(0).error;
    EXPECT_TRUE(error == ErrorCode::kNone || error == ErrorCode::kCoordinatorNotAvailable ||
                error == ErrorCode::kCoordinatorLoadInProgress)
        << member.id << " commits at epoch " << member.epoch << ": " << error;
    if (error != ErrorCode::kNone) co_return;
    ++commits_;
    int64_t& acknowledged = acknowledged_[partition];
    acknowledged = std::max(acknowledged, offset);
  }

  void expect_stable() {
    const auto described = groups_.describe_consumers();
    EXPECT_EQ(described.state, GroupState::kStable);
    EXPECT_EQ(described.members.size(), clients_.size());
    std::map<Place, int> owned;
    on_shard([&] {
      for (const Client& client : clients_)
        for (const auto& [topic, partitions] : client.member.owned)
          for (const PartitionId partition : partitions) ++owned[{topic, partition}];
    });
    for (const auto& [place, owners] : owned) EXPECT_EQ(owners, 1) << place.second;
    EXPECT_EQ(owned.size(), static_cast<size_t>(partitions_["t"] + partitions_["u"]));
  }

  Random random_;
  TestingConsumers groups_;
  Groups* server_;  // of the clients: changes on their shard
  std::vector<Client> clients_;
  std::map<std::string, PartitionId> partitions_;
  bool churn_ = true;
  bool cut_is_coming_ = false;
  bool ended_ = false;
  int running_ = 0;
  uint64_t lives_ = 1;
  uint64_t assignments_ = 0;
  uint64_t commits_ = 0;
  int64_t next_offset_ = 0;
  std::map<Place, int> owners_;                  // of what is in use
  std::map<PartitionId, int64_t> acknowledged_;  // commits
};

void simulate(uint64_t default_seed, size_t shards, int clients, int steps) {
  const char* setting = std::getenv("HEADRACE_SEED");
  const uint64_t seed = setting == nullptr ? default_seed : std::strtoull(setting, nullptr, 10);
  SCOPED_TRACE("HEADRACE_SEED=" + std::to_string(seed));
  std::cerr << "HEADRACE_SEED=" << seed << "\n";
  spdlog::set_level(spdlog::level::off);
  Simulation(seed, shards, clients).run(steps);
  spdlog::set_level(spdlog::level::info);
}

TEST(ConsumerSimulation, FewMembers) {
  for (uint64_t seed = 1; seed <= 3 && !testing::Test::HasFailure(); ++seed) simulate(seed, 1, 5, 500);
}

TEST(ConsumerSimulation, ManyMembersOnSeveralShards) {
  simulate(100, 3, 20, 500);
}

}  // namespace
}  // namespace headrace
