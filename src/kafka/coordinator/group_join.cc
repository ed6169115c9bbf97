// JoinGroup: who may join, as whom, and whether that makes the group rebalance.
#include <algorithm>

#include "fmt/format.h"
#include "kafka/coordinator/group.h"

namespace headrace {
namespace {

constexpr size_t kNameInMemberIdMax = 255;  // of the client id or instance id that a member id begins with

// What a member says in JoinGroup, in bytes.
size_t bytes_of(const JoinRequest& request) {
  size_t bytes = request.client_id.size() + request.client_host.size() + request.protocol_type.size();
  if (request.instance_id) bytes += request.instance_id->size();
  for (const MemberProtocol& protocol : request.protocols) bytes += protocol.name.size() + protocol.metadata.size();
  return bytes;
}

JoinResult refused(ErrorCode error, std::string member_id) {
  return {.error = error, .member_id = std::move(member_id)};
}

}  // namespace

std::string Group::make_member_id(const JoinRequest& request) {
  // Debuggable, unique, and not to be guessed by other clients.
  const std::string& name = request.instance_id ? *request.instance_id : request.client_id;
  const uint64_t high = services_.random();
  const uint64_t low = services_.random();
  return fmt::format("{}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", std::string_view(name).substr(0, kNameInMemberIdMax),
                     high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48, low & 0xffff'ffff'ffff);
}

ErrorCode Group::check_member(const std::string& member_id, const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    const auto instance = instances_.find(*instance_id);
    if (instance == instances_.end()) return ErrorCode::kUnknownMemberId;
    return instance->second == member_id ? ErrorCode::kNone : ErrorCode::kFencedInstanceId;
  }
  return members_.contains(member_id) ? ErrorCode::kNone : ErrorCode::kUnknownMemberId;
}

bool Group::has_place_for(const JoinRequest& request) const {
  const size_t max = services_.options.members_max;
  const bool known =
      members_.contains(request.member_id) || (request.instance_id && instances_.contains(*request.instance_id));
  // When the limit has been lowered, those who come back first stay.
  if (state_ == GroupState::kPreparingRebalance && members_.size() > max) {
    const auto member = members_.find(request.member_id);
    if (member != members_.end() && member->second.joining) return true;
    const auto joining =
        std::ranges::count_if(members_, [](const auto& each) { return each.second.joining != nullptr; });
    return static_cast<size_t>(joining) < max;
  }
  return known || members_.size() < max;
}

bool Group::supports(const JoinRequest& request) const {
  if (request.protocols.empty() || request.protocols.size() > services_.options.protocols_max) return false;
  if (members_.empty()) return !request.protocol_type.empty();
  if (request.protocol_type != protocol_type_) return false;
  return std::ranges::any_of(request.protocols, [&](const MemberProtocol& offered) {
    return std::ranges::all_of(members_, [&](const auto& each) {
      return std::ranges::any_of(each.second.protocols,
                                 [&](const MemberProtocol& p) { return p.name == offered.name; });
    });
  });
}

void Group::join(JoinRequest request, AnswerPointer<JoinResult> answer) {
  if (state_ == GroupState::kDead || stopped_)
    return answer->give(refused(ErrorCode::kCoordinatorNotAvailable, request.member_id));
  if (consumers_.exists()) {
    if (consumers_.size() > 0) return answer->give(refused(ErrorCode::kInconsistentGroupProtocol, request.member_id));
    consumers_.dissolve();
    show();
  }
  if (bytes_of(request) > services_.options.member_bytes_max)
    return answer->give(refused(ErrorCode::kGroupMaxSizeReached, request.member_id));
  if (!has_place_for(request)) {
    drop_pending(request.member_id);
    if (members_.contains(request.member_id)) remove_member(request.member_id, ErrorCode::kGroupMaxSizeReached);
    answer->give(refused(ErrorCode::kGroupMaxSizeReached, ""));
  } else if (!supports(request)) {
    answer->give(refused(ErrorCode::kInconsistentGroupProtocol, request.member_id));
  } else if (request.member_id.empty()) {
    join_new(std::move(request), std::move(answer));
  } else if (pending_.contains(request.member_id)) {
    join_pending(std::move(request), std::move(answer));
  } else {
    join_again(std::move(request), std::move(answer));
  }
  complete_join_if_all_are_there();
}

