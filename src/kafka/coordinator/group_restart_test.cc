// What a group is after the server has died, in whatever state the group was.
#include <map>

#include "base/random.h"
#include "base/testing_setting.h"
#include "kafka/coordinator/testing_groups.h"
#include "spdlog/spdlog.h"

namespace headrace {
namespace {

using enum ErrorCode;

class GroupRestart : public testing::Test, public TestingGroups {};

TEST_F(GroupRestart, StableGroupGoesOnWithoutARebalance) {
  const auto members = make_stable(3);
  EXPECT_EQ(commit(5, members[1]), kNone);
  power_cut();
  EXPECT_EQ(state(), GroupState::kStable);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(heartbeat(members[i]), kNone);
    EXPECT_EQ(sync(members[i]).get().assignment, "a" + std::to_string(i));
  }
  EXPECT_EQ(commit(6, members[1]), kNone);
  EXPECT_EQ(fetch().offset, 6);
  const JoinResult again = join(joining(members[2].id)).get();
  EXPECT_EQ(again.generation, 1) << "nothing has changed for it";
  EXPECT_EQ(again.leader, members[0].id);
  EXPECT_EQ(describe().members.at(0).metadata, "about range");
}

TEST_F(GroupRestart, MembersThatDoNotComeBackAreOut) {
  const auto members = make_stable(2);
  power_cut();
  advance(9s);
  EXPECT_EQ(heartbeat(members[0]), kNone);
  advance(1s);
  EXPECT_EQ(heartbeat(members[0]), kRebalanceInProgress);
  EXPECT_EQ(heartbeat(members[1]), kUnknownMemberId);
}

TEST_F(GroupRestart, RebalanceThatWaitedForMembersIsForgotten) {
  const auto members = make_stable(2);
  auto newcomer = join(joining());
  auto second = join(joining(members[1].id));
  power_cut();
  EXPECT_EQ(newcomer.get().error, kCoordinatorNotAvailable);
  EXPECT_EQ(second.get().error, kCoordinatorNotAvailable);
  EXPECT_EQ(heartbeat(members[0]), kNone);
  EXPECT_EQ(join(joining(members[1].id)).get().generation, 1);
}

TEST_F(GroupRestart, RebalanceThatWaitedForTheLeaderIsForgotten) {
  const auto members = make_stable(2);
  auto first = join(joining(members[0].id));
  auto second = join(joining(members[1].id));
  const TestMember leader = member_of(first.get());
  const TestMember follower = member_of(second.get());
  auto waiting = sync(follower);
  power_cut();
  EXPECT_EQ(waiting.get().error, kCoordinatorNotAvailable);
  EXPECT_EQ(heartbeat(leader), kIllegalGeneration);
  EXPECT_EQ(sync(leader, {{leader.id, "x"}}).get().error, kIllegalGeneration);
  EXPECT_EQ(commit(1, follower), kIllegalGeneration);
  auto third = join(joining(leader.id));
  auto fourth = join(joining(follower.id));
  const TestMember again = member_of(third.get());
  EXPECT_EQ(sync(again, {{leader.id, "x"}, {follower.id, "y"}}).get().assignment, "x");
  EXPECT_EQ(sync(member_of(fourth.get())).get().assignment, "y");
  power_cut();
  EXPECT_EQ(heartbeat(again), kNone);
}

TEST_F(GroupRestart, FirstRebalanceIsForgotten) {
  auto first = join(joining());
  power_cut();
  EXPECT_EQ(first.get().error, kCoordinatorNotAvailable);
  EXPECT_FALSE(describe().found);
}

TEST_F(GroupRestart, EmptyGroupKeepsItsGeneration) {
  const auto members = make_stable(1);
  EXPECT_EQ(leave(members[0]), kNone);
  EXPECT_EQ(commit(1), kNone);  // later on the log than the empty group
  power_cut();
  EXPECT_EQ(state(), GroupState::kEmpty);
  auto join = this->join(joining());
  advance(500ms);
  EXPECT_EQ(join.get().generation, 3);
}

TEST_F(GroupRestart, LowerLimitMakesALargerGroupRebalance) {
  const auto members = make_stable(3);
  stop();
  options().members_max = 2;
  log().reopen();
  start();
  EXPECT_EQ(heartbeat(members[0]), kRebalanceInProgress);
  auto first = join(joining(members[0].id));
  auto second = join(joining(members[1].id));
  EXPECT_EQ(join(joining(members[2].id)).get().error, kGroupMaxSizeReached);
  EXPECT_EQ(first.get().members.size(), 2);
  EXPECT_EQ(second.get().generation, 2);
}

TEST_F(GroupRestart, CallsBeforeAndAfterAreRefused) {
  stop();
  Groups early(log().runtime(), log().time(), log().log(), metrics(), options(), 1);
  const auto loading = log().run([&] { return early.heartbeat({.group = "g", .member_id = "m", .instance_id = {}}); });
  EXPECT_EQ(loading, kCoordinatorLoadInProgress);
  log().run([&] { return early.stop(); });
  EXPECT_EQ(log().run([&] { return early.fetch_offsets({.group = "g", .topics = {}}); }).error,
            kCoordinatorNotAvailable);
  EXPECT_EQ(log().run([&] { return early.list({}); }).error, kCoordinatorNotAvailable);
}

TEST_F(GroupRestart, CompactionChangesNothing) {
  for (int i = 0; i < 3; ++i) log().create("t" + std::to_string(i), {});
  for (int i = 0; i < 300; ++i) EXPECT_EQ(commit(i, {}, "t" + std::to_string(i % 3)), kNone);
  EXPECT_EQ(commit(1, {}, "gone"), kNone);
  log().run([&] { return groups().topic_removed("gone"); });
  const auto members = make_stable(2);
  advance(25h);
  log().run([&] { return log().log().clean(); });
  power_cut();
  log().run([&] { return log().log().clean(); });
  restart();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fetch("t" + std::to_string(i)).offset, 297 + i);
  EXPECT_EQ(fetch("gone").offset, -1);
}

