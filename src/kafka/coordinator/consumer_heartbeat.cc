// ConsumerGroupHeartbeat: who it is from, what is new in what he says, and what he is told. Until all reasons to refuse
// it are past, nothing has changed.
#include <algorithm>

#include "base/trace.h"
#include "fmt/format.h"
#include "kafka/coordinator/consumer_group.h"

namespace headrace {
namespace {

ConsumerHeartbeatResult refused(ErrorCode error, std::string message) {
  return {.error = error, .message = std::move(message)};
}

// What the member says about itself, with what it leaves out as it was.
ConsumerDescription described(ConsumerDescription about, const ConsumerHeartbeatRequest& request) {
  if (request.instance_id) about.instance_id = request.instance_id;
  if (request.rack_id) about.rack_id = request.rack_id;
  about.client_id = request.client_id;
  about.client_host = request.client_host;
  if (request.rebalance_timeout) about.rebalance_timeout = *request.rebalance_timeout;
  if (request.assignor) about.assignor = *request.assignor;
  if (request.pattern) about.pattern = *request.pattern;
  if (request.topics) {
    about.topics = *request.topics;
    std::ranges::sort(about.topics);
    const auto repeated = std::ranges::unique(about.topics);
    about.topics.erase(repeated.begin(), repeated.end());
  }
  return about;
}

// Whether the client shows in it all that it knows, as it does after something went wrong, and wants the same.
bool is_complete(const ConsumerHeartbeatRequest& request) {
  return request.member_epoch == kJoinEpoch ||
         (request.rebalance_timeout && (request.topics || request.pattern) && request.owned);
}

}  // namespace

std::string ConsumerGroup::make_member_id() {
  // Not to be guessed by other clients.
  const uint64_t high = services_.random();
  const uint64_t low = services_.random();
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48,
                     low & 0xffff'ffff'ffff);
}

ConsumerGroup::Sender ConsumerGroup::at_its_epoch(Member& member, const ConsumerHeartbeatRequest& request) {
  if (request.member_epoch == member.epoch) return {.known = &member};
  // The answer that told it its epoch may have been lost. It has nothing then that it may not have.
  if (request.member_epoch == member.previous_epoch && request.member_epoch < member.epoch && request.owned) {
    PartitionSet has = member.assigned;
    add(has, member.revoking);
    if (is_subset(*request.owned, has)) return {.known = &member};
  }
  return {.error = ErrorCode::kFencedMemberEpoch,
          .message = fmt::format("the member \"{}\" says that it is at epoch {}, but is at {}: give up all partitions "
                                 "and join again",
                                 member.id, request.member_epoch, member.epoch)};
}

ConsumerGroup::Sender ConsumerGroup::find_static_sender(const ConsumerHeartbeatRequest& request,
                                                        const std::string& instance_id) {
  const bool joins = request.member_epoch == kJoinEpoch;
  // No client takes another instance id with its member id; if it could, both would lead to the one member.
  if (const auto known = members_.find(request.member_id);
      joins && known != members_.end() && known->second.about.instance_id != instance_id)
    return {.error = ErrorCode::kInvalidRequest,
            .message = fmt::format("the member \"{}\" has joined without the instance id \"{}\": leave, and join again",
                                   request.member_id, instance_id)};
  const auto instance = instances_.find(instance_id);
  const auto found = instance == instances_.end() ? members_.end() : members_.find(instance->second);
  if (found == members_.end()) {
    if (joins) return {};
    return {.error = ErrorCode::kUnknownMemberId,
            .message = fmt::format("the group has no member with the instance id \"{}\"", instance_id)};
  }
  Member& holder = found->second;
  if (joins && holder.epoch == kLeaveForAWhileEpoch) return {.replaced = &holder};
  if (holder.id == request.member_id) {
    Sender sender = at_its_epoch(holder, request);
    if (!joins || sender.known != nullptr) return sender;
  }
  return {.error = joins ? ErrorCode::kUnreleasedInstanceId : ErrorCode::kFencedInstanceId,
          .message = fmt::format("the instance id \"{}\" belongs to the member \"{}\"", instance_id, holder.id)};
}

