// What members of groups of the consumer type are promised.
#include "kafka/coordinator/testing_consumers.h"

namespace headrace {
namespace {

using enum ErrorCode;

class ConsumerGroupTest : public testing::Test, public TestingConsumers {
 protected:
  void SetUp() override { make_topic("t", 6); }
};

TEST_F(ConsumerGroupTest, TheFirstMemberHasAllAtOnce) {
  TestConsumer a{.id = "a"};
  const auto result = beat(a);
  EXPECT_EQ(result.member_epoch, 1);
  EXPECT_EQ(result.interval, options().consumer_heartbeat_interval);
  EXPECT_EQ(result.assignment, all_of("t", 6));
  EXPECT_EQ(describe_consumers().state, GroupState::kStable);
  EXPECT_EQ(beat(a, brief(a)).assignment, std::nullopt) << "nothing has changed";
}

TEST_F(ConsumerGroupTest, APartitionGoesToItsNewOwnerOnlyAfterTheOldOneGaveItUp) {
  TestConsumer a{.id = "a"};
  TestConsumer b{.id = "b"};
  beat(a);
  EXPECT_EQ(beat(b).member_epoch, 2);
  EXPECT_TRUE(b.owned.empty());
  EXPECT_EQ(describe_consumers().state, GroupState::kReconciling);

  const PartitionSet before = a.owned;
  const auto told = beat(a, brief(a));
  EXPECT_EQ(told.member_epoch, 1) << "it still has to give up three";
  EXPECT_EQ(count(a.owned), 3);
  beat(b, brief(b));
  EXPECT_TRUE(b.owned.empty()) << "a has not said that it gave them up";
  ConsumerHeartbeatRequest holding = brief(a);
  holding.owned = before;
  EXPECT_EQ(send(holding).member_epoch, 1);
  EXPECT_TRUE(beat(b).assignment->empty());

  EXPECT_EQ(beat(a).member_epoch, 2);
  EXPECT_EQ(count(beat(b).assignment.value()), 3);
  EXPECT_FALSE(intersects(a.owned, b.owned));
  EXPECT_EQ(describe_consumers().state, GroupState::kStable);
}

TEST_F(ConsumerGroupTest, WhoLeavesGivesUpWhatHeHad) {
  TestConsumer a{.id = "a"};
  TestConsumer b{.id = "b"};
  beat(a);
  beat(b);
  settle_all({&a, &b});
  ConsumerHeartbeatRequest leaving = brief(a);
  leaving.member_epoch = kLeaveEpoch;
  EXPECT_EQ(send(leaving).member_epoch, kLeaveEpoch);
  EXPECT_EQ(beat(b, brief(b)).assignment, all_of("t", 6));
  EXPECT_EQ(error_of(complete(a)), kUnknownMemberId);
  leaving.member_id = "b";
  EXPECT_EQ(error_of(leaving), kNone);
  EXPECT_EQ(describe_consumers().state, GroupState::kEmpty);
}

TEST_F(ConsumerGroupTest, WhoIsSilentIsOut) {
  TestConsumer a{.id = "a"};
  TestConsumer b{.id = "b"};
  beat(a);
  beat(b);
  settle_all({&a, &b});
  for (int i = 0; i < 9; ++i) {
    advance(5s);
    beat(b);
  }
  beat(b);
  EXPECT_EQ(b.owned, all_of("t", 6));
  EXPECT_EQ(error_of(brief(a)), kUnknownMemberId);
}

TEST_F(ConsumerGroupTest, WhoDoesNotGiveUpInTimeIsOut) {
  TestConsumer a{.id = "a"};
  TestConsumer b{.id = "b"};
  ConsumerHeartbeatRequest joining = complete(a);
  joining.rebalance_timeout = 10s;
  beat(a, joining);
  beat(b);
  send(brief(a));  // is told to give up, and goes on as if it was not
  for (int i = 0; i < 3; ++i) {
    advance(5s);
    beat(b);
    send(brief(a));
  }
  EXPECT_EQ(error_of(brief(a)), kUnknownMemberId);
  settle_all({&b});
  EXPECT_EQ(b.owned, all_of("t", 6));
}

TEST_F(ConsumerGroupTest, EpochsAreChecked) {
  TestConsumer a{.id = "a"};
  beat(a);
  TestConsumer b{.id = "b"};
  beat(b);
  settle_all({&a, &b});
  ASSERT_EQ(a.epoch, 2);
  TestConsumer ahead = a;
  ahead.epoch = 3;
  EXPECT_EQ(error_of(complete(ahead)), kFencedMemberEpoch);

  // The answer with the new epoch was lost.
  TestConsumer behind = a;
  behind.epoch = 1;
  const auto again = send(complete(behind));
  EXPECT_EQ(again.error, kNone);
  EXPECT_EQ(again.member_epoch, 2);
  EXPECT_EQ(again.assignment, a.owned);
  // But not when it has what it does not have.
  behind.owned = all_of("t", 6);
  EXPECT_EQ(error_of(complete(behind)), kFencedMemberEpoch);
  behind.epoch = 0;
  behind.owned = {};
  EXPECT_EQ(error_of(complete(behind)), kFencedMemberEpoch);
}

TEST_F(ConsumerGroupTest, MistakesAreRefusedAndLeaveNothingBehind) {
  const TestConsumer a{.id = "a"};
  const auto joining = complete(a);
  const auto refused = [&](auto&& change) {
    ConsumerHeartbeatRequest request = joining;
    change(request);
    return error_of(request);
  };
  EXPECT_EQ(refused([](auto& r) { r.group = ""; }), kInvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.member_id = ""; }), kInvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.instance_id = ""; }), kInvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.rack_id = ""; }), kInvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.member_epoch = -3; }), kInvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.member_epoch = kLeaveForAWhileEpoch; }), kInvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.rebalance_timeout = {}; }), kInvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.owned = {}; }), kInvalidRequest);
  EXPECT_EQ(refused([&](auto& r) { r.owned = all_of("t", 1); }), kInvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.topics = {}; }), kInvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.assignor = "sticky"; }), kUnsupportedAssignor);
  EXPECT_EQ(refused([](auto& r) { r.pattern = "("; }), kInvalidRegularExpression);
  EXPECT_EQ(refused([](auto& r) { r.pattern = std::string(5000, 'x'); }), kInvalidRegularExpression);
  EXPECT_EQ(refused([](auto& r) { r.member_id = std::string(2 << 20, 'x'); }), kGroupMaxSizeReached);
  EXPECT_EQ(refused([](auto& r) { r.member_epoch = 1; }), kGroupIdNotFound);
  EXPECT_EQ(refused([](auto& r) { r.member_epoch = kLeaveEpoch; }), kGroupIdNotFound);
  EXPECT_TRUE(listed().empty());
  EXPECT_EQ(describe_consumers().error, kGroupIdNotFound);
}

