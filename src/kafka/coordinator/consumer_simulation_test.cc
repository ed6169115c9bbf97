// Members of a group of the consumer type that join, leave, die, hang and start again, on a server whose power goes now
// and then, in simulated time, while topics grow. Whatever happens: no partition is ever used by two members at once,
// no member that is alive is fenced, and a committed offset never goes back. When the churn ends, the group becomes
// stable and every partition is somebody's.
#include <map>

#include "kafka/coordinator/testing_simulation.h"

namespace headrace {
namespace {

class ConsumerSimulation final : public Simulation {
 public:
  ConsumerSimulation(uint64_t seed, size_t shards, int clients)
      : Simulation(seed, shards, clients), clients_(static_cast<size_t>(clients)) {
    groups_.make_topic("t", partitions_["t"] = 17);
    groups_.make_topic("u", partitions_["u"] = 5);
    for (int name = 0; name < clients; ++name) clients_[static_cast<size_t>(name)].name = name;
  }

 private:
  struct Client {
    int name = 0;
    TestConsumer member;
  };
  using Place = std::pair<TopicId, PartitionId>;

  void change() override {
    const std::string topic = partitions_["t"] < 30 ? "t" : "u";
    groups_.widen_topic(topic, partitions_[topic] += 2);
  }

  awaitable<void> live(int name) override {
    Client& client = clients_[static_cast<size_t>(name)];
    int life = 0;
    while (!ended_) {
      co_await sleep(50ms, 1500ms);
      const bool is_static = name % 3 == 0;
      client.member = {.id = std::to_string(name) + "-" + std::to_string(life++)};
      if (is_static) client.member.instance = "instance-" + std::to_string(name);
      if (name % 2 == 0) client.member.topics.emplace_back("u");
      co_await take_part(client);
      drop(client, client.member.owned);
    }
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
      if (!complete && !member.owned.empty()) co_await commit_one(client);
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

  awaitable<void> commit_one(Client& client) {
    const TestConsumer member = client.member;
    const ErrorCode error = co_await commit({.group = "g",
                                             .generation = member.epoch,
                                             .member_id = member.id,
                                             .instance_id = member.instance,
                                             .topics = {}},
                                            member.owned.begin()->second.front());
    EXPECT_TRUE(error == ErrorCode::kNone || error == ErrorCode::kCoordinatorNotAvailable ||
                error == ErrorCode::kCoordinatorLoadInProgress)
        << member.id << " commits at epoch " << member.epoch << ": " << error;
  }

  void expect_stable() override {
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

  std::vector<Client> clients_;
  std::map<std::string, PartitionId> partitions_;
  std::map<Place, int> owners_;  // of what is in use
};

TEST(ConsumerSimulation, FewMembers) {
  for (uint64_t seed = 1; seed <= 3 && !testing::Test::HasFailure(); ++seed)
    simulate<ConsumerSimulation>(seed, 1, 5, 500);
}

TEST(ConsumerSimulation, ManyMembersOnSeveralShards) {
  simulate<ConsumerSimulation>(100, 3, 20, 500);
}

}  // namespace
}  // namespace headrace