ConsumerGroup::Sender ConsumerGroup::find_sender(const ConsumerHeartbeatRequest& request) {
  if (request.instance_id) {
    Sender sender = find_static_sender(request, *request.instance_id);
    if (sender.known || sender.replaced || sender.error != ErrorCode::kNone) return sender;
  }
  if (const auto member = members_.find(request.member_id); member != members_.end())
    return at_its_epoch(member->second, request);
  if (request.member_epoch == kJoinEpoch) return {};
  return {.error = ErrorCode::kUnknownMemberId,
          .message = fmt::format("the group has no member \"{}\"", request.member_id)};
}

// Whether there is room for the sender and what it says now.
ConsumerGroup::Sender ConsumerGroup::check_description(const Sender& sender, const std::string& id,
                                                       const ConsumerDescription& about) const {
  const GroupOptions& options = services_.options;
  const Member* const before = sender.known != nullptr ? sender.known : sender.replaced;
  if (before == nullptr && members_.size() >= options.members_max)
    return {.error = ErrorCode::kGroupMaxSizeReached,
            .message = fmt::format("the group has {} members already", options.members_max)};
  const auto bytes_of = [](const std::string& name, const ConsumerDescription& says) {
    return name.size() + says.bytes();
  };
  const size_t bytes = bytes_of(id, about);
  const size_t bytes_before = before == nullptr ? 0 : bytes_of(before->id, before->about);
  if (bytes > options.member_bytes_max)
    return {.error = ErrorCode::kGroupMaxSizeReached,
            .message =
                fmt::format("the member's subscription has {} bytes, of at most {}", bytes, options.member_bytes_max)};
  size_t group_bytes = bytes - std::min(bytes, bytes_before);
  for (const auto& [id_of_member, member] : members_) group_bytes += bytes_of(id_of_member, member.about);
  if (bytes > bytes_before && group_bytes > options.group_bytes_max)
    return {.error = ErrorCode::kGroupMaxSizeReached,
            .message = fmt::format("the members' subscriptions have {} bytes, of at most {}", group_bytes,
                                   options.group_bytes_max)};
  if (!services_.memory.has_room(sizeof(Member) + bytes))
    return {.error = ErrorCode::kCoordinatorLoadInProgress, .message = "there is no memory left for consumer groups"};
  if (!about.pattern.empty() && (before == nullptr || before->about.pattern != about.pattern)) {
    if (auto wrong = error_in_pattern(about.pattern, options.pattern_bytes_max))
      return {.error = ErrorCode::kInvalidRegularExpression, .message = std::move(*wrong)};
    std::set<std::string_view> patterns{about.pattern};
    for (const auto& [id_of_member, member] : members_)
      if (&member != before && !member.about.pattern.empty()) patterns.insert(member.about.pattern);
    if (patterns.size() > options.patterns_max)
      return {.error = ErrorCode::kGroupMaxSizeReached,
              .message = fmt::format("the members would subscribe by {} patterns, of at most {}", patterns.size(),
                                     options.patterns_max)};
  }
  return {};
}

// A new member, or one in the place of a static one, whose partitions it has.
ConsumerGroup::Member& ConsumerGroup::enter(const std::string& id, Member* replaced) {
  Member fresh;
  if (replaced != nullptr) {
    const std::string old_id = replaced->id;
    fresh = std::move(*replaced);
    members_.erase(old_id);
    mark(old_id);
    fresh.epoch = kJoinEpoch;
    fresh.previous_epoch = kJoinEpoch;
  }
  fresh.id = id;
  mark(id);
  group_unwritten_ = true;  // it has the number of members
  return members_.insert_or_assign(id, std::move(fresh)).first->second;
}