TEST_F(ConsumerGroupTest, TheServerNamesMembersOfTheFirstVersion) {
  ConsumerHeartbeatRequest joining = complete({.id = ""});
  joining.brings_its_id = false;
  const std::string first = send(joining).member_id;
  EXPECT_FALSE(first.empty());
  EXPECT_NE(send(joining).member_id, first);
}

TEST_F(ConsumerGroupTest, GroupsHaveLimits) {
  stop();
  options().members_max = 1;
  options().partitions_max = 10;
  start();
  make_topic("large", 11);
  EXPECT_EQ(error_of(complete({.id = "a", .topics = {"large"}})), kGroupMaxSizeReached);
  TestConsumer a{.id = "a"};
  beat(a);
  EXPECT_EQ(error_of(complete({.id = "b"})), kGroupMaxSizeReached);
  widen_topic("t", 11);
  advance(2s);
  EXPECT_EQ(beat(a).member_epoch, 1) << "what it has stays";
}

TEST_F(ConsumerGroupTest, StaticMembersComeBackToWhatTheyHad) {
  TestConsumer a{.id = "a", .instance = "i"};
  TestConsumer b{.id = "b"};
  beat(a);
  beat(b);
  settle_all({&a, &b});
  EXPECT_EQ(error_of(complete({.id = "a2", .instance = "i"})), kUnreleasedInstanceId);
  TestConsumer stranger = a;
  stranger.id = "a2";
  EXPECT_EQ(error_of(complete(stranger)), kFencedInstanceId);
  stranger.instance = "nobody";
  EXPECT_EQ(error_of(complete(stranger)), kUnknownMemberId);

  ConsumerHeartbeatRequest leaving = brief(a);
  leaving.member_epoch = kLeaveForAWhileEpoch;
  EXPECT_EQ(send(leaving).member_epoch, kLeaveForAWhileEpoch);
  const int32_t epoch = describe_consumers().epoch;
  const PartitionSet others = b.owned;
  settle_all({&b});
  EXPECT_EQ(b.owned, others);
  TestConsumer back{.id = "a2", .instance = "i"};
  EXPECT_EQ(beat(back).assignment, a.owned);
  EXPECT_EQ(back.epoch, epoch) << "nobody else noticed";
  EXPECT_EQ(error_of(complete(a)), kFencedInstanceId);

  // One that does not come back loses its place with its session.
  leaving.member_id = "a2";
  send(leaving);
  for (int i = 0; i < 10; ++i) {
    advance(5s);
    beat(b);
  }
  beat(b);
  EXPECT_EQ(b.owned, all_of("t", 6));
}

