// What members of a group of the consumer type find after the server has died, or after the disk has failed.
#include "kafka/coordinator/consumer_record.h"
#include "kafka/coordinator/group_record.h"
#include "kafka/coordinator/testing_consumers.h"
#include "spdlog/spdlog.h"

namespace headrace {
namespace {

using enum ErrorCode;

class ConsumerRestart : public testing::Test, public TestingConsumers {
 protected:
  void SetUp() override {
    make_topic("t", 6);
    beat(a);
    beat(b);
    settle_all({&a, &b});
  }
  TestConsumer a{.id = "a"};
  TestConsumer b{.id = "b", .instance = "i"};
};

TEST_F(ConsumerRestart, EverybodyGoesOnInHisEpoch) {
  EXPECT_EQ(commit_as(a, 5), kNone);
  const DescribedConsumerGroup before = describe_consumers();
  power_cut();
  EXPECT_EQ(describe_consumers().epoch, before.epoch);
  EXPECT_EQ(describe_consumers().state, GroupState::kStable);
  EXPECT_EQ(fetch().offset, 5);
  for (const TestConsumer* const member : {&a, &b}) {
    const auto result = send(brief(*member));
    EXPECT_EQ(result.error, kNone) << result.message;
    EXPECT_EQ(result.member_epoch, member->epoch);
    EXPECT_EQ(result.assignment, std::nullopt);
    EXPECT_EQ(send(complete(*member)).assignment, member->owned);
  }
  EXPECT_EQ(commit_as(b, 6), kNone);
}

TEST_F(ConsumerRestart, InTheMiddleOfAReassignment) {
  TestConsumer c{.id = "c"};
  beat(c);
  const PartitionSet before = a.owned;
  beat(a, brief(a));  // told to give one up
  ASSERT_EQ(count(a.owned), 2);
  power_cut();
  EXPECT_TRUE(beat(c).assignment->empty()) << "a has not said that it gave it up";
  ConsumerHeartbeatRequest holding = complete(a);
  holding.owned = before;
  EXPECT_EQ(send(holding).assignment, a.owned) << "it is told again";
  settle_all({&a, &b, &c});
  for (const TestConsumer* const member : {&a, &b, &c}) EXPECT_EQ(count(member->owned), 2);
}

TEST_F(ConsumerRestart, SessionsBeginAnew) {
  advance(40s);
  beat(b);
  restart();
  advance(40s);
  EXPECT_EQ(error_of(brief(a)), kNone);
  advance(40s);
  EXPECT_EQ(error_of(brief(a)), kNone);
  settle_all({&a});
  EXPECT_EQ(a.owned, all_of("t", 6)) << "b has been silent";
}

TEST_F(ConsumerRestart, AStaticMemberMayBeAwayMeanwhile) {
  ConsumerHeartbeatRequest leaving = brief(b);
  leaving.member_epoch = kLeaveForAWhileEpoch;
  send(leaving);
  power_cut();
  TestConsumer back{.id = "b2", .instance = "i"};
  EXPECT_EQ(beat(back).assignment, b.owned);
}

TEST_F(ConsumerRestart, TopicsThatChangedMeanwhileAreNoticed) {
  stop();
  widen_topic("t", 8);
  log().reopen();
  start();
  settle_all({&a, &b});
  EXPECT_EQ(count(a.owned) + count(b.owned), 8);
}

// A member whose change could not be written is not told of it. It asks again, and nobody has been given what it holds.
TEST_F(ConsumerRestart, WhatCouldNotBeWrittenIsWrittenLater) {
  spdlog::set_level(spdlog::level::off);
  TestConsumer c{.id = "c"};
  log().files().set_faults({.sync_fails_one_in = 1});
  EXPECT_EQ(error_of(complete(c)), kCoordinatorNotAvailable);
  EXPECT_EQ(error_of(complete(a)), kCoordinatorNotAvailable);
  ConsumerHeartbeatRequest leaving = brief(b);
  leaving.member_epoch = kLeaveEpoch;
  EXPECT_EQ(error_of(leaving), kCoordinatorNotAvailable);
  log().files().set_faults({});
  spdlog::set_level(spdlog::level::info);
  settle_all({&a, &c});
  EXPECT_FALSE(intersects(a.owned, c.owned));
  EXPECT_EQ(count(a.owned) + count(c.owned), 6);
  power_cut();
  EXPECT_EQ(describe_consumers().members.size(), 2) << "b has left";
  settle_all({&a, &c});
  EXPECT_EQ(count(a.owned) + count(c.owned), 6);
}

// The records of one write may be cut off anywhere: here the member is there and the group does not know it.
TEST_F(ConsumerRestart, AWriteThatWasCutOff) {
  const std::string key =
      encode(GroupRecordKey{.kind = GroupRecordKind::kConsumerMember, .group = "g", .member = "lost"});
  ConsumerRecord torn{
      .id = "lost", .about = {.topics = {"t"}}, .epoch = 0, .target_epoch = describe_consumers().epoch + 1};
  torn.target = all_of("t", 6);
  for (PartitionId partition = 0; partition < options().topic_partitions; ++partition) {
    if (log().values(kGroupsTopic, partition).empty()) continue;
    RecordBatchBuilder builder;
    builder.append(1000, key, encode(torn));
    log().run([&] { return log().log().append(kGroupsTopic, one(partition, builder.finish())); });
  }
  const int32_t epoch = describe_consumers().epoch;
  restart();
  EXPECT_GT(describe_consumers().epoch, epoch);
  settle_all({&a, &b});
  EXPECT_EQ(count(a.owned) + count(b.owned), 4) << "the third may come back";
  for (int i = 0; i < 10; ++i) {
    advance(5s);
    beat(a);
    beat(b);
  }
  settle_all({&a, &b});
  EXPECT_EQ(count(a.owned) + count(b.owned), 6);
}

}  // namespace
}  // namespace headrace
