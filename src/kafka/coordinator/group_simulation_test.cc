// Many clients that join, leave, die, start again and commit, on a server whose power goes now and then, in simulated
// time. Whatever happens: a generation has one leader; a member is given one assignment in a generation; no two members
// of a generation have the same partition; a committed offset never goes back. And when the churn ends, every group
// becomes stable with all of its members and all of its partitions.
//
// HEADRACE_SEED repeats a run's choices; the disk's threads may still come in another order.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "base/random.h"
#include "boost/asio/detached.hpp"
#include "kafka/coordinator/testing_groups.h"
#include "runtime/signal.h"
#include "spdlog/spdlog.h"

namespace headrace {
namespace {

constexpr int kPartitions = 24;
constexpr int kGroups = 2;

class Simulation {
  Shard& shard() { return groups_.log().runtime().shard(0); }
  template <typename F>
  auto on_shard(F f) {
    return groups_.log().run([&] { return f(); });
  }

 public:
  Simulation(uint64_t seed, size_t shards, int clients)
      : random_(seed), groups_(seed, shards), server_(&groups_.groups()), clients_(static_cast<size_t>(clients)) {
    // The commits of a shard are made in order.
    Runtime& runtime = groups_.log().runtime();
    for (size_t i = 0; barriers_.size() < shards; ++i) {
      std::string name = "barrier-" + std::to_string(i);
      if (runtime.owner_of(name).index() == barriers_.size()) barriers_.push_back(std::move(name));
    }
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
      const auto chance = on_shard([&] { return random_.below(300); });
      if (chance == 0) restart(cut_is_coming_);
      if (chance == 1) restart(true);
      if (chance == 2) {  // and some steps later it is noticed
        groups_.log().files().power_cut_after(1 + static_cast<uint64_t>(step) % 40);
        cut_is_coming_ = true;
      }
      if (off()) restart(true);
      pass(std::chrono::milliseconds(100 + step % 7 * 50));
    }
    if (cut_is_coming_) restart(true);
    on_shard([&] { churn_ = false; });
    // All timeouts that there are.
    for (int step = 0; step < 200; ++step) pass(500ms);
    expect_stable();
    on_shard([&] { ended_ = true; });
    while (on_shard([&] { return running_; }) > 0) pass(1s);
    std::cerr << generations_ << " assignments in " << lives_ << " lives of the server, " << commits_ << " commits\n";
  }

 private:
  struct Client {
    int name = 0;
    std::string id;
    int32_t generation = kNoGeneration;
    std::vector<int> partitions;
    bool stable = false;
    const char* doing = "nothing";
  };

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
  static std::string group_of(const Client& client) { return "group-" + std::to_string(client.name % kGroups); }
  static std::optional<std::string> instance_of(const Client& client) {
    if (client.name % 3 != 0) return std::nullopt;
    return "instance-" + std::to_string(client.name);
  }

  void restart(bool power) {
    cut_is_coming_ = false;
    on_shard([&] { ++lives_; });
    power ? groups_.power_cut() : groups_.restart();
    on_shard([&] { server_ = &groups_.groups(); });
    for (int group = 0; group < kGroups; ++group) {
      for (int partition = 0; partition < kPartitions; ++partition) {
        const std::string name = "group-" + std::to_string(group);
        const int64_t acknowledged = on_shard([&] { return acknowledged_[{name, partition}]; });
        const auto fetched = groups_.log().run([&] {
          return groups_.groups().fetch_offsets(
              {.group = name, .topics = std::vector<TopicPartitions>{{"t", {partition}}}});
        });
        EXPECT_GE(fetched.topics.at(0).partitions.at(0).offset, acknowledged - 1) << name << " " << partition;
      }
    }
  }

  static awaitable<void> live(Simulation* self, Client* client) {
    while (!self->ended_) {
      try {
        co_await self->groups_.log().time().sleep(self->shard(), milliseconds(50 + self->random_.below(1500)));
        if (self->ended_) break;
        if (co_await self->take_part(*client)) co_await self->work(*client);
      } catch (const Error& error) {
        ADD_FAILURE() << error.message();
      }
      client->stable = false;
    }
    --self->running_;
  }