TEST_F(ConsumerGroupTest, AMemberKeepsTheInstanceIdItJoinedWith) {
  TestConsumer a{.id = "a", .instance = "i"};
  beat(a);
  // Its first answer may have been lost: epoch 0 is still good, but not for somebody else.
  EXPECT_EQ(error_of(complete({.id = "a", .instance = "j"})), kInvalidRequest);
  EXPECT_EQ(error_of(complete({.id = "a", .instance = "i"})), kNone);
  ConsumerHeartbeatRequest leaving = brief(a);
  leaving.member_epoch = kLeaveEpoch;
  leaving.instance_id = "j";
  EXPECT_EQ(error_of(leaving), kUnknownMemberId);
  leaving.instance_id = "i";
  EXPECT_EQ(error_of(leaving), kNone);
  TestConsumer next{.id = "b", .instance = "i"};
  EXPECT_EQ(beat(next).assignment, all_of("t", 6));
}

TEST_F(ConsumerGroupTest, AMemberDoesNotTakeThePlaceOfOneThatIsAway) {
  TestConsumer a{.id = "a", .instance = "i"};
  TestConsumer b{.id = "b", .instance = "j"};
  TestConsumer c{.id = "c"};
  for (TestConsumer* const each : {&a, &b, &c}) beat(*each);
  settle_all({&a, &b, &c});
  ConsumerHeartbeatRequest leaving = brief(a);
  leaving.member_epoch = kLeaveForAWhileEpoch;
  EXPECT_EQ(error_of(leaving), kNone);
  EXPECT_EQ(error_of(complete({.id = "b", .instance = "i"})), kInvalidRequest);
  EXPECT_EQ(error_of(complete({.id = "c", .instance = "i"})), kInvalidRequest);
  settle_all({&b, &c});
  TestConsumer back{.id = "a", .instance = "i"};
  EXPECT_EQ(beat(back).assignment, a.owned);
}

TEST_F(ConsumerGroupTest, OperatorsRemoveStaticMembersByLeaveGroup) {
  TestConsumer a{.id = "a", .instance = "i"};
  TestConsumer b{.id = "b"};
  beat(a);
  beat(b);
  settle_all({&a, &b});
  EXPECT_EQ(leave({.id = "", .instance = "nobody"}), kUnknownMemberId);
  EXPECT_EQ(leave({.id = "b"}), kUnknownMemberId) << "it leaves by itself";
  EXPECT_EQ(leave({.id = "", .instance = "i"}), kNone);
  EXPECT_EQ(error_of(complete(a)), kUnknownMemberId);
  settle_all({&b});
  EXPECT_EQ(b.owned, all_of("t", 6));
}

