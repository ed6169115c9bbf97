// A group of the consumer type as a whole: what is read from the log and written to it, and what happens when time has
// passed.
#include "kafka/coordinator/consumer_group.h"

#include <algorithm>

#include "base/trace.h"

namespace headrace {

ConsumerGroup::ConsumerGroup(GroupServices& services, std::string id, PartitionId partition)
    : services_(services),
      id_(std::move(id)),
      partition_(partition),
      since_ms_(services.timers.clock().wall_ms()),
      shown_(services.metrics, GroupType::kConsumer) {}

ConsumerGroup::~ConsumerGroup() {
  for (const auto& [id, member] : members_) services_.memory.force(member.charged, 0);
}

void ConsumerGroup::adopt(std::optional<ConsumerGroupRecord> record, std::vector<ConsumerRecord> members) {
  if (record) {
    epoch_ = record->epoch;
    since_ms_ = record->since_ms;
  }
  bool cut_off = !record || record->members != static_cast<int64_t>(members.size());
  int32_t last_epoch = epoch_;
  for (ConsumerRecord& each : members) {
    last_epoch = std::max({last_epoch, each.epoch, each.target_epoch});
    Member member;
    static_cast<ConsumerRecord&>(member) = std::move(each);
    for (PartitionSet* const has : {&member.revoking, &member.assigned}) {
      PartitionSet free = free_of(*has);
      // A write that was cut off had its old and its new owner in it: neither uses it now.
      if (free != *has && member.state == ConsumerState::kStable) member.state = ConsumerState::kWaiting;
      *has = std::move(free);
      hold(*has);
    }
    for (const auto& [topic, partitions] : member.target) topics_[topic] += static_cast<PartitionId>(partitions.size());
    if (member.about.instance_id) instances_[*member.about.instance_id] = member.id;
    std::string id = member.id;
    Member& adopted = members_.insert_or_assign(std::move(id), std::move(member)).first->second;
    if (adopted.state == ConsumerState::kRevoking) await_revocation(adopted);
    renew_session(adopted);
    recharge(adopted);
  }
  if (last_epoch > epoch_) cut_off = true;
  if (cut_off) {
    // Targets may be of different epochs: the next heartbeat makes new ones.
    epoch_ = last_epoch + 1;
    topics_.clear();
  }
  show();
}

GroupState ConsumerGroup::state() const {
  if (members_.empty()) return GroupState::kEmpty;
  const bool stable = std::ranges::all_of(members_, [this](const auto& each) {
    return each.second.epoch == epoch_ && each.second.state == ConsumerState::kStable;
  });
  return stable ? GroupState::kStable : GroupState::kReconciling;
}

ErrorCode ConsumerGroup::check_epoch(const std::string& member_id, int32_t member_epoch) const {
  const auto member = members_.find(member_id);
  if (member == members_.end()) return ErrorCode::kUnknownMemberId;
  return member->second.epoch == member_epoch ? ErrorCode::kNone : ErrorCode::kStaleMemberEpoch;
}

std::vector<Subscriber> ConsumerGroup::subscribers() const {
  std::vector<Subscriber> all;
  for (const auto& [id, member] : members_) all.push_back({&member, &member.about});
  return all;
}

std::set<std::string> ConsumerGroup::subscribed_topics() const {
  return headrace::subscribed_topics(subscribers(), *services_.log.topic_table());
}

DescribedConsumerGroup ConsumerGroup::describe() const {
  DescribedConsumerGroup described{
      .group = id_, .state = state(), .epoch = epoch_, .assignor = std::string(preferred_assignor(subscribers()).name)};
  for (const auto& [id, member] : members_)
    described.members.push_back({.id = id,
                                 .instance_id = member.about.instance_id,
                                 .rack_id = member.about.rack_id,
                                 .client_id = member.about.client_id,
                                 .client_host = member.about.client_host,
                                 .epoch = member.epoch,
                                 .topics = member.about.topics,
                                 .pattern = member.about.pattern,
                                 .assigned = member.assigned,
                                 .target = member.target});
  return described;
}

std::vector<GroupWriter::Record> ConsumerGroup::tombstones() const {
  std::vector<GroupWriter::Record> records;
  if (exists() || group_unwritten_)
    records.push_back(
        {.key = encode(GroupRecordKey{.kind = GroupRecordKind::kConsumerGroup, .group = id_}), .value = std::nullopt});
  for (const std::string& id : unwritten_)
    records.push_back(
        {.key = encode(GroupRecordKey{.kind = GroupRecordKind::kConsumerMember, .group = id_, .member = id}),
         .value = std::nullopt});
  return records;
}

void ConsumerGroup::dissolve() {
  check(members_.empty(), "only an empty group is dissolved");
  epoch_ = 0;
  topics_.clear();
  group_unwritten_ = true;
  flush([](ErrorCode) {});  // if it stays on the log, it is an empty group, or one beside a classic one with members
  show();
}

void ConsumerGroup::show() {
  if (exists())
    shown_.show(state(), members_.size());
  else
    shown_.hide();
}

void ConsumerGroup::stop() {
  stopped_ = true;
  timer_.reset();
}

void ConsumerGroup::remove_members(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    const auto member = members_.find(id);
    release(member->second.assigned);
    release(member->second.revoking);
    if (const auto& instance = member->second.about.instance_id) {
      // A write that was cut off may have left two members with it.
      if (const auto holder = instances_.find(*instance); holder != instances_.end() && holder->second == id)
        instances_.erase(holder);
    }
    services_.memory.force(member->second.charged, 0);
    members_.erase(member);
    mark(id);
  }
  if (members_.empty()) since_ms_ = services_.timers.clock().wall_ms();
  Plan fresh = plan({});
  if (!fresh.refusal.empty()) {
    // More topics match than may be; what is left keeps its target until that is over.
    trace::warn("consumer group \"{}\": no new assignment: {}", id_, fresh.refusal);
    fresh = {};
  }
  take_over(std::move(fresh));
}

