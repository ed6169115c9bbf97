// Committed offsets: who may commit, what comes back, when they go.
#include "base/bytes.h"
#include "boost/asio/detached.hpp"
#include "kafka/coordinator/testing_groups.h"

namespace headrace {
namespace {

using enum ErrorCode;

class GroupCommits : public testing::Test, public TestingGroups {
 protected:
  GroupCommits() { log().create("t", {}); }
};

// What a consumer tells the leader: version 1, topics, no user data.
std::string subscription(const std::string& topic) {
  std::string out;
  Writer writer(out);
  writer.big_endian<int16_t>(1);
  writer.big_endian<int32_t>(1);
  writer.big_endian(static_cast<int16_t>(topic.size()));
  writer.bytes(topic);
  writer.big_endian<int32_t>(-1);
  return out;
}

TEST_F(GroupCommits, ComeBackAsTheyWere) {
  EXPECT_EQ(fetch().offset, -1);
  EXPECT_EQ(commit(7, {}, "t", "a note"), kNone);
  const PartitionOffset offset = fetch();
  EXPECT_EQ(offset.offset, 7);
  EXPECT_EQ(offset.leader_epoch, 3);
  EXPECT_EQ(offset.metadata, "a note");
  EXPECT_EQ(fetch("other").offset, -1);
  EXPECT_EQ(commit(8, {}, "u"), kNone);
  const auto all = log().run([&] { return groups().fetch_offsets({.group = "g", .topics = {}}); });
  ASSERT_EQ(all.topics.size(), 2);
  EXPECT_EQ(all.topics[1].topic, "u");
  EXPECT_EQ(all.topics[1].partitions.at(0).offset, 8);
  restart();
  EXPECT_EQ(fetch().metadata, "a note");
  EXPECT_EQ(fetch("u").offset, 8);
  EXPECT_EQ(state(), GroupState::kEmpty);
}

TEST_F(GroupCommits, AreNotOfTheNextTopicOfTheName) {
  EXPECT_EQ(commit(7), kNone);
  EXPECT_EQ(commit(9, {}, "unknown"), kNone);
  log().run([&] { return log().log().remove("t"); });
  EXPECT_EQ(fetch().offset, -1);
  for (const char* topic : {"t", "unknown"}) log().create(topic, {});
  EXPECT_EQ(fetch().offset, -1);
  EXPECT_EQ(fetch("unknown").offset, 9);
  restart();
  EXPECT_EQ(fetch().offset, -1);
  EXPECT_EQ(log().run([&] { return groups().fetch_offsets({.group = "g", .topics = {}}); }).topics.size(), 1);
  EXPECT_EQ(commit(1), kNone);
  EXPECT_EQ(fetch().offset, 1);
}

TEST_F(GroupCommits, NoteMayBeFourKilobytes) {
  EXPECT_EQ(commit(1, {}, "t", std::string(4096, 'x')), kNone);
  EXPECT_EQ(commit(2, {}, "t", std::string(4097, 'x')), kOffsetMetadataTooLarge);
  EXPECT_EQ(fetch().offset, 1);
}

TEST_F(GroupCommits, OnlyMembersOfTheGenerationCommitToAnActiveGroup) {
  EXPECT_EQ(commit(1, {"m", 1, {}}), kGroupIdNotFound) << "there is no such group";
  const auto members = make_stable(1);
  EXPECT_EQ(commit(1), kUnknownMemberId);
  EXPECT_EQ(commit(1, {"nobody", 1, {}}), kUnknownMemberId);
  EXPECT_EQ(commit(1, {members[0].id, 2, {}}), kIllegalGeneration);
  EXPECT_EQ(fetch().offset, -1);
  EXPECT_EQ(commit(1, members[0]), kNone);
  EXPECT_EQ(fetch().offset, 1);
  for (int i = 0; i < 5; ++i) {
    advance(9s);
    EXPECT_EQ(commit(i, members[0]), kNone) << "a commit is a sign of life";
  }
}

TEST_F(GroupCommits, ThatWaitShareAppends) {
  const uint64_t mutations = log().files().mutations();
  log().run([&]() -> awaitable<void> {
    for (int i = 0; i < 200; ++i)
      asio::co_spawn(log().runtime().shard(0).executor(),
                     groups().commit({.group = "g" + std::to_string(i),
                                      .member_id = "",
                                      .instance_id = {},
                                      .topics = {{"t", {{0, i, -1, ""}}}}}),
                     asio::detached);
    co_return;
  });
  EXPECT_EQ(commit(1), kNone);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(fetch("t", "g" + std::to_string(i)).offset, i);
  // Some for each of the eight partitions of the two or three appends; one by one it would be more than 400.
  EXPECT_LT(log().files().mutations() - mutations, 200);
}

TEST_F(GroupCommits, FailedOnesAreNotShown) {
  EXPECT_EQ(commit(1), kNone);
  log().files().set_faults({.sync_fails_one_in = 1});
  EXPECT_EQ(commit(2), kCoordinatorNotAvailable);
  EXPECT_EQ(commit(2, {}, "u"), kCoordinatorNotAvailable);
  EXPECT_EQ(fetch().offset, 1);
  EXPECT_EQ(fetch("u").offset, -1);
  log().files().set_faults({});
  EXPECT_EQ(commit(3), kNone);
  EXPECT_EQ(fetch().offset, 3);
}

TEST_F(GroupCommits, CanBeDeletedUnlessTheTopicIsInUse) {
  const auto remove = [&](const std::string& topic) {
    return log().run([&] { return groups().delete_offsets({.group = "g", .topics = {{topic, {0}}}}); });
  };
  EXPECT_EQ(remove("t").error, kGroupIdNotFound);
  EXPECT_EQ(commit(1), kNone);
  EXPECT_EQ(commit(1, {}, "u"), kNone);
  EXPECT_EQ(remove("t").topics.at(0).partitions.at(0).error, kNone);
  EXPECT_EQ(fetch().offset, -1);
  JoinRequest request = joining();
  request.protocols = {{"range", subscription("t")}};
  auto join = this->join(request);
  advance(500ms);
  const TestMember member = member_of(join.get());
  EXPECT_EQ(sync(member, {{member.id, ""}}).get().error, kNone);
  EXPECT_EQ(commit(2, member), kNone);
  EXPECT_EQ(remove("t").topics.at(0).partitions.at(0).error, kGroupSubscribedToTopic);
  EXPECT_EQ(fetch().offset, 2);
  EXPECT_EQ(remove("u").topics.at(0).partitions.at(0).error, kNone);
  EXPECT_EQ(fetch("u").offset, -1);
  restart();
  EXPECT_EQ(fetch("u").offset, -1);
  EXPECT_EQ(fetch().offset, 2);
}

TEST_F(GroupCommits, GroupIsDeletedWithThem) {
  EXPECT_EQ(remove_group(), kGroupIdNotFound);
  const auto members = make_stable(1);
  EXPECT_EQ(commit(4, members[0]), kNone);
  EXPECT_EQ(remove_group(), kNonEmptyGroup);
  EXPECT_EQ(leave(members[0]), kNone);
  EXPECT_EQ(remove_group(), kNone);
  EXPECT_EQ(remove_group(), kGroupIdNotFound);
  EXPECT_EQ(fetch().offset, -1);
  power_cut();
  EXPECT_FALSE(describe().found);
  EXPECT_EQ(fetch().offset, -1);
  auto join = this->join(joining());
  advance(500ms);
  EXPECT_EQ(join.get().generation, 1);
}

TEST_F(GroupCommits, GroupThatCannotBeDeletedStays) {
  EXPECT_EQ(commit(4), kNone);
  log().files().set_faults({.sync_fails_one_in = 1});
  EXPECT_EQ(remove_group(), kCoordinatorNotAvailable);
  log().files().set_faults({});
  EXPECT_EQ(fetch().offset, 4);
  EXPECT_EQ(commit(5), kNone);
  EXPECT_EQ(remove_group(), kNone);
}

TEST_F(GroupCommits, OfSimpleConsumersExpireAfterTheLastCommit) {
  EXPECT_EQ(commit(1), kNone);
  EXPECT_EQ(commit(1, {}, "t", "", -1, "h"), kNone);
  advance(24h * 7 - 1h);
  EXPECT_EQ(commit(2, {}, "t", "", -1, "h"), kNone);
  EXPECT_EQ(fetch().offset, 1);
  advance(2h);
  log().run([&] { return groups().expire(); });
  EXPECT_EQ(fetch().offset, -1);
  EXPECT_EQ(fetch("t", "h").offset, 2);
  EXPECT_FALSE(describe().found);
  restart();
  EXPECT_FALSE(describe().found);
  EXPECT_EQ(fetch("t", "h").offset, 2);
}

TEST_F(GroupCommits, ExpireFromTheEndOfTheLastMember) {
  const auto members = make_stable(1);
  EXPECT_EQ(commit(1, members[0]), kNone);
  for (int i = 0; i < 20; ++i) {  // of the timer, too
    advance(24h);
    log().run([&] { return groups().expire(); });
    if (i == 0) EXPECT_EQ(state(), GroupState::kEmpty);
    EXPECT_EQ(fetch().offset, i < 7 ? 1 : -1) << "day " << i;
  }
}

TEST_F(GroupCommits, StayAsLongAsTheTopicIsSubscribed) {
  stop();
  options().session_timeout_max = 48h;
  start();
  log().create("u", {});
  JoinRequest request = joining();
  request.session_timeout = 48h;
  request.protocols = {{"range", subscription("t")}};
  auto join = this->join(request);
  advance(500ms);
  const TestMember member = member_of(join.get());
  EXPECT_EQ(sync(member, {{member.id, ""}}).get().error, kNone);
  EXPECT_EQ(commit(1, member), kNone);
  EXPECT_EQ(commit(1, member, "u"), kNone);
  for (int day = 1; day < 10; ++day) {
    advance(24h);
    EXPECT_EQ(heartbeat(member), kNone);
    log().run([&] { return groups().expire(); });
    EXPECT_EQ(fetch().offset, 1);
    EXPECT_EQ(fetch("u").offset, day < 7 ? 1 : -1) << "day " << day;
  }
}

TEST_F(GroupCommits, MayBringTheirOwnRetention) {
  EXPECT_EQ(commit(1, {}, "t", "", 60'000), kNone);
  EXPECT_EQ(commit(1, {}, "t", "", INT64_MAX, "h"), kNone);
  advance(59s);
  log().run([&] { return groups().expire(); });
  EXPECT_EQ(fetch().offset, 1);
  advance(1s);
  log().run([&] { return groups().expire(); });
  EXPECT_EQ(fetch().offset, -1);
  EXPECT_EQ(fetch("t", "h").offset, 1);
}

TEST_F(GroupCommits, GoWithTheirTopic) {
  log().create("u", {});
  EXPECT_EQ(commit(1), kNone);
  EXPECT_EQ(commit(2, {}, "u"), kNone);
  log().run([&] { return groups().topic_removed("u"); });
  EXPECT_EQ(fetch("u").offset, -1);
  EXPECT_EQ(fetch().offset, 1);
  EXPECT_EQ(commit(2, {}, "u"), kNone);
  log().run([&] { return log().log().remove("u"); });
  advance(1s);
  log().run([&] { return groups().expire(); });
  EXPECT_EQ(fetch("u").offset, -1);
  EXPECT_EQ(fetch().offset, 1);
  restart();
  EXPECT_EQ(fetch("u").offset, -1);
}

TEST_F(GroupCommits, GroupsAreListed) {
  EXPECT_EQ(commit(1, {}, "t", "", -1, "simple"), kNone);
  make_stable(1);
  const auto list = [&](std::vector<std::string> states, std::vector<std::string> types) {
    std::string names;
    const auto listed =
        log().run([&] { return groups().list({.states = std::move(states), .types = std::move(types)}); });
    for (const ListedGroup& group : listed.groups)
      names += group.group + ":" + group.protocol_type + ":" + std::string(name(group.state)) + " ";
    return names;
  };
  EXPECT_EQ(list({}, {}), "g:consumer:Stable simple::Empty ");
  EXPECT_EQ(list({"stable"}, {}), "g:consumer:Stable ");
  EXPECT_EQ(list({"Empty", "Dead"}, {"Classic"}), "simple::Empty ");
  EXPECT_EQ(list({}, {"consumer"}), "");
}

}  // namespace
}  // namespace headrace