  // Joins and gets an assignment.
  awaitable<bool> take_part(Client& client) {
    const Groups* const server = server_;
    const std::string group = group_of(client);
    JoinRequest request{.group = group,
                        .member_id = client.id,
                        .instance_id = instance_of(client),
                        .client_id = "client-" + std::to_string(client.name),
                        .client_host = "/",
                        .session_timeout = 6s,
                        .rebalance_timeout = 10s,
                        .protocol_type = "consumer",
                        .protocols = {{"range", std::to_string(client.name)}}};
    request.member_id_required = true;
    request.can_skip_assignment = client.name % 2 == 0;
    client.doing = "joining";
    const JoinResult joined = co_await server_->join(std::move(request));
    client.doing = "waiting";
    if (joined.error == ErrorCode::kMemberIdRequired) client.id = joined.member_id;
    if (joined.error == ErrorCode::kUnknownMemberId || joined.error == ErrorCode::kFencedInstanceId) client.id.clear();
    if (joined.error != ErrorCode::kNone) co_return false;
    client.id = joined.member_id;
    client.generation = joined.generation;

    std::vector<MemberAssignment> assignments;
    if (joined.leader == client.id && !joined.members.empty() && !joined.skip_assignment) {
      // A leader that asks twice is told twice. One that starts again leads under another name.
      const auto [leader, fresh] = leaders_.emplace(std::tuple(group, server, joined.generation), client.name);
      EXPECT_EQ(leader->second, client.name) << group << " has two leaders in generation " << joined.generation;
      assignments = assign(joined.members);
    }
    if (churn_ && random_.one_in(40)) co_return false;  // forgets to go on
    client.doing = "syncing";
    const SyncResult synced = co_await server_->sync({.group = group,
                                                      .generation = client.generation,
                                                      .member_id = client.id,
                                                      .instance_id = instance_of(client),
                                                      .protocol_type = "consumer",
                                                      .protocol = "range",
                                                      .assignments = std::move(assignments)});
    if (synced.error == ErrorCode::kUnknownMemberId || synced.error == ErrorCode::kFencedInstanceId) client.id.clear();
    if (synced.error != ErrorCode::kNone) co_return false;
    delivered(client, synced.assignment);
    co_return true;
  }

  std::vector<MemberAssignment> assign(const std::vector<JoinedMember>& members) {
    std::vector<MemberAssignment> assignments;
    for (const JoinedMember& member : members) assignments.push_back({member.id, ""});
    for (int partition = 0; partition < kPartitions; ++partition)
      assignments[static_cast<size_t>(partition) % members.size()].assignment.push_back(
          static_cast<char>('A' + partition));
    return assignments;
  }

  void delivered(Client& client, const std::string& assignment) {
    client.doing = "delivered";
    ++generations_;
    client.partitions.clear();
    auto& owners = owners_[{group_of(client), client.generation}];
    for (const char partition : assignment) {
      client.partitions.push_back(partition - 'A');
      // A static member that starts again has its former self's partitions.
      const auto [owner, fresh] = owners.emplace(partition, client.name);
      EXPECT_EQ(owner->second, client.name) << "two members have partition " << partition << " in generation "
                                            << client.generation << " of " << group_of(client);
    }
    const auto [before, fresh] =
        assignments_.emplace(std::tuple(group_of(client), client.generation, client.name), assignment);
    // Without its id, a dynamic client is another member.
    if (instance_of(client)) EXPECT_EQ(before->second, assignment) << "another assignment in the same generation";
  }

