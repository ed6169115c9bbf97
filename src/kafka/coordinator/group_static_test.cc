// Static members (KIP-345): a client that starts again takes its former self's place.
#include "kafka/coordinator/testing_groups.h"

namespace headrace {
namespace {

using enum ErrorCode;

class GroupStatic : public testing::Test, public TestingGroups {
 protected:
  const std::vector<std::optional<std::string>> instances_{"one", "two"};
};

TEST_F(GroupStatic, RestartDoesNotRebalance) {
  const auto members = make_stable(2, instances_);
  const JoinResult joined = join(joining("", "two")).get();
  EXPECT_EQ(joined.error, kNone);
  EXPECT_EQ(joined.generation, 1);
  EXPECT_NE(joined.member_id, members[1].id);
  EXPECT_TRUE(joined.member_id.starts_with("two-"));
  EXPECT_EQ(sync(member_of(joined, "two")).get().assignment, "a1");
  EXPECT_EQ(heartbeat(members[0]), kNone);

  EXPECT_EQ(heartbeat(members[1]), kFencedInstanceId);
  EXPECT_EQ(sync(members[1]).get().error, kFencedInstanceId);
  EXPECT_EQ(commit(1, members[1]), kFencedInstanceId);
  EXPECT_EQ(join(joining(members[1].id, "two")).get().error, kFencedInstanceId);
  EXPECT_EQ(leave(members[1]), kFencedInstanceId);
  EXPECT_EQ(join(joining(members[1].id, "three")).get().error, kUnknownMemberId);
}

TEST_F(GroupStatic, LeaderThatRestartsDoesNotAssign) {
  const auto members = make_stable(2, instances_);
  const JoinResult before_9 = join(joining("", "one")).get();
  EXPECT_EQ(before_9.leader, members[0].id) << "it must not think that it leads";
  EXPECT_TRUE(before_9.members.empty());
  JoinRequest request = joining("", "one");
  request.can_skip_assignment = true;
  const JoinResult from_9 = join(request).get();
  EXPECT_EQ(from_9.leader, from_9.member_id);
  EXPECT_TRUE(from_9.skip_assignment);
  EXPECT_EQ(from_9.members.size(), 2);
  EXPECT_EQ(sync(member_of(from_9, "one")).get().assignment, "a0");
  JoinRequest follower = joining("", "two");
  follower.can_skip_assignment = true;
  EXPECT_FALSE(join(follower).get().skip_assignment);
}

TEST_F(GroupStatic, RestartOutlivesAPowerCut) {
  make_stable(2, instances_);
  const TestMember again = member_of(join(joining("", "two")).get(), "two");
  power_cut();
  EXPECT_EQ(heartbeat(again), kNone);
  EXPECT_EQ(sync(again).get().assignment, "a1");
}

TEST_F(GroupStatic, RestartWithAnotherProtocolRebalances) {
  const auto members = make_stable(1, {"one"});
  JoinRequest request = joining("", "one");
  request.protocols = {{"sticky", ""}};
  const JoinResult joined = join(request).get();
  EXPECT_EQ(joined.generation, 2);
  EXPECT_EQ(joined.protocol, "sticky");
}

TEST_F(GroupStatic, RestartDuringARebalanceFencesTheOneThatWaits) {
  const auto members = make_stable(2, instances_);
  auto newcomer = join(joining());
  auto waiting = join(joining(members[1].id, "two"));
  auto restarted = join(joining("", "two"));
  EXPECT_EQ(waiting.get().error, kFencedInstanceId);
  EXPECT_FALSE(restarted.answered());
  auto first = join(joining(members[0].id, "one"));
  EXPECT_EQ(restarted.get().generation, 2);
  EXPECT_EQ(first.get().members.size(), 3);
}

TEST_F(GroupStatic, RestartWhileTheLeaderAssignsStartsAgain) {
  auto first = join(joining("", "one"));
  auto second = join(joining("", "two"));
  advance(500ms);
  advance(500ms);
  const TestMember leader = member_of(first.get(), "one");
  auto waiting = sync(member_of(second.get(), "two"));
  auto restarted = join(joining("", "two"));
  EXPECT_EQ(waiting.get().error, kFencedInstanceId);
  EXPECT_EQ(heartbeat(leader), kRebalanceInProgress);
  EXPECT_EQ(join(joining(leader.id, "one")).get().generation, 2);
  EXPECT_EQ(restarted.get().generation, 2);
}

TEST_F(GroupStatic, StaysThroughARebalanceUntilItsSessionEnds) {
  JoinRequest patient = joining("", "two");
  patient.session_timeout = 10min;
  auto first = join(joining());
  auto second = join(patient);
  advance(500ms);
  advance(500ms);
  const TestMember leader = member_of(first.get());
  const TestMember quiet = member_of(second.get(), "two");
  EXPECT_EQ(sync(leader, {{leader.id, "a"}, {quiet.id, "b"}}).get().error, kNone);
  EXPECT_EQ(sync(quiet).get().assignment, "b");

  auto again = join(joining(leader.id));  // the leader asks for a rebalance
  advance(60s);
  const JoinResult joined = again.get();
  EXPECT_EQ(joined.members.size(), 2) << "the static member is away, but not gone";
  EXPECT_EQ(sync(member_of(joined), {{leader.id, "a"}, {quiet.id, "c"}}).get().error, kNone);
  EXPECT_EQ(heartbeat(quiet), kIllegalGeneration);
}

TEST_F(GroupStatic, RebalanceWaitsForTheFirstWhenOnlyStaticMembersAreLeft) {
  JoinRequest patient = joining("", "one");
  patient.session_timeout = 20min;
  auto first = join(patient);
  advance(500ms);
  const TestMember member = member_of(first.get(), "one");
  EXPECT_EQ(sync(member, {{member.id, "a"}}).get().error, kNone);
  auto other = join(joining());
  advance(300s);  // the newcomer's join has waited for too long by now
  advance(60s);
  patient.member_id = member.id;
  auto again = join(patient);
  advance(60s);
  EXPECT_EQ(again.get().error, kNone);
  EXPECT_TRUE(other.answered());
}

TEST_F(GroupStatic, OperatorRemovesAnInstanceByItsName) {
  const auto members = make_stable(2, instances_);
  EXPECT_EQ(leave_all({{"", "three", ""}}).members.at(0).error, kUnknownMemberId);
  EXPECT_EQ(leave_all({{"", "two", ""}}).members.at(0).error, kNone);
  EXPECT_EQ(heartbeat(members[0]), kRebalanceInProgress);
  EXPECT_EQ(heartbeat(members[1]), kUnknownMemberId);
}

TEST_F(GroupStatic, FullGroupLetsItsOwnComeBack) {
  stop();
  options().members_max = 2;
  start();
  make_stable(2, instances_);
  EXPECT_EQ(join(joining("", "three")).get().error, kGroupMaxSizeReached);
  EXPECT_EQ(join(joining("", "two")).get().error, kNone);
}

}  // namespace
}  // namespace headrace