TEST_F(ConsumerGroupTest, NewAndWiderAndRemovedTopicsStartANewEpoch) {
  TestConsumer a{.id = "a", .topics = {"later", "t"}};
  beat(a);
  EXPECT_EQ(a.owned, all_of("t", 6));
  make_topic("later", 2);
  advance(2s);
  beat(a);
  EXPECT_EQ(count(a.owned), 8);
  EXPECT_EQ(a.epoch, 2);
  widen_topic("t", 9);
  advance(2s);
  beat(a);
  EXPECT_EQ(count(a.owned), 11);
  log().run([&] { return log().log().remove("later"); });
  advance(2s);
  settle_all({&a});
  EXPECT_EQ(a.owned, all_of("t", 9));
  make_topic("unrelated", 1);
  const int32_t epoch = a.epoch;
  advance(2s);
  beat(a);
  EXPECT_EQ(a.epoch, epoch);
}

TEST_F(ConsumerGroupTest, PatternsMatchWholeNamesAndNothingOfOurs) {
  make_topic("t2", 1);
  make_topic("other-t", 1);
  ConsumerHeartbeatRequest joining = complete({.id = "a", .topics = {}});
  joining.pattern = "t.*|_groups";
  PartitionSet expected = all_of("t", 6);
  add(expected, all_of("t2", 1));
  EXPECT_EQ(send(joining).assignment, expected);
  make_topic("t3", 1);
  advance(2s);
  add(expected, all_of("t3", 1));
  EXPECT_EQ(send(brief({.id = "a", .epoch = 1})).assignment, expected);
}

TEST_F(ConsumerGroupTest, TheAssignorThatMostWantIsUsed) {
  make_topic("u", 6);
  const std::vector<std::string> both{"t", "u"};
  TestConsumer a{.id = "a", .topics = both};
  TestConsumer b{.id = "b", .topics = both};
  ConsumerHeartbeatRequest joining = complete(a);
  joining.assignor = "range";
  beat(a, joining);
  EXPECT_EQ(describe_consumers().assignor, "range");
  beat(b);
  settle_all({&a, &b});
  EXPECT_EQ(a.owned.at(id_of("t")), a.owned.at(id_of("u")));
  ConsumerHeartbeatRequest indifferent = brief(a);
  indifferent.assignor = "uniform";
  beat(a, indifferent);
  EXPECT_EQ(describe_consumers().assignor, "uniform");
}

TEST_F(ConsumerGroupTest, OffsetsAreOfMembersInTheirEpoch) {
  TestConsumer a{.id = "a"};
  beat(a);
  EXPECT_EQ(commit_as(a, 5), kNone);
  EXPECT_EQ(commit_as({.id = "a", .epoch = 0}, 6), kStaleMemberEpoch);
  EXPECT_EQ(commit_as({.id = "b", .epoch = 1}, 6), kUnknownMemberId);
  EXPECT_EQ(commit(6), kUnknownMemberId) << "nor from a tool, while there are members";
  EXPECT_EQ(fetch().offset, 5);
  const auto by_old_client = log().run([&] {
    return groups().commit({.group = "g",
                            .generation = 1,
                            .member_id = "a",
                            .instance_id = {},
                            .knows_epochs = false,
                            .topics = {{"t", {{0, 6, -1, ""}}}}});
  });
  EXPECT_EQ(by_old_client.at(0).partitions.at(0).error, kUnsupportedVersion);
  const auto fetched_by = [&](const std::string& id, int32_t epoch) {
    return log()
        .run([&] {
          return groups().fetch_offsets({.group = "g", .member_id = id, .member_epoch = epoch, .topics = {}});
        })
        .error;
  };
  EXPECT_EQ(fetched_by("a", 1), kNone);
  EXPECT_EQ(fetched_by("a", 2), kStaleMemberEpoch);
  EXPECT_EQ(fetched_by("b", 1), kUnknownMemberId);

  const auto deleted = [&] {
    return log()
        .run([&] { return groups().delete_offsets({.group = "g", .topics = {{"t", {0}}}}); })
        .topics.at(0)
        .partitions.at(0)
        .error;
  };
  EXPECT_EQ(deleted(), kGroupSubscribedToTopic);
  EXPECT_EQ(remove_group(), kNonEmptyGroup);
  send({.group = "g", .member_id = "a", .member_epoch = kLeaveEpoch});
  EXPECT_EQ(deleted(), kNone);
  EXPECT_EQ(fetch().offset, -1);
  EXPECT_EQ(remove_group(), kNone);
  EXPECT_EQ(describe_consumers().error, kGroupIdNotFound);
  restart();
  EXPECT_TRUE(listed().empty());
}