void Group::join_new(JoinRequest request, AnswerPointer<JoinResult> answer) {
  std::string id = make_member_id(request);
  if (request.instance_id) {
    const auto instance = instances_.find(*request.instance_id);
    if (instance != instances_.end())
      return replace_static_member(members_.find(instance->second), id, std::move(request), std::move(answer));
    return add_member(std::move(id), std::move(request), std::move(answer));
  }
  if (!request.member_id_required) return add_member(std::move(id), std::move(request), std::move(answer));
  // So that a client whose answer is lost does not become a member twice (KIP-394).
  if (pending_.size() + members_.size() >= services_.options.members_max)
    return answer->give(refused(ErrorCode::kGroupMaxSizeReached, ""));
  if (!services_.memory.replace(0, kPendingBytes))
    return answer->give(refused(ErrorCode::kCoordinatorLoadInProgress, ""));
  const SteadyTime deadline = now() + request.session_timeout;
  pending_.emplace(id, deadline);
  arm(deadline);
  answer->give(refused(ErrorCode::kMemberIdRequired, std::move(id)));
}

bool Group::drop_pending(const std::string& id) {
  if (pending_.erase(id) == 0) return false;
  services_.memory.force(kPendingBytes, 0);
  return true;
}

void Group::join_pending(JoinRequest request, AnswerPointer<JoinResult> answer) {
  // An id that was given to a dynamic member is not a static one's.
  if (request.instance_id) return answer->give(refused(ErrorCode::kUnknownMemberId, request.member_id));
  drop_pending(request.member_id);
  std::string id = request.member_id;
  add_member(std::move(id), std::move(request), std::move(answer));
}

void Group::join_again(JoinRequest request, AnswerPointer<JoinResult> answer) {
  const ErrorCode error = check_member(request.member_id, request.instance_id);
  if (error != ErrorCode::kNone) return answer->give(refused(error, request.member_id));
  Member& member = members_.at(request.member_id);
  const bool same = member.protocols == request.protocols;
  switch (state_) {
    case GroupState::kPreparingRebalance: return rejoin(member, std::move(request), std::move(answer));
    case GroupState::kCompletingRebalance:
      // It has not got our answer: the same again.
      if (!same) return rejoin(member, std::move(request), std::move(answer));
      renew_session(member);
      return answer->give(joined(member, member.id == leader_));
    case GroupState::kStable:
      // A leader that joins again has seen something that its assignment must follow, such as new partitions.
      if (!same || member.id == leader_) return rejoin(member, std::move(request), std::move(answer));
      renew_session(member);
      return answer->give(joined(member, false));
    case GroupState::kEmpty:
    case GroupState::kReconciling:
    case GroupState::kDead: return answer->give(refused(ErrorCode::kUnknownMemberId, request.member_id));
  }
}

// Takes over what the request says about the member, if there is room for it.
ErrorCode Group::describe_in(Member& member, std::string id, JoinRequest& request) {
  MemberRecord fresh{.id = std::move(id),
                     .instance_id = request.instance_id ? std::move(request.instance_id) : member.instance_id,
                     .client_id = std::move(request.client_id),
                     .client_host = std::move(request.client_host),
                     .session_timeout = request.session_timeout,
                     .rebalance_timeout = std::max(request.rebalance_timeout, milliseconds(0)),
                     .protocols = std::move(request.protocols),
                     .assignment = member.assignment};
  const size_t bytes = fresh.bytes();
  if (bytes > member.charged && member_bytes() + (bytes - member.charged) > services_.options.group_bytes_max)
    return ErrorCode::kGroupMaxSizeReached;
  if (!services_.memory.replace(member.charged, bytes)) return ErrorCode::kCoordinatorLoadInProgress;
  member.charged = bytes;
  static_cast<MemberRecord&>(member) = std::move(fresh);
  return ErrorCode::kNone;
}