void ConsumerGroup::heartbeat(ConsumerHeartbeatRequest request, AnswerPointer<ConsumerHeartbeatResult> answer) {
  if (stopped_) return answer->give(refused(ErrorCode::kCoordinatorNotAvailable, "the server stops"));
  if (request.member_epoch < 0) return leave(request, std::move(answer));
  if (request.member_id.empty()) request.member_id = make_member_id();
  Sender sender = find_sender(request);
  if (sender.error != ErrorCode::kNone) return answer->give(refused(sender.error, std::move(sender.message)));
  const Member* const before = sender.known != nullptr ? sender.known : sender.replaced;
  const ConsumerDescription about = described(before == nullptr ? ConsumerDescription{} : before->about, request);
  const bool says_something_new = before == nullptr || about != before->about;
  const bool subscribes_anew =
      before == nullptr || about.topics != before->about.topics || about.pattern != before->about.pattern;
  if (says_something_new || sender.replaced) {
    Sender checked = check_description(sender, request.member_id, about);
    if (checked.error != ErrorCode::kNone) return answer->give(refused(checked.error, std::move(checked.message)));
  }
  if (sender.known != nullptr) renew_session(*sender.known);
  size_t bytes = 0;
  for (const auto& [id, member] : members_) bytes += member.charged;
  if (!services_.writer.has_room(bytes + about.bytes()))
    return answer->give(refused(ErrorCode::kCoordinatorLoadInProgress, "too much waits to be written"));

  std::optional<Plan> fresh;
  if (subscribes_anew || topics_have_changed()) {
    ConsumerRecord joining{.id = request.member_id};
    if (sender.replaced != nullptr) joining.target = sender.replaced->target;
    fresh = plan(
        {.member = sender.known != nullptr ? sender.known : &joining, .about = &about, .replaced = sender.replaced});
    if (!fresh->refusal.empty()) {
      if (subscribes_anew) return answer->give(refused(ErrorCode::kGroupMaxSizeReached, std::move(fresh->refusal)));
      trace::warn("consumer group \"{}\": no new assignment: {}", id_, fresh->refusal);
      fresh.reset();
    }
  }

  const bool again = sender.known != nullptr && request.member_epoch != sender.known->epoch;
  Member& member = sender.known != nullptr ? *sender.known : enter(request.member_id, sender.replaced);
  if (says_something_new) {
    member.about = about;
    mark(member.id);
  }
  if (member.about.instance_id) instances_[*member.about.instance_id] = member.id;
  recharge(member);
  if (fresh) take_over(std::move(*fresh));
  const PartitionSet assigned_before = member.assigned;
  // One that has not heard of its last step is told of it again, and takes the next one with its next heartbeat.
  if (!again) reconcile(member, request.owned);
  renew_session(member);
  show();

  ConsumerHeartbeatResult result{
      .member_id = member.id, .member_epoch = member.epoch, .interval = services_.options.consumer_heartbeat_interval};
  if (again || is_complete(request) || member.assigned != assigned_before) result.assignment = member.assigned;
  answer_when_written(std::move(result), std::move(answer));
}

ErrorCode ConsumerGroup::remove_instance(const std::string& instance_id) {
  if (stopped_) return ErrorCode::kCoordinatorNotAvailable;
  const auto instance = instances_.find(instance_id);
  if (instance == instances_.end()) return ErrorCode::kUnknownMemberId;
  const std::string id = instance->second;
  remove_members({id});
  flush([](ErrorCode) {});  // if it fails, it goes with the next one
  return ErrorCode::kNone;
}

void ConsumerGroup::answer_when_written(ConsumerHeartbeatResult result, AnswerPointer<ConsumerHeartbeatResult> answer) {
  flush([result = std::move(result), answer = std::move(answer)](ErrorCode error) mutable {
    answer->give(error == ErrorCode::kNone ? std::move(result) : refused(error, "the change could not be written"));
  });
}

void ConsumerGroup::leave(const ConsumerHeartbeatRequest& request, AnswerPointer<ConsumerHeartbeatResult> answer) {
  auto member = members_.find(request.member_id);
  if (request.instance_id) {
    const auto instance = instances_.find(*request.instance_id);
    if (instance != instances_.end() && instance->second != request.member_id)
      return answer->give(refused(
          ErrorCode::kFencedInstanceId,
          fmt::format("the instance id \"{}\" belongs to the member \"{}\"", *request.instance_id, instance->second)));
    if (instance == instances_.end()) member = members_.end();
  }
  if (member == members_.end())
    return answer->give(
        refused(ErrorCode::kUnknownMemberId, fmt::format("the group has no member \"{}\"", request.member_id)));
  if (request.member_epoch == kLeaveForAWhileEpoch) {
    // It keeps its partitions, for itself as it will be when it comes back, until its session ends.
    Member& leaving = member->second;
    leaving.epoch = kLeaveForAWhileEpoch;
    leaving.state = ConsumerState::kStable;
    leaving.revoke_deadline = SteadyTime::max();
    release(leaving.revoking);
    mark(leaving.id);
    show();
  } else {
    remove_members({request.member_id});
  }
  answer_when_written({.member_id = request.member_id, .member_epoch = request.member_epoch}, std::move(answer));
}

}  // namespace headrace