void ConsumerGroup::renew_session(Member& member) {
  member.deadline = now() + services_.options.consumer_session_timeout;
  arm(member.deadline);
}

void ConsumerGroup::await_revocation(Member& member) {
  member.revoke_deadline = now() + member.about.rebalance_timeout;
  arm(member.revoke_deadline);
}

void ConsumerGroup::recharge(Member& member) {
  const size_t bytes = member.bytes();
  services_.memory.force(member.charged, bytes);
  member.charged = bytes;
}

void ConsumerGroup::flush(GroupWriter::Done done) {
  if (unwritten_.empty() && !group_unwritten_) {
    if (writes_ == 0) return done(ErrorCode::kNone);
    group_unwritten_ = true;  // what was said before is on its way: this comes behind it
  }
  std::vector<GroupWriter::Record> records;
  for (const std::string& id : unwritten_) {
    const auto member = members_.find(id);
    records.push_back(
        {.key = encode(GroupRecordKey{.kind = GroupRecordKind::kConsumerMember, .group = id_, .member = id}),
         .value = member == members_.end() ? std::nullopt : std::optional(encode(member->second))});
  }
  const bool group = std::exchange(group_unwritten_, false);
  if (group) {
    const ConsumerGroupRecord record{
        .epoch = epoch_, .members = static_cast<int64_t>(members_.size()), .since_ms = since_ms_};
    records.push_back({.key = encode(GroupRecordKey{.kind = GroupRecordKind::kConsumerGroup, .group = id_}),
                       .value = exists() ? std::optional(encode(record)) : std::nullopt});
  }
  ++writes_;
  services_.writer.write(
      partition_, std::move(records),
      [this, group, ids = std::exchange(unwritten_, {}), done = std::move(done)](ErrorCode error) mutable {
        --writes_;
        if (error != ErrorCode::kNone) {
          unwritten_.merge(ids);
          group_unwritten_ |= group;
        }
        done(error);
      });
}

// One timer for all, as in a classic group.
void ConsumerGroup::arm(SteadyTime deadline) {
  if (stopped_ || deadline >= armed_) return;
  armed_ = deadline;
  timer_ = services_.timers.call_at(services_.shard, deadline, [this] { time_has_come(); });
}

void ConsumerGroup::time_has_come() {
  armed_ = SteadyTime::max();
  const SteadyTime at = now();
  std::vector<std::string> late;
  SteadyTime next = SteadyTime::max();
  for (const auto& [id, member] : members_) {
    const SteadyTime deadline = std::min(member.deadline, member.revoke_deadline);
    if (deadline <= at)
      late.push_back(id);
    else
      next = std::min(next, deadline);
  }
  if (!late.empty()) {
    remove_members(late);
    flush([](ErrorCode) {});  // if it fails, it goes with the next one
  }
  if (next != SteadyTime::max()) arm(next);
}

}  // namespace headrace