void Group::add_member(std::string id, JoinRequest request, AnswerPointer<JoinResult> answer) {
  Member member;
  std::string protocol_type = std::move(request.protocol_type);
  const ErrorCode error = describe_in(member, id, request);
  if (error != ErrorCode::kNone) return answer->give(refused(error, ""));
  member.is_new = true;
  member.deadline = now() + services_.options.new_member_join_timeout;
  member.joining = std::move(answer);
  arm(member.deadline);

  if (members_.empty()) protocol_type_ = std::move(protocol_type);
  if (leader_.empty()) leader_ = id;
  if (member.instance_id) instances_[*member.instance_id] = id;
  members_.emplace(std::move(id), std::move(member));
  show();
  if (state_ == GroupState::kPreparingRebalance && initial_) newcomers_ = true;
  prepare_rebalance();
}

void Group::rejoin(Member& member, JoinRequest request, AnswerPointer<JoinResult> answer) {
  const ErrorCode error = describe_in(member, member.id, request);
  if (error != ErrorCode::kNone) return answer->give(refused(error, member.id));
  // A request that it has sent before: it no longer waits for that one.
  give_to(member.joining, refused(ErrorCode::kRebalanceInProgress, member.id));
  member.joining = std::move(answer);
  prepare_rebalance();
}

// A static member has started again: it takes the place, and the assignment, of its former self, which is fenced. When
// the group's protocol stays what it is, nobody else notices.
void Group::replace_static_member(Members::iterator former, const std::string& id, JoinRequest request,
                                  AnswerPointer<JoinResult> answer) {
  const bool can_skip = request.can_skip_assignment;
  if (!services_.writer.has_room(member_bytes()))
    return answer->give(refused(ErrorCode::kCoordinatorLoadInProgress, ""));
  const ErrorCode error = describe_in(former->second, id, request);
  if (error != ErrorCode::kNone) return answer->give(refused(error, ""));

  const std::string old_id = former->first;
  auto node = members_.extract(former);
  node.key() = id;
  Member& member = members_.insert(std::move(node)).position->second;
  instances_[*member.instance_id] = id;
  give_to(member.joining, refused(ErrorCode::kFencedInstanceId, old_id));
  give_to(member.syncing, SyncResult{.error = ErrorCode::kFencedInstanceId});
  const std::string leader_before = leader_;
  if (leader_ == old_id) leader_ = id;
  member.is_new = false;
  renew_session(member);

  if (state_ != GroupState::kStable || select_protocol() != protocol_) {
    member.joining = std::move(answer);
    return prepare_rebalance();
  }
  const bool leads = leader_ == id;
  JoinResult result = joined(member, leads && can_skip);
  result.skip_assignment = leads && can_skip;
  // A leader that does not know of skipping must not assign anew while the others hold what they have: it is told that
  // its former self leads (KIP-345, KIP-814).
  if (!can_skip) result.leader = leader_before;
  store(record(), [result = std::move(result), answer = std::move(answer)](ErrorCode failure) mutable {
    if (failure == ErrorCode::kNone) return answer->give(std::move(result));
    answer->give(refused(failure, ""));
  });
}

JoinResult Group::joined(const Member& member, bool as_leader) const {
  JoinResult result{.generation = generation_,
                    .protocol_type = protocol_type_,
                    .protocol = protocol_,
                    .leader = leader_,
                    .member_id = member.id};
  if (!as_leader) return result;
  for (const auto& [id, each] : members_) {
    JoinedMember& out = result.members.emplace_back(JoinedMember{id, each.instance_id, {}});
    for (const MemberProtocol& protocol : each.protocols)
      if (protocol.name == protocol_) {
        out.metadata = protocol.metadata;
        break;
      }
  }
  return result;
}

}  // namespace headrace
