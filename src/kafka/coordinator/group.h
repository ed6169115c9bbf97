// One consumer group: its members, its generation, and its offsets. All that happens to it happens here, on its shard,
// without suspending: calls take an Answer and give it at once, when the log has what they changed, or when the other
// members have done their part.
//
//            a member joins                    all have joined, or          the leader's assignment
//   Empty ------------------> PreparingRebalance ----------------> CompletingRebalance ---------> Stable
//     ^                        ^  |  the time is up                  |   is on the log              |
//     |  nobody has joined     |  |                                  |                              |
//     +------------------------+--+     a member comes, goes, or changes its mind: back to Preparing
//
// From Empty, the first rebalance waits a little for more members (`initial_rebalance_delay`), so that a group that
// starts does not rebalance once per member. Otherwise it waits for those who are known, for as long as the most
// patient of them asked. Dynamic members that have not come back by then are out; static ones (group.instance.id) stay
// until their session ends. A leader whose assignment cannot be written starts the rebalance again. Dead is a group
// that is being deleted.
//
// A group of the consumer type has its members in a ConsumerGroup, and is otherwise an empty group with offsets. Only
// without members can a group change its type.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "kafka/coordinator/consumer_group.h"
#include "kafka/coordinator/offsets.h"

namespace headrace {

// The same error for everything that the request would commit.
std::vector<TopicErrors> all_with(const CommitRequest& request, ErrorCode error);

class Group {
 public:
  // `partition` is that of `_groups` which has the group's records.
  Group(GroupServices& services, std::string id, PartitionId partition);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  const std::string& id() const { return id_; }
  GroupType type() const { return consumers_.exists() ? GroupType::kConsumer : GroupType::kClassic; }
  GroupState state() const;
  std::string_view protocol_type() const;
  GroupOffsets& offsets() { return offsets_; }

  // Takes over what was read from the log. Sessions begin anew.
  void adopt(GroupRecord record);
  void adopt(std::optional<ConsumerGroupRecord> record, std::vector<ConsumerRecord> consumers);

  void join(JoinRequest request, AnswerPointer<JoinResult> answer);
  void sync(SyncRequest request, AnswerPointer<SyncResult> answer);
  ErrorCode heartbeat(const HeartbeatRequest& request);
  ErrorCode leave(const LeavingMember& member);
  void consumer_heartbeat(ConsumerHeartbeatRequest request, AnswerPointer<ConsumerHeartbeatResult> answer);
  void commit(CommitRequest request, AnswerPointer<std::vector<TopicErrors>> answer);
  void delete_offsets(const DeleteOffsetsRequest& request, AnswerPointer<DeleteOffsetsResult> answer);
  ErrorCode check_fetch(const FetchOffsetsRequest& request) const;
  DescribedGroup describe() const;
  DescribedConsumerGroup describe_consumers() const;

  // Nothing of it is on the log or will be: it can be dropped.
  bool is_useless() const;
  // Removes what has expired at `now_ms`, the offsets of topics that are not among `topics` and were committed before
  // `topics_ms`, and an empty group without offsets. `gone` is called once the group is off the log.
  void expire(int64_t now_ms, const std::set<std::string>& topics, int64_t topics_ms, std::function<void()> gone);
  void topic_removed(const std::string& topic, GroupWriter::Done done);
  // NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND, or once it is off the log kNone; then nobody may use it any more.
  void remove(GroupWriter::Done done);
  // Answers all who wait, and lets no time pass any more.
  void stop();

 private:
  struct Member : MemberRecord {
    SteadyTime deadline{};   // of its session, or of its first join
    bool is_new = false;     // its first JoinGroup is waiting
    bool owes_sync = false;  // has not sent SyncGroup in this generation
    AnswerPointer<JoinResult> joining;
    AnswerPointer<SyncResult> syncing;
    size_t charged = 0;  // bytes

    // A member that waits for us is not late.
    SteadyTime expires() const { return is_new || (!joining && !syncing) ? deadline : SteadyTime::max(); }
  };
  using Members = std::map<std::string, Member>;
  static constexpr size_t kPendingBytes = 512;  // of an id that was given out

  SteadyTime now() const { return services_.timers.clock().steady(); }

  // group_join.cc
  bool has_place_for(const JoinRequest& request) const;
  bool supports(const JoinRequest& request) const;
  void join_new(JoinRequest request, AnswerPointer<JoinResult> answer);
  void join_again(JoinRequest request, AnswerPointer<JoinResult> answer);
  bool drop_pending(const std::string& id);
  void join_pending(JoinRequest request, AnswerPointer<JoinResult> answer);
  void add_member(std::string id, JoinRequest request, AnswerPointer<JoinResult> answer);
  void replace_static_member(Members::iterator former, const std::string& id, JoinRequest request,
                             AnswerPointer<JoinResult> answer);
  void rejoin(Member& member, JoinRequest request, AnswerPointer<JoinResult> answer);
  ErrorCode describe_in(Member& member, std::string id, JoinRequest& request);
  JoinResult joined(const Member& member, bool as_leader) const;
  std::string make_member_id(const JoinRequest& request);
  ErrorCode check_member(const std::string& member_id, const std::optional<std::string>& instance_id) const;

  // group_rebalance.cc
  void become(GroupState state);
  void prepare_rebalance();
  void complete_join_if_all_are_there();
  void complete_join();
  std::string select_protocol() const;
  milliseconds rebalance_timeout() const;
  void store_assignments(std::vector<MemberAssignment> given);
  void assignments_stored(std::map<std::string, std::string> assignments, ErrorCode error);
  void refuse_assignments(ErrorCode error);
  void give_assignment(Member& member);
  void remove_member(const std::string& id, ErrorCode why);
  Members::iterator erase_member(Members::iterator member);
  void renew_session(Member& member);
  void recharge(Member& member);
  void arm(SteadyTime deadline);
  void time_has_come();
  SteadyTime next_deadline() const;

  // group.cc
  ErrorCode check_commit(const CommitRequest& request);
  void show();
  size_t member_bytes() const;
  GroupRecord record() const;
  void store(const GroupRecord& record, GroupWriter::Done done);
  std::optional<std::set<std::string>> subscribed_topics() const;

  GroupServices& services_;
  const std::string id_;
  const PartitionId partition_;

  GroupState state_ = GroupState::kEmpty;
  int64_t since_ms_;  // of the state
  int32_t generation_ = 0;
  std::string protocol_type_;  // empty: never had a member
  std::optional<std::string> protocol_;
  std::string leader_;
  Members members_;
  std::map<std::string, std::string> instances_;  // to member ids
  std::map<std::string, SteadyTime> pending_;     // ids that were given out with MEMBER_ID_REQUIRED, and until when

  bool initial_ = false;    // the rebalance began with an empty group
  bool newcomers_ = false;  // and since its last delay began, somebody has come
  milliseconds initial_left_{};
  SteadyTime join_deadline_ = SteadyTime::max();
  SteadyTime sync_deadline_ = SteadyTime::max();
  std::optional<int32_t> storing_;  // the generation whose assignments are on their way to the log

  SteadyTime armed_ = SteadyTime::max();
  std::unique_ptr<Timers::Handle> timer_;
  size_t writes_ = 0;  // of the group's own records, on their way
  bool stopped_ = false;
  GroupOffsets offsets_;
  ConsumerGroup consumers_;
  ShownGroup shown_;
};

}  // namespace headrace
