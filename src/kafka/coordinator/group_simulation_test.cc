// Many clients that join, leave, die, start again and commit, on a server whose power goes now and then, in simulated
// time. Whatever happens: a generation has one leader; a member is given one assignment in a generation; no two members
// of a generation have the same partition; a committed offset never goes back. And when the churn ends, every group
// becomes stable with all of its members and all of its partitions.
#include <algorithm>
#include <map>
#include <set>

#include "kafka/coordinator/testing_simulation.h"

namespace headrace {
namespace {

constexpr int kPartitions = 24;
constexpr int kGroups = 2;

class ClassicSimulation final : public Simulation {
 public:
  ClassicSimulation(uint64_t seed, size_t shards, int clients)
      : Simulation(seed, shards, clients), clients_(static_cast<size_t>(clients)) {
    for (int name = 0; name < clients; ++name) clients_[static_cast<size_t>(name)].name = name;
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

  static std::string group_of(const Client& client) { return "group-" + std::to_string(client.name % kGroups); }
  static std::optional<std::string> instance_of(const Client& client) {
    if (client.name % 3 != 0) return std::nullopt;
    return "instance-" + std::to_string(client.name);
  }

  awaitable<void> live(int name) override {
    Client& client = clients_[static_cast<size_t>(name)];
    while (!ended_) {
      try {
        co_await sleep(50ms, 1550ms);
        if (ended_) break;
        if (co_await take_part(client)) co_await work(client);
      } catch (const Error& error) {
        ADD_FAILURE() << error.message();
      }
      client.stable = false;
    }
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
    ++assignments_;
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
        delivered_.emplace(std::tuple(group_of(client), client.generation, client.name), assignment);
    // Without its id, a dynamic client is another member.
    if (instance_of(client)) EXPECT_EQ(before->second, assignment) << "another assignment in the same generation";
  }

  awaitable<void> work(Client& client) {
    client.stable = true;
    client.doing = "working";
    while (!ended_) {
      co_await sleep(500ms, 2s);
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
            co_await sleep(0ms, 20s);
            co_return;
          }
          case 2: co_return;                        // wants a rebalance
          default: co_await sleep(0ms, 9s); break;  // hangs
        }
      }
      if (!client.partitions.empty() && !co_await commit_one(client)) co_return;
      const ErrorCode error = co_await server_->heartbeat({.group = group_of(client),
                                                           .generation = client.generation,
                                                           .member_id = client.id,
                                                           .instance_id = instance_of(client)});
      if (error == ErrorCode::kUnknownMemberId || error == ErrorCode::kFencedInstanceId) client.id.clear();
      if (error != ErrorCode::kNone && error != ErrorCode::kCoordinatorNotAvailable) co_return;
    }
  }

  awaitable<bool> commit_one(Client& client) {
    const int partition = client.partitions[random_.below(client.partitions.size())];
    const ErrorCode error = co_await commit({.group = group_of(client),
                                             .generation = client.generation,
                                             .member_id = client.id,
                                             .instance_id = instance_of(client),
                                             .topics = {}},
                                            partition);
    co_return error == ErrorCode::kNone || error == ErrorCode::kCoordinatorNotAvailable;
  }

  void expect_stable() override {
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

  std::vector<Client> clients_;
  std::map<std::tuple<std::string, const Groups*, int32_t>, int> leaders_;  // by group, server and generation
  std::map<std::pair<std::string, int32_t>, std::map<char, int>> owners_;   // of partitions, by generation
  std::map<std::tuple<std::string, int32_t, int>, std::string> delivered_;  // by generation and client
};

TEST(GroupSimulation, FewMembers) {
  for (uint64_t seed = 1; seed <= 3 && !testing::Test::HasFailure(); ++seed)
    simulate<ClassicSimulation>(seed, 1, 5, 500);
}

TEST(GroupSimulation, ManyMembersOnSeveralShards) {
  simulate<ClassicSimulation>(100, 3, 20, 500);
}

}  // namespace
}  // namespace headrace