// Commits that only go up, on a disk whose power goes at random moments. What was acknowledged never goes back, and
// nothing comes up that nobody has committed. HEADRACE_SEED repeats a run.
TEST(GroupPowerCut, AcknowledgedOffsetNeverGoesBack) {
  const uint64_t seed = test_seed(1);
  SCOPED_TRACE("HEADRACE_SEED=" + std::to_string(seed));
  spdlog::set_level(spdlog::level::off);
  Random random(seed);
  TestingGroups groups(seed, 2);
  struct Model {
    int64_t attempted = -1;
    int64_t acknowledged = -1;
  };
  std::map<std::string, Model> models;
  for (int life = 0; life < 60 && !testing::Test::HasFailure(); ++life) {
    if (!random.one_in(4)) groups.log().files().power_cut_after(1 + random.below(60));
    for (uint64_t bursts = 1 + random.below(8); bursts > 0; --bursts) {
      std::vector<std::tuple<std::string, int64_t, Waiting<std::vector<TopicErrors>>>> burst;
      for (uint64_t i = 1 + random.below(10); i > 0; --i) {
        const std::string group = "g" + std::to_string(random.below(5));
        Model& model = models[group];
        model.attempted = std::max(model.attempted, model.acknowledged) + 1 + static_cast<int64_t>(random.below(3));
        burst.emplace_back(group, model.attempted,
                           groups.committing(model.attempted, {}, "t", std::string(random.below(100), 'x'), -1, group));
      }
      for (auto& [group, offset, waiting] : burst)
        if (waiting.get().at(0).partitions.at(0).error == kNone)
          models[group].acknowledged = std::max(models[group].acknowledged, offset);
    }
    groups.power_cut();
    for (auto& [group, model] : models) {
      const int64_t offset = groups.fetch("t", group).offset;
      EXPECT_GE(offset, model.acknowledged) << "of " << group << " in life " << life;
      EXPECT_LE(offset, model.attempted) << "of " << group << " in life " << life;
      model.acknowledged = offset;
    }
  }
  spdlog::set_level(spdlog::level::info);
}

}  // namespace
}  // namespace headrace
