// The members of a group of the consumer type (KIP-848). There are no barriers: every member sends heartbeats, and each
// answer tells it what it may have now.
//
// Three things have epochs. When a member comes, goes or subscribes to something else, or a topic that somebody
// subscribes to is made, removed or widened, the group's epoch goes up and with it the target assignment, which is
// computed at once. Each member follows it in its own time:
//
//              the target takes partitions from it            it says that it gave them up
//    Stable ------------------------------------> Revoking ------------------------------+
//      ^  ^     else: to the group's epoch, with                                         |
//      |  |           what is free of its target                                         v
//      |  +------------------------------- all of its target was free ------------- (next step)
//      |                                                                                 |
//      +---- the rest became free ----- Waiting <------- others still have some ---------+
//
// So a partition goes to its new owner only after the old one gave it up, in its heartbeat or by leaving. `held_` has
// what anybody has, also while he is to give it up; nothing is ever assigned that is in it.
//
// What a call changes is in memory at once, and on `_groups` before the call is answered. If that fails, it is written
// again before anything that comes later, so that what is on the log never has a partition with two members. Belongs to
// the shard of its group.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kafka/coordinator/consumer_calls.h"
#include "kafka/coordinator/consumer_record.h"
#include "kafka/coordinator/group_answer.h"
#include "kafka/coordinator/group_metrics.h"
#include "kafka/coordinator/group_record.h"
#include "kafka/coordinator/group_services.h"
#include "kafka/coordinator/subscriptions.h"

namespace headrace {

class ConsumerGroup {
 public:
  // `partition` is that of `_groups` which has the group's records.
  ConsumerGroup(GroupServices& services, std::string id, PartitionId partition);
  ~ConsumerGroup();
  ConsumerGroup(const ConsumerGroup&) = delete;
  ConsumerGroup& operator=(const ConsumerGroup&) = delete;

  // Takes over what was read from the log. Sessions begin anew.
  void adopt(std::optional<ConsumerGroupRecord> record, std::vector<ConsumerRecord> members);

  // Whether somebody has joined since it was made or dissolved: until then the group is none of this type.
  bool exists() const { return epoch_ > 0; }
  bool has_writes() const { return writes_ > 0; }
  GroupState state() const;  // of one that exists
  size_t size() const { return members_.size(); }
  int64_t since_ms() const { return since_ms_; }  // empty since

  void heartbeat(ConsumerHeartbeatRequest request, AnswerPointer<ConsumerHeartbeatResult> answer);
  // An operator removes a static member.
  ErrorCode remove_instance(const std::string& instance_id);
  // Whether the member may commit, or fetch offsets, in this epoch.
  ErrorCode check_epoch(const std::string& member_id, int32_t member_epoch) const;
  std::set<std::string> subscribed_topics() const;
  DescribedConsumerGroup describe() const;

  // The records that remove an empty one from the log.
  std::vector<GroupWriter::Record> tombstones() const;
  // An empty one is none of this type any more. What removes its records from the log is written.
  void dissolve();
  // Lets no time pass any more.
  void stop();

 private:
  struct Member : ConsumerRecord {
    SteadyTime deadline{};                           // of its session
    SteadyTime revoke_deadline = SteadyTime::max();  // for what it was told to give up
    size_t charged = 0;                              // bytes
  };
  using Members = std::map<std::string, Member>;

  // Whom a heartbeat is from, or why it is refused.
  struct Sender {
    Member* known = nullptr;     // null: one that joins
    Member* replaced = nullptr;  // the static member that left for a while, whose place it takes
    ErrorCode error = ErrorCode::kNone;
    std::string message;
  };
  // A member that comes or says something new, as far as it matters to the target.
  struct Change {
    const ConsumerRecord* member = nullptr;  // may not be among the members yet
    const ConsumerDescription* about = nullptr;
    const ConsumerRecord* replaced = nullptr;
  };
  // A target assignment that has been computed, but not taken over.
  struct Plan {
    std::map<std::string, PartitionSet> targets;
    std::map<TopicId, PartitionId> topics;
    std::weak_ptr<const TopicTable> table;
    std::string refusal;  // why there is none; empty if there is
  };

  SteadyTime now() const { return services_.timers.clock().steady(); }

  // consumer_heartbeat.cc
  Sender find_sender(const ConsumerHeartbeatRequest& request);
  Sender find_static_sender(const ConsumerHeartbeatRequest& request, const std::string& instance_id);
  static Sender at_its_epoch(Member& member, const ConsumerHeartbeatRequest& request);
  Sender check_description(const Sender& sender, const std::string& id, const ConsumerDescription& about) const;
  Member& enter(const std::string& id, Member* replaced);
  void leave(const ConsumerHeartbeatRequest& request, AnswerPointer<ConsumerHeartbeatResult> answer);
  void answer_when_written(ConsumerHeartbeatResult result, AnswerPointer<ConsumerHeartbeatResult> answer);
  std::string make_member_id();

  // consumer_assignment.cc
  static const Assignor& preferred_assignor(const std::vector<Subscriber>& subscribers);
  Plan plan(const Change& change);
  bool topics_have_changed();
  void take_over(Plan plan);
  void reconcile(Member& member, const std::optional<PartitionSet>& owned);
  void step(Member& member, int32_t epoch, const std::optional<PartitionSet>& owned);
  void hold(const PartitionSet& partitions);
  void release(PartitionSet& partitions);
  PartitionSet free_of(const PartitionSet& partitions) const;

  // consumer_group.cc
  std::vector<Subscriber> subscribers() const;
  void remove_members(const std::vector<std::string>& ids);
  void renew_session(Member& member);
  void await_revocation(Member& member);
  void recharge(Member& member);
  void mark(const std::string& member_id) { unwritten_.insert(member_id); }
  // Writes what is marked, and calls `done` when it and all that was written before are durable, or are not known to
  // be.
  void flush(GroupWriter::Done done);
  void show();
  void arm(SteadyTime deadline);
  void time_has_come();

  GroupServices& services_;
  const std::string id_;
  const PartitionId partition_;

  int32_t epoch_ = 0;
  int64_t since_ms_;
  Members members_;
  std::map<std::string, std::string> instances_;  // to member ids
  std::map<TopicId, std::vector<bool>> held_;
  std::map<TopicId, PartitionId> topics_;  // that the target is of, and how many partitions they had
  std::weak_ptr<const TopicTable> table_;  // in which topics were last looked up
  SteadyTime looked_{};                    // when that was

  std::set<std::string> unwritten_;  // members whose records are to be written, or removed if they are not there
  bool group_unwritten_ = false;
  size_t writes_ = 0;
  SteadyTime armed_ = SteadyTime::max();
  std::unique_ptr<Timers::Handle> timer_;
  bool stopped_ = false;
  ShownGroup shown_;
};

}  // namespace headrace