  awaitable<void> work(Client& client) {
    client.stable = true;
    client.doing = "working";
    while (!ended_) {
      co_await groups_.log().time().sleep(shard(), milliseconds(500 + random_.below(1500)));
      if (ended_) co_return;
      if (churn_ && random_.one_in(30)) {
        switch (random_.below(4)) {
          case 0: {  // goes for good; a static one is restarted
            if (!instance_of(client))
              co_await server_->leave({.group = group_of(client), .members = {{client.id, {}, "done"}}});
            client.id.clear();
            co_return;
          }
          case 1: {  // dies
            client.id.clear();
            co_await groups_.log().time().sleep(shard(), milliseconds(random_.below(20'000)));
            co_return;
          }
          case 2: co_return;  // wants a rebalance
          default: co_await groups_.log().time().sleep(shard(), milliseconds(random_.below(9'000))); break;  // hangs
        }
      }
      if (!client.partitions.empty() && !co_await commit(client)) co_return;
      const ErrorCode error = co_await server_->heartbeat({.group = group_of(client),
                                                           .generation = client.generation,
                                                           .member_id = client.id,
                                                           .instance_id = instance_of(client)});
      if (error == ErrorCode::kUnknownMemberId || error == ErrorCode::kFencedInstanceId) client.id.clear();
      if (error != ErrorCode::kNone && error != ErrorCode::kCoordinatorNotAvailable) co_return;
    }
  }

  awaitable<bool> commit(Client& client) {
    const int partition = client.partitions[random_.below(client.partitions.size())];
    const std::pair<std::string, int> place(group_of(client), partition);
    const int64_t offset = next_offset_++;
    const auto results = co_await server_->commit({.group = place.first,
                                                   .generation = client.generation,
                                                   .member_id = client.id,
                                                   .instance_id = instance_of(client),
                                                   .topics = {{"t", {{partition, offset, -1, ""}}}}});
    const ErrorCode error = results.at(0).partitions.at(0).error;
    if (error == ErrorCode::kNone) {
      ++commits_;
      int64_t& acknowledged = acknowledged_[place];
      acknowledged = std::max(acknowledged, offset + 1);
    }
    co_return error == ErrorCode::kNone || error == ErrorCode::kCoordinatorNotAvailable;
  }

  void expect_stable() {
    for (int group = 0; group < kGroups; ++group) {
      const std::string name = "group-" + std::to_string(group);
      const auto described = groups_.log().run([&] { return groups_.groups().describe({name}); }).at(0);
      EXPECT_EQ(described.state, GroupState::kStable) << name;
      std::string partitions;
      for (const DescribedMember& member : described.members) partitions += member.assignment;
      std::ranges::sort(partitions);
      EXPECT_EQ(partitions, "ABCDEFGHIJKLMNOPQRSTUVWX") << name;
      const size_t expected = on_shard([&] {
        size_t count = 0;
        std::set<int32_t> generations;
        for (const Client& client : clients_) {
          if (group_of(client) != name) continue;
          ++count;
          EXPECT_TRUE(client.stable) << "client " << client.name << ", " << client.id << ", is " << client.doing
                                     << " after generation " << client.generation;
          generations.insert(client.generation);
        }
        EXPECT_EQ(generations.size(), 1) << name;
        return count;
      });
      EXPECT_EQ(described.members.size(), expected) << name;
    }
  }

  Random random_;
  TestingGroups groups_;
  Groups* server_;  // of the clients: changes on their shard
  std::vector<Client> clients_;
  std::vector<std::string> barriers_;  // a group on each shard
  bool churn_ = true;
  bool cut_is_coming_ = false;
  bool ended_ = false;
  int running_ = 0;
  uint64_t lives_ = 1;
  uint64_t generations_ = 0;
  uint64_t commits_ = 0;
  int64_t next_offset_ = 0;
  std::map<std::pair<std::string, int>, int64_t> acknowledged_;               // offset after the last
  std::map<std::tuple<std::string, const Groups*, int32_t>, int> leaders_;    // by group, server and generation
  std::map<std::pair<std::string, int32_t>, std::map<char, int>> owners_;     // of partitions, by generation
  std::map<std::tuple<std::string, int32_t, int>, std::string> assignments_;  // by generation and client
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

TEST(GroupSimulation, FewMembers) {
  for (uint64_t seed = 1; seed <= 3 && !testing::Test::HasFailure(); ++seed) simulate(seed, 1, 5, 500);
}

TEST(GroupSimulation, ManyMembersOnSeveralShards) {
  simulate(100, 3, 20, 500);
}

}  // namespace
}  // namespace headrace