TEST_F(ConsumerGroupTest, OnlyAnEmptyGroupBecomesOneOfTheOtherType) {
  TestConsumer a{.id = "a"};
  beat(a);
  commit_as(a, 5);
  EXPECT_EQ(join(joining()).get().error, kInconsistentGroupProtocol);
  EXPECT_FALSE(describe().found) << "DescribeGroups does not know groups of the consumer type";
  ASSERT_EQ(listed({"Consumer"}).size(), 1);
  EXPECT_EQ(listed({"Consumer"}).at(0).protocol_type, "consumer");
  EXPECT_TRUE(listed({"classic"}).empty());

  send({.group = "g", .member_id = "a", .member_epoch = kLeaveEpoch});
  const auto members = make_stable(1);
  EXPECT_EQ(listed({"classic"}).size(), 1);
  EXPECT_EQ(fetch().offset, 5) << "the offsets stay";
  EXPECT_EQ(error_of(complete({.id = "b"})), kGroupIdNotFound);
  EXPECT_EQ(describe_consumers().error, kGroupIdNotFound);
  restart();
  EXPECT_EQ(state(), GroupState::kStable);

  EXPECT_EQ(leave(members[0]), kNone);
  EXPECT_EQ(error_of(complete({.id = "b"})), kNone);
  EXPECT_EQ(listed({"consumer"}).size(), 1);
  restart();
  EXPECT_EQ(listed({"consumer"}).size(), 1);
  EXPECT_EQ(fetch().offset, 5);
}

TEST_F(ConsumerGroupTest, MetricsFollow) {
  TestConsumer a{.id = "a"};
  beat(a);
  commit_as(a, 1);
  const auto has = [&](const std::string& line) {
    return ("\n" + metrics().text()).find("\n" + line + "\n") != std::string::npos;
  };
  EXPECT_TRUE(has(R"(headrace_kafka_groups{shard="0",state="Stable",type="consumer"} 1)")) << metrics().text();
  EXPECT_TRUE(has(R"(headrace_kafka_groups{shard="0",state="Empty",type="classic"} 0)"));
  EXPECT_TRUE(has(R"(headrace_kafka_group_members{shard="0",type="consumer"} 1)"));
  EXPECT_TRUE(has(R"(headrace_kafka_group_rebalances_total{shard="0",type="consumer"} 1)"));
  EXPECT_TRUE(has(R"(headrace_kafka_committed_offsets_total{shard="0"} 1)"));
  send({.group = "g", .member_id = "a", .member_epoch = kLeaveEpoch});
  EXPECT_TRUE(has(R"(headrace_kafka_groups{shard="0",state="Empty",type="consumer"} 1)"));
  make_stable(2);
  EXPECT_TRUE(has(R"(headrace_kafka_groups{shard="0",state="Empty",type="consumer"} 0)"));
  EXPECT_TRUE(has(R"(headrace_kafka_groups{shard="0",state="Stable",type="classic"} 1)"));
  EXPECT_TRUE(has(R"(headrace_kafka_group_members{shard="0",type="classic"} 2)"));
  EXPECT_TRUE(has(R"(headrace_kafka_group_rebalances_total{shard="0",type="classic"} 1)"));
}

}  // namespace
}  // namespace headrace
