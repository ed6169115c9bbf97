// From one generation to the next: waiting for members, choosing leader and protocol, the leader's assignment, and what
// happens when time has passed.
#include <algorithm>
#include <limits>

#include "base/trace.h"
#include "kafka/coordinator/group.h"

namespace headrace {

void Group::become(GroupState state) {
  state_ = state;
  since_ms_ = services_.timers.clock().wall_ms();
  show();
}

milliseconds Group::rebalance_timeout() const {
  milliseconds longest{};
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

// Begins a rebalance, unless one is waiting for members already.
void Group::prepare_rebalance() {
  if (state_ == GroupState::kPreparingRebalance || state_ == GroupState::kDead) return;
  for (auto& [id, member] : members_) {
    if (member.syncing) renew_session(member);
    give_to(member.syncing, SyncResult{.error = ErrorCode::kRebalanceInProgress});
    member.owes_sync = false;
  }
  sync_deadline_ = SteadyTime::max();
  initial_ = state_ == GroupState::kEmpty;
  newcomers_ = false;
  milliseconds wait = rebalance_timeout();
  if (initial_) {
    const milliseconds delay = services_.options.initial_rebalance_delay;
    initial_left_ = std::max(wait - delay, milliseconds(0));
    wait = delay;
  }
  become(GroupState::kPreparingRebalance);
  join_deadline_ = now() + wait;
  arm(join_deadline_);
}

void Group::complete_join_if_all_are_there() {
  if (state_ != GroupState::kPreparingRebalance || initial_ || !pending_.empty()) return;
  if (std::ranges::all_of(members_, [](const auto& each) { return each.second.joining != nullptr; })) complete_join();
}

void Group::complete_join() {
  for (auto member = members_.begin(); member != members_.end();) {
    const bool stays = member->second.joining || member->second.instance_id;
    member = stays ? std::next(member) : erase_member(member);
  }
  if (!members_.empty()) {
    const auto joining = [](const auto& each) { return each.second.joining != nullptr; };
    const auto first = std::ranges::find_if(members_, joining);
    if (first == members_.end()) {
      // Only static members, and none has come back yet: they have their sessions' time.
      join_deadline_ = now() + std::max(rebalance_timeout(), milliseconds(1));
      arm(join_deadline_);
      return;
    }
    if (!members_.contains(leader_) || !members_.at(leader_).joining) leader_ = first->first;
  }
  generation_ = generation_ == std::numeric_limits<int32_t>::max() ? 1 : generation_ + 1;
  services_.metrics.of(GroupType::kClassic).rebalances->add();
  initial_ = false;
  join_deadline_ = SteadyTime::max();
  if (members_.empty()) {
    protocol_.reset();
    leader_.clear();
    become(GroupState::kEmpty);
    return store(record(), [](ErrorCode) {});  // the generation that members may still believe in is over anyway
  }
  protocol_ = select_protocol();
  become(GroupState::kCompletingRebalance);
  for (auto& [id, member] : members_) {
    member.owes_sync = true;
    member.is_new = false;
    renew_session(member);
    give_to(member.joining, joined(member, id == leader_));
  }
  sync_deadline_ = now() + std::max(rebalance_timeout(), milliseconds(1));
  arm(sync_deadline_);
}

// Of the protocols that all members have, the one that most members like best; the first member's order breaks ties.
std::string Group::select_protocol() const {
  check(!members_.empty(), "a group without members chooses nothing");
  const auto has = [](const Member& member, const std::string& wanted) {
    return std::ranges::any_of(member.protocols, [&](const MemberProtocol& p) { return p.name == wanted; });
  };
  std::vector<std::pair<std::string, size_t>> votes;
  for (const MemberProtocol& protocol : members_.begin()->second.protocols)
    if (std::ranges::all_of(members_, [&](const auto& each) { return has(each.second, protocol.name); }))
      votes.emplace_back(protocol.name, 0);
  check(!votes.empty(), "members that have no protocol in common are not let in");
  for (const auto& [id, member] : members_) {
    for (const MemberProtocol& protocol : member.protocols) {
      const auto vote = std::ranges::find(votes, protocol.name, &std::pair<std::string, size_t>::first);
      if (vote == votes.end()) continue;
      ++vote->second;
      break;
    }
  }
  return std::ranges::max_element(votes, {}, &std::pair<std::string, size_t>::second)->first;
}

void Group::sync(SyncRequest request, AnswerPointer<SyncResult> answer) {
  const auto refuse = [&](ErrorCode error) { answer->give({.error = error}); };
  if (state_ == GroupState::kDead || stopped_) return refuse(ErrorCode::kCoordinatorNotAvailable);
  const ErrorCode error = check_member(request.member_id, request.instance_id);
  if (error != ErrorCode::kNone) return refuse(error);
  if (request.generation != generation_) return refuse(ErrorCode::kIllegalGeneration);
  if (state_ == GroupState::kPreparingRebalance) return refuse(ErrorCode::kRebalanceInProgress);
  if ((request.protocol_type && *request.protocol_type != protocol_type_) ||
      (request.protocol && request.protocol != protocol_))
    return refuse(ErrorCode::kInconsistentGroupProtocol);

  Member& member = members_.at(request.member_id);
  member.owes_sync = false;
  give_to(member.syncing, SyncResult{.error = ErrorCode::kRebalanceInProgress});  // it no longer waits for that one
  member.syncing = std::move(answer);
  if (state_ == GroupState::kStable) return give_assignment(member);
  if (member.id == leader_ && storing_ != generation_) store_assignments(std::move(request.assignments));
}

void Group::give_assignment(Member& member) {
  renew_session(member);
  give_to(member.syncing,
          SyncResult{.protocol_type = protocol_type_, .protocol = protocol_, .assignment = member.assignment});
}

void Group::store_assignments(std::vector<MemberAssignment> given) {
  std::map<std::string, std::string> assignments;
  for (MemberAssignment& each : given)
    if (members_.contains(each.member_id)) assignments[each.member_id] = std::move(each.assignment);
  GroupRecord fresh = record();
  fresh.since_ms = services_.timers.clock().wall_ms();
  size_t bytes = 0;
  size_t before = 0;
  bool too_large = false;
  for (MemberRecord& member : fresh.members) {
    before += member.bytes();
    member.assignment = assignments[member.id];
    too_large |= member.assignment.size() > services_.options.member_bytes_max;
    bytes += member.bytes();
  }
  if (too_large || bytes > services_.options.group_bytes_max) {
    trace::warn("consumer group \"{}\": the leader's assignment is too large: {} bytes in all, of at most {}", id_,
                bytes, services_.options.group_bytes_max);
    return refuse_assignments(ErrorCode::kUnknownServerError);
  }
  // It is counted when the members have it.
  if (!services_.writer.has_room(bytes) || (bytes > before && !services_.memory.has_room(bytes - before)))
    return refuse_assignments(ErrorCode::kCoordinatorLoadInProgress);
  storing_ = generation_;
  store(fresh, [this, generation = generation_, assignments = std::move(assignments)](ErrorCode error) mutable {
    if (storing_ == generation) storing_.reset();
    // Those who wait for an older generation's assignment have been told that it is over.
    if (state_ == GroupState::kCompletingRebalance && generation_ == generation)
      assignments_stored(std::move(assignments), error);
  });
}

void Group::assignments_stored(std::map<std::string, std::string> assignments, ErrorCode error) {
  if (error != ErrorCode::kNone) return refuse_assignments(error);
  become(GroupState::kStable);
  for (auto& [id, member] : members_) {
    member.assignment = std::move(assignments[id]);
    recharge(member);
    if (member.syncing) give_assignment(member);
  }
}

void Group::refuse_assignments(ErrorCode error) {
  for (auto& [id, member] : members_) {
    if (!member.syncing) continue;
    renew_session(member);
    give_to(member.syncing, SyncResult{.error = error});
  }
  prepare_rebalance();
}

Group::Members::iterator Group::erase_member(Members::iterator member) {
  services_.memory.force(member->second.charged, 0);
  if (member->second.instance_id) instances_.erase(*member->second.instance_id);
  const bool led = leader_ == member->first;
  const auto next = members_.erase(member);
  show();
  if (led) leader_ = members_.empty() ? "" : members_.begin()->first;
  return next;
}

void Group::remove_member(const std::string& id, ErrorCode why) {
  const auto member = members_.find(id);
  give_to(member->second.joining, JoinResult{.error = why, .member_id = id});
  give_to(member->second.syncing, SyncResult{.error = why});
  erase_member(member);
  prepare_rebalance();
  complete_join_if_all_are_there();
}

void Group::renew_session(Member& member) {
  member.deadline = now() + member.session_timeout;
  arm(member.deadline);
}

void Group::recharge(Member& member) {
  services_.memory.force(member.charged, member.bytes());
  member.charged = member.bytes();
}

SteadyTime Group::next_deadline() const {
  SteadyTime next = std::min(join_deadline_, sync_deadline_);
  for (const auto& [id, deadline] : pending_) next = std::min(next, deadline);
  for (const auto& [id, member] : members_) next = std::min(next, member.expires());
  return next;
}

// One timer for all: it is set to the earliest deadline that there ever was, and finds out when it fires which is next.
// So a heartbeat, which moves a deadline away, costs nothing.
void Group::arm(SteadyTime deadline) {
  if (stopped_ || deadline >= armed_) return;
  armed_ = deadline;
  timer_ = services_.timers.call_at(services_.shard, deadline, [this] { time_has_come(); });
}

void Group::time_has_come() {
  armed_ = SteadyTime::max();
  const SteadyTime at = now();
  const size_t dropped = std::erase_if(pending_, [at](const auto& each) { return each.second <= at; });
  services_.memory.force(dropped * kPendingBytes, 0);

  const auto ids_of = [this](const auto& chosen) {
    std::vector<std::string> ids;
    for (const auto& [id, member] : members_)
      if (chosen(member)) ids.push_back(id);
    return ids;
  };
  for (const std::string& id : ids_of([at](const Member& member) { return member.expires() <= at; })) {
    // The removal of another one may have answered it, and given it time.
    const auto member = members_.find(id);
    if (member != members_.end() && member->second.expires() <= at) remove_member(id, ErrorCode::kUnknownMemberId);
  }
  if (sync_deadline_ <= at) {
    sync_deadline_ = SteadyTime::max();
    for (const std::string& id : ids_of([](const Member& member) { return member.owes_sync; }))
      if (members_.contains(id)) remove_member(id, ErrorCode::kUnknownMemberId);
  }

  complete_join_if_all_are_there();
  if (state_ == GroupState::kPreparingRebalance && join_deadline_ <= at) {
    if (initial_ && newcomers_ && initial_left_ > milliseconds(0)) {
      const milliseconds delay = std::min(services_.options.initial_rebalance_delay, initial_left_);
      newcomers_ = false;
      initial_left_ -= delay;
      join_deadline_ = at + delay;
    } else {
      complete_join();
    }
  }
  const SteadyTime next = next_deadline();
  if (next != SteadyTime::max()) arm(next);
}

}  // namespace headrace
