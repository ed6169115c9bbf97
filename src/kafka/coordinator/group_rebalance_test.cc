// Members that come, go, stay away and change their minds.
#include <set>

#include "kafka/coordinator/testing_groups.h"

namespace headrace {
namespace {

using enum ErrorCode;

class GroupRebalance : public testing::Test, public TestingGroups {};

TEST_F(GroupRebalance, FirstMemberWaitsForOthersAndLeads) {
  auto join = this->join(joining());
  EXPECT_EQ(state(), GroupState::kPreparingRebalance);
  advance(499ms);
  EXPECT_FALSE(join.answered());
  advance(1ms);
  const JoinResult joined = join.get();
  EXPECT_EQ(joined.error, kNone);
  EXPECT_EQ(joined.generation, 1);
  EXPECT_EQ(joined.leader, joined.member_id);
  EXPECT_EQ(joined.protocol, "range");
  EXPECT_EQ(joined.protocol_type, "consumer");
  ASSERT_EQ(joined.members.size(), 1);
  EXPECT_EQ(joined.members[0].metadata, "about range");
  EXPECT_TRUE(joined.member_id.starts_with("client-"));
  EXPECT_EQ(state(), GroupState::kCompletingRebalance);
}

TEST_F(GroupRebalance, InitialDelayGoesOnWhileMembersComeButNotForEver) {
  JoinRequest impatient = joining();
  impatient.rebalance_timeout = 1200ms;
  std::vector<Waiting<JoinResult>> joins;
  joins.push_back(join(impatient));
  advance(400ms);
  joins.push_back(join(impatient));
  advance(100ms);
  EXPECT_FALSE(joins[0].answered());
  joins.push_back(join(impatient));
  advance(500ms);
  EXPECT_FALSE(joins[0].answered());
  joins.push_back(join(impatient));
  advance(200ms);  // the rebalance timeout
  std::set<std::string> ids;
  std::set<std::string> leaders;
  size_t seen_by_leader = 0;
  for (auto& join : joins) {
    const JoinResult joined = join.get();
    EXPECT_EQ(joined.generation, 1);
    ids.insert(joined.member_id);
    leaders.insert(joined.leader);
    if (joined.leader == joined.member_id)
      seen_by_leader = joined.members.size();
    else
      EXPECT_TRUE(joined.members.empty());
  }
  EXPECT_EQ(ids.size(), 4);
  EXPECT_EQ(leaders.size(), 1);
  EXPECT_EQ(seen_by_leader, 4);
}

TEST_F(GroupRebalance, NewMemberIsToldItsIdFirst) {
  JoinRequest request = joining();
  request.member_id_required = true;
  const JoinResult told = join(request).get();
  EXPECT_EQ(told.error, kMemberIdRequired);
  ASSERT_FALSE(told.member_id.empty());
  EXPECT_EQ(told.generation, -1);
  request.member_id = told.member_id;
  auto join = this->join(request);
  advance(500ms);
  EXPECT_EQ(join.get().member_id, told.member_id);
}

TEST_F(GroupRebalance, IdThatWasNotUsedExpires) {
  JoinRequest request = joining();
  request.member_id_required = true;
  request.member_id = join(request).get().member_id;
  advance(10s);
  EXPECT_EQ(join(request).get().error, kUnknownMemberId);
}

TEST_F(GroupRebalance, FollowersWaitForTheLeadersAssignment) {
  auto first = join(joining());
  auto second = join(joining());
  advance(500ms);
  advance(500ms);
  const TestMember leader = member_of(first.get());
  const TestMember follower = member_of(second.get());
  auto waiting = sync(follower);
  EXPECT_FALSE(waiting.answered());
  EXPECT_EQ(heartbeat(follower), kNone);
  EXPECT_EQ(commit(1, follower), kRebalanceInProgress);
  EXPECT_EQ(sync(leader, {{leader.id, "mine"}, {follower.id, "yours"}, {"nobody", "lost"}}).get().assignment, "mine");
  EXPECT_EQ(waiting.get().assignment, "yours");
  EXPECT_EQ(sync(follower).get().assignment, "yours") << "asking again is harmless";
  const DescribedGroup described = describe();
  EXPECT_EQ(described.state, GroupState::kStable);
  EXPECT_EQ(described.protocol, "range");
  ASSERT_EQ(described.members.size(), 2);
  EXPECT_EQ(described.members[0].metadata, "about range");
}

TEST_F(GroupRebalance, NewMemberMakesTheOthersJoinAgain) {
  const auto members = make_stable(2);
  auto third = join(joining());
  EXPECT_EQ(heartbeat(members[0]), kRebalanceInProgress);
  EXPECT_EQ(commit(5, members[0]), kNone) << "what was done in the old generation counts until it has joined again";
  auto first = join(joining(members[0].id));
  EXPECT_FALSE(third.answered());
  auto second = join(joining(members[1].id));
  const JoinResult leader = first.get();
  EXPECT_EQ(leader.generation, 2);
  EXPECT_EQ(leader.leader, members[0].id) << "who has led goes on";
  EXPECT_EQ(leader.members.size(), 3);
  EXPECT_EQ(second.get().generation, 2);
  EXPECT_EQ(third.get().generation, 2);
  EXPECT_EQ(heartbeat(members[0]), kIllegalGeneration);
  EXPECT_EQ(commit(6, members[0]), kIllegalGeneration);
  EXPECT_EQ(sync(members[0]).get().error, kIllegalGeneration);
}

TEST_F(GroupRebalance, WhoDoesNotJoinAgainInTimeIsOut) {
  const auto members = make_stable(2);
  auto first = join(joining(members[0].id));
  for (int i = 0; i < 59; ++i) {
    advance(1s);
    EXPECT_EQ(heartbeat(members[1]), kRebalanceInProgress);
  }
  EXPECT_FALSE(first.answered());
  advance(1s);
  EXPECT_EQ(first.get().members.size(), 1);
  EXPECT_EQ(heartbeat(members[1]), kUnknownMemberId);
}

TEST_F(GroupRebalance, LeaderThatStaysAwayIsReplaced) {
  const auto members = make_stable(2);
  auto second = join(joining(members[1].id));  // nothing has changed for it
  EXPECT_EQ(second.get().generation, 1);
  auto third = join(joining());
  auto again = join(joining(members[1].id));
  advance(10s);  // the leader's session
  const JoinResult joined = again.get();
  EXPECT_EQ(joined.generation, 2);
  EXPECT_NE(joined.leader, members[0].id);
  EXPECT_EQ(third.get().leader, joined.leader);
}

TEST_F(GroupRebalance, SessionThatEndsMakesTheOthersJoinAgain) {
  const auto members = make_stable(2);
  advance(9s);
  EXPECT_EQ(heartbeat(members[0]), kNone);
  advance(1s);
  EXPECT_EQ(heartbeat(members[0]), kRebalanceInProgress);
  EXPECT_EQ(heartbeat(members[1]), kUnknownMemberId);
  auto join = this->join(joining(members[0].id));
  EXPECT_EQ(join.get().members.size(), 1);
}

TEST_F(GroupRebalance, GroupWithoutMembersIsEmptyAndKeepsItsGeneration) {
  make_stable(2);
  advance(11s);
  EXPECT_EQ(state(), GroupState::kEmpty);
  auto join = this->join(joining());
  advance(500ms);
  EXPECT_EQ(join.get().generation, 3) << "1 was stable, 2 was empty";
}

TEST_F(GroupRebalance, LeaderThatAssignsNothingIsOut) {
  JoinRequest request = joining();
  request.rebalance_timeout = 5s;
  auto first = join(request);
  auto second = join(request);
  advance(500ms);
  advance(500ms);
  const TestMember leader = member_of(first.get());
  const TestMember follower = member_of(second.get());
  auto waiting = sync(follower);
  advance(5s);
  EXPECT_EQ(waiting.get().error, kRebalanceInProgress);
  EXPECT_EQ(heartbeat(leader), kUnknownMemberId);
  request.member_id = follower.id;
  EXPECT_EQ(join(request).get().leader, follower.id);
}

TEST_F(GroupRebalance, MemberThatComesWhileTheLeaderAssignsStartsAgain) {
  const auto members = make_stable(2);
  auto first = join(joining(members[0].id));
  auto second = join(joining(members[1].id));
  const TestMember leader = member_of(first.get());
  auto waiting = sync(member_of(second.get()));
  auto third = join(joining());
  EXPECT_EQ(waiting.get().error, kRebalanceInProgress);
  EXPECT_EQ(sync(leader, {{leader.id, "stale"}}).get().error, kRebalanceInProgress);
}

TEST_F(GroupRebalance, RequestThatIsSentAgainReplacesTheFirst) {
  auto first = join(joining());
  advance(500ms);
  const TestMember member = member_of(first.get());
  EXPECT_EQ(join(joining(member.id)).get().generation, 1) << "the answer was lost: the same again";
  auto other = join(joining());
  auto again = join(joining(member.id));
  EXPECT_EQ(again.get().generation, 2);
  EXPECT_EQ(other.get().generation, 2);
  // Now the leader waits for the other one, twice.
  const TestMember leader{member.id, 2, {}};
  auto third = join(joining());
  auto lost = join(joining(leader.id));
  auto kept = join(joining(leader.id));
  EXPECT_EQ(lost.get().error, kRebalanceInProgress);
  EXPECT_FALSE(kept.answered());
}

TEST_F(GroupRebalance, MembersVoteForTheProtocol) {
  const auto with = [](std::vector<MemberProtocol> protocols) {
    JoinRequest request = joining();
    request.protocols = std::move(protocols);
    return request;
  };
  auto first = join(with({{"a", ""}, {"b", "1"}, {"c", ""}}));
  auto second = join(with({{"b", "2"}, {"c", ""}, {"a", ""}}));
  auto third = join(with({{"d", ""}, {"b", "3"}, {"c", ""}}));
  EXPECT_EQ(join(with({{"d", ""}})).get().error, kInconsistentGroupProtocol);
  EXPECT_EQ(join(with({})).get().error, kInconsistentGroupProtocol);
  JoinRequest other = with({{"b", ""}});
  other.protocol_type = "connect";
  EXPECT_EQ(join(other).get().error, kInconsistentGroupProtocol);
  advance(500ms);
  advance(500ms);
  const JoinResult joined = first.get();
  EXPECT_EQ(joined.protocol, "b") << "a and d are not everybody's, and b has more friends than c";
  EXPECT_EQ(second.get().protocol, "b");
  ASSERT_EQ(joined.members.size(), 3);
  for (const JoinedMember& member : joined.members) EXPECT_EQ(member.metadata.size(), 1);
  SyncRequest wrong{.group = "g", .generation = 1, .member_id = joined.member_id, .instance_id = {}};
  wrong.protocol = "c";
  EXPECT_EQ(log().run([&] { return groups().sync(wrong); }).error, kInconsistentGroupProtocol);
}

TEST_F(GroupRebalance, LeavingMakesTheOthersJoinAgain) {
  const auto members = make_stable(3);
  EXPECT_EQ(leave(members[0]), kNone);
  EXPECT_EQ(leave(members[0]), kUnknownMemberId);
  EXPECT_EQ(heartbeat(members[1]), kRebalanceInProgress);
  auto second = join(joining(members[1].id));
  const LeaveResult left = leave_all({{members[2].id, {}, ""}, {"nobody", {}, ""}});
  ASSERT_EQ(left.members.size(), 2);
  EXPECT_EQ(left.members[0].error, kNone);
  EXPECT_EQ(left.members[1].error, kUnknownMemberId);
  EXPECT_EQ(second.get().leader, members[1].id) << "all who are left have joined";
}

TEST_F(GroupRebalance, WhoLeavesWhileItsJoinWaitsIsToldSo) {
  const auto members = make_stable(2);
  auto waiting = join(joining(members[0].id));
  EXPECT_EQ(leave(members[0]), kNone);
  EXPECT_EQ(waiting.get().error, kUnknownMemberId);
}

TEST_F(GroupRebalance, WrongRequestsAreRefused) {
  JoinRequest request = joining();
  request.session_timeout = 5s;
  EXPECT_EQ(join(request).get().error, kInvalidSessionTimeout);
  request.session_timeout = 31min;
  EXPECT_EQ(join(request).get().error, kInvalidSessionTimeout);
  request = joining();
  request.group = "";
  EXPECT_EQ(join(request).get().error, kInvalidGroupId);
  EXPECT_EQ(join(joining("nobody")).get().error, kUnknownMemberId);
  EXPECT_EQ(sync({"nobody", 1, {}}).get().error, kUnknownMemberId);
  EXPECT_EQ(heartbeat({"nobody", 1, {}}), kUnknownMemberId);
  EXPECT_EQ(leave(TestMember{"nobody", 1, {}}), kUnknownMemberId);
  EXPECT_FALSE(describe().found) << "a refused request makes no group";
}

TEST_F(GroupRebalance, LimitsAreKept) {
  stop();
  options().members_max = 2;
  options().groups_max = 2;
  options().member_bytes_max = 1000;
  start();
  const auto members = make_stable(2);
  EXPECT_EQ(join(joining()).get().error, kGroupMaxSizeReached);
  JoinRequest pending = joining();
  pending.member_id_required = true;
  EXPECT_EQ(join(pending).get().error, kGroupMaxSizeReached);
  JoinRequest large = joining();
  large.group = "other";
  large.protocols[0].metadata.assign(1000, 'x');
  EXPECT_EQ(join(large).get().error, kGroupMaxSizeReached);
  EXPECT_EQ(commit(1, {}, "t", "", -1, "second"), kNone);
  EXPECT_EQ(commit(1, {}, "t", "", -1, "third"), kGroupMaxSizeReached);
  auto rejoining = join(joining(members[0].id));
  auto other = join(joining(members[1].id));
  const TestMember leader = member_of(rejoining.get());
  EXPECT_EQ(sync(leader, {{leader.id, std::string(1001, 'x')}}).get().error, kUnknownServerError);
  EXPECT_EQ(state(), GroupState::kPreparingRebalance);
}

TEST_F(GroupRebalance, MemoryIsLimited) {
  stop();
  options().memory_bytes_max = 40'000;
  start();
  JoinRequest large = joining();
  large.protocols[0].metadata.assign(20'000, 'x');
  auto first = join(large);
  EXPECT_EQ(join(large).get().error, kCoordinatorLoadInProgress);
  advance(500ms);
  const TestMember member = member_of(first.get());
  EXPECT_EQ(leave(member), kNone);
  auto second = join(large);
  EXPECT_FALSE(second.answered()) << "what was given back can be used again";
  advance(500ms);
  EXPECT_EQ(second.get().error, kNone);
  ErrorCode error = kNone;
  for (int i = 0; i < 100 && error == kNone; ++i)
    error = commit(i, {}, "topic-" + std::to_string(i), std::string(1000, 'x'), -1, "other");
  EXPECT_EQ(error, kCoordinatorLoadInProgress);
}

TEST_F(GroupRebalance, DiskThatFailsMakesTheLeaderAssignAgain) {
  auto join = this->join(joining());
  advance(500ms);
  const TestMember leader = member_of(join.get());
  log().files().set_faults({.sync_fails_one_in = 1});
  EXPECT_EQ(sync(leader, {{leader.id, "mine"}}).get().error, kCoordinatorNotAvailable);
  EXPECT_EQ(heartbeat(leader), kRebalanceInProgress);
  log().files().set_faults({});
  const TestMember again = member_of(this->join(joining(leader.id)).get());
  EXPECT_EQ(sync(again, {{again.id, "mine"}}).get().assignment, "mine");
}

}  // namespace
}  // namespace headrace
