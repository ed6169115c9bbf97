// What has to do with the group as a whole: its life, what is known about it, and its offsets.
#include "kafka/coordinator/group.h"

#include <algorithm>

#include "base/bytes.h"

namespace headrace {
namespace {

constexpr size_t kGroupBytes = 1024;  // of a group without members and offsets
constexpr std::string_view kConsumerProtocol = "consumer";
constexpr const char* kNoConsumers = "the group is not one of the consumer type";

// The topics in the metadata of a consumer (Kafka's ConsumerProtocolSubscription: version, topics, ...).
std::optional<std::set<std::string>> topics_of(std::string_view metadata) {
  try {
    Reader reader(metadata);
    reader.big_endian<int16_t>();
    std::set<std::string> topics;
    for (auto left = reader.big_endian<int32_t>(); left > 0; --left) {
      const auto size = reader.big_endian<int16_t>();
      if (size < 0) return std::nullopt;
      topics.emplace(reader.bytes(static_cast<size_t>(size)));
    }
    return topics;
  } catch (const Error&) {
    return std::nullopt;  // another client's own format
  }
}

}  // namespace

std::string_view name(GroupState state) {
  switch (state) {
    case GroupState::kEmpty: return "Empty";
    case GroupState::kPreparingRebalance: return "PreparingRebalance";
    case GroupState::kCompletingRebalance: return "CompletingRebalance";
    case GroupState::kStable: return "Stable";
    case GroupState::kReconciling: return "Reconciling";
    case GroupState::kDead: return "Dead";
  }
  return "Unknown";
}

Group::Group(GroupServices& services, std::string id, PartitionId partition)
    : services_(services),
      id_(std::move(id)),
      partition_(partition),
      since_ms_(services.timers.clock().wall_ms()),
      offsets_(services, id_, partition),
      consumers_(services, id_, partition),
      shown_(services.metrics, GroupType::kClassic) {
  services_.memory.force(0, kGroupBytes + id_.size());
  show();
}

Group::~Group() {
  for (auto& [id, member] : members_) services_.memory.force(member.charged, 0);
  services_.memory.force(kGroupBytes + id_.size() + pending_.size() * kPendingBytes, 0);
}

void Group::adopt(GroupRecord record) {
  generation_ = record.generation;
  protocol_type_ = record.protocol_type.value_or("");
  protocol_ = std::move(record.protocol);
  leader_ = std::move(record.leader);
  since_ms_ = record.since_ms;
  for (MemberRecord& each : record.members) {
    Member member;
    static_cast<MemberRecord&>(member) = std::move(each);
    if (member.instance_id) instances_[*member.instance_id] = member.id;
    std::string id = member.id;
    Member& adopted = members_.insert_or_assign(std::move(id), std::move(member)).first->second;
    recharge(adopted);
    renew_session(adopted);
  }
  state_ = members_.empty() ? GroupState::kEmpty : GroupState::kStable;
  show();
  if (members_.size() > services_.options.members_max) prepare_rebalance();  // the limit has been lowered
}

void Group::adopt(std::optional<ConsumerGroupRecord> record, std::vector<ConsumerRecord> consumers) {
  // What was left on the log when the group became a classic one.
  if (!members_.empty()) return;
  consumers_.adopt(record, std::move(consumers));
  show();
}

void Group::consumer_heartbeat(ConsumerHeartbeatRequest request, AnswerPointer<ConsumerHeartbeatResult> answer) {
  const bool was_classic = !consumers_.exists();
  const bool can_change = request.member_epoch == kJoinEpoch && state_ == GroupState::kEmpty && pending_.empty();
  if (state_ == GroupState::kDead || (was_classic && !can_change))
    return answer->give({.error = ErrorCode::kGroupIdNotFound, .message = kNoConsumers});
  consumers_.heartbeat(std::move(request), std::move(answer));
  if (!was_classic || !consumers_.exists()) return;
  // An empty classic group beside it means nothing, should its record stay on the log.
  if (generation_ > 0)
    services_.writer.write(partition_, {{.key = encode(GroupRecordKey{.group = id_}), .value = std::nullopt}},
                           [](ErrorCode) {});
  generation_ = 0;
  protocol_type_.clear();
  show();
}

DescribedConsumerGroup Group::describe_consumers() const {
  if (state_ != GroupState::kDead && consumers_.exists()) return consumers_.describe();
  return {.error = ErrorCode::kGroupIdNotFound, .message = kNoConsumers, .group = id_};
}

GroupState Group::state() const {
  return consumers_.exists() && state_ == GroupState::kEmpty ? consumers_.state() : state_;
}

std::string_view Group::protocol_type() const {
  return consumers_.exists() ? kConsumerProtocol : protocol_type_;
}

// A group of the other type shows itself.
void Group::show() {
  if (consumers_.exists())
    shown_.hide();
  else
    shown_.show(state_, members_.size());
}

ErrorCode Group::heartbeat(const HeartbeatRequest& request) {
  if (state_ == GroupState::kDead || stopped_) return ErrorCode::kCoordinatorNotAvailable;
  const ErrorCode error = check_member(request.member_id, request.instance_id);
  if (error != ErrorCode::kNone) return error;
  if (request.generation != generation_) return ErrorCode::kIllegalGeneration;
  renew_session(members_.at(request.member_id));
  return state_ == GroupState::kPreparingRebalance ? ErrorCode::kRebalanceInProgress : ErrorCode::kNone;
}

ErrorCode Group::leave(const LeavingMember& leaving) {
  if (state_ == GroupState::kDead || stopped_) return ErrorCode::kCoordinatorNotAvailable;
  if (consumers_.exists() && leaving.member_id.empty() && leaving.instance_id)
    return consumers_.remove_instance(*leaving.instance_id);
  if (!leaving.instance_id && drop_pending(leaving.member_id)) {
    complete_join_if_all_are_there();
    return ErrorCode::kNone;
  }
  // An operator knows the name of the instance only.
  const auto instance = leaving.instance_id ? instances_.find(*leaving.instance_id) : instances_.end();
  if (leaving.member_id.empty() && instance != instances_.end()) {
    const std::string id = instance->second;
    remove_member(id, ErrorCode::kUnknownMemberId);
    return ErrorCode::kNone;
  }
  const ErrorCode error = check_member(leaving.member_id, leaving.instance_id);
  if (error == ErrorCode::kNone) remove_member(leaving.member_id, ErrorCode::kUnknownMemberId);
  return error;
}

ErrorCode Group::check_commit(const CommitRequest& request) {
  if (state_ == GroupState::kDead || stopped_) return ErrorCode::kCoordinatorNotAvailable;
  // From a consumer that assigns partitions to itself, or from a tool.
  if (request.generation < 0 && state() == GroupState::kEmpty) return ErrorCode::kNone;
  if (request.generation < 0 && request.member_id.empty() && !request.instance_id) return ErrorCode::kUnknownMemberId;
  if (consumers_.exists()) {
    const ErrorCode error = consumers_.check_epoch(request.member_id, request.generation);
    return error != ErrorCode::kUnknownMemberId && !request.knows_epochs ? ErrorCode::kUnsupportedVersion : error;
  }
  const ErrorCode error = check_member(request.member_id, request.instance_id);
  if (error != ErrorCode::kNone) return error;
  if (request.generation != generation_) return ErrorCode::kIllegalGeneration;
  // It has joined, so it has given up what it would commit for.
  if (state_ == GroupState::kCompletingRebalance) return ErrorCode::kRebalanceInProgress;
  renew_session(members_.at(request.member_id));
  return ErrorCode::kNone;
}

void Group::commit(CommitRequest request, AnswerPointer<std::vector<TopicErrors>> answer) {
  const ErrorCode error = check_commit(request);
  if (error == ErrorCode::kNone) return offsets_.commit(std::move(request), std::move(answer));
  answer->give(all_with(request, error));
}

ErrorCode Group::check_fetch(const FetchOffsetsRequest& request) const {
  if (!consumers_.exists() || (!request.member_id && request.member_epoch < 0)) return ErrorCode::kNone;
  return consumers_.check_epoch(request.member_id.value_or(""), request.member_epoch);
}

void Group::delete_offsets(const DeleteOffsetsRequest& request, AnswerPointer<DeleteOffsetsResult> answer) {
  if (state_ == GroupState::kDead) return answer->give({.error = ErrorCode::kGroupIdNotFound});
  if (stopped_) return answer->give({.error = ErrorCode::kCoordinatorNotAvailable});
  const bool active = state() != GroupState::kEmpty;
  if (active && protocol_type() != kConsumerProtocol) return answer->give({.error = ErrorCode::kNonEmptyGroup});

  const auto subscribed = subscribed_topics();
  DeleteOffsetsResult result;
  std::vector<GroupOffsets::Place> places;
  for (const TopicPartitions& topic : request.topics) {
    const bool in_use = active && (!subscribed || subscribed->contains(topic.topic));
    TopicErrors& errors = result.topics.emplace_back(TopicErrors{topic.topic, {}});
    for (const PartitionId partition : topic.partitions) {
      errors.partitions.push_back({partition, in_use ? ErrorCode::kGroupSubscribedToTopic : ErrorCode::kNone});
      if (!in_use && offsets_.contains(topic.topic, partition)) places.push_back({topic.topic, partition});
    }
  }
  if (places.empty()) return answer->give(std::move(result));
  offsets_.forget(std::move(places), [result = std::move(result), answer = std::move(answer)](ErrorCode error) mutable {
    for (TopicErrors& topic : result.topics)
      for (PartitionError& partition : topic.partitions)
        if (partition.error == ErrorCode::kNone) partition.error = error;
    answer->give(std::move(result));
  });
}

DescribedGroup Group::describe() const {
  if (consumers_.exists()) return {.group = id_};  // ConsumerGroupDescribe knows it
  DescribedGroup described{.group = id_, .found = state_ != GroupState::kDead, .state = state_};
  if (!described.found) return described;
  const bool stable = state_ == GroupState::kStable;
  described.protocol_type = protocol_type_;
  if (stable) described.protocol = protocol_.value_or("");
  for (const auto& [id, member] : members_) {
    DescribedMember& out = described.members.emplace_back(DescribedMember{
        .id = id, .instance_id = member.instance_id, .client_id = member.client_id, .client_host = member.client_host});
    if (!stable) continue;
    out.assignment = member.assignment;
    const auto chosen = std::ranges::find(member.protocols, described.protocol, &MemberProtocol::name);
    if (chosen != member.protocols.end()) out.metadata = chosen->metadata;
  }
  return described;
}

bool Group::is_useless() const {
  return state_ == GroupState::kEmpty && members_.empty() && pending_.empty() && generation_ == 0 && writes_ == 0 &&
         offsets_.empty() && !consumers_.exists() && !consumers_.has_writes();
}

void Group::expire(int64_t now_ms, const std::set<std::string>& topics, int64_t topics_ms, std::function<void()> gone) {
  if (stopped_ || state_ == GroupState::kPreparingRebalance || state_ == GroupState::kCompletingRebalance ||
      state_ == GroupState::kDead)
    return;
  const bool empty = state() == GroupState::kEmpty;
  // The offsets of an empty group live on from the end of the last member; those of a group with members as long as
  // the topic is subscribed.
  const auto subscribed = subscribed_topics();
  int64_t since = 0;
  if (empty && consumers_.exists())
    since = consumers_.since_ms();
  else if (empty && !protocol_type_.empty())
    since = since_ms_;
  const int64_t retention = services_.options.offsets_retention.count();
  auto places = offsets_.choose([&](const std::string& topic, const GroupOffsets::Entry& entry) {
    if (!entry.committed || entry.writing > 0) return false;
    const CommittedOffset& offset = *entry.committed;
    if (!topics.contains(topic) && offset.committed_ms < topics_ms) return true;
    if (offsets_.outlived(topic, offset)) return true;
    if (!empty && (!subscribed || subscribed->contains(topic))) return false;
    return now_ms >= (offset.expires_ms >= 0 ? offset.expires_ms : std::max(since, offset.committed_ms) + retention);
  });
  // What does not fit into the queue waits for the next round.
  size_t bytes = 0;
  size_t fitting = 0;
  for (const GroupWriter::Record& record : offsets_.tombstones(places)) {
    bytes += GroupWriter::bytes_of(record);
    if (!services_.writer.has_room(bytes)) break;
    ++fitting;
  }
  places.resize(fitting);
  if (empty && pending_.empty() && places.size() == offsets_.size())
    return remove([gone = std::move(gone)](ErrorCode error) {
      if (error == ErrorCode::kNone) gone();
    });
  if (!places.empty()) offsets_.forget(std::move(places), [](ErrorCode) {});  // if it fails, the next round tries again
}

void Group::topic_removed(const std::string& topic, GroupWriter::Done done) {
  auto places = offsets_.choose([&](const std::string& each, const GroupOffsets::Entry&) { return each == topic; });
  if (places.empty() || state_ == GroupState::kDead) return done(ErrorCode::kNone);
  offsets_.forget(std::move(places), std::move(done));
}

void Group::remove(GroupWriter::Done done) {
  if (state_ == GroupState::kDead) return done(ErrorCode::kGroupIdNotFound);
  if (state() != GroupState::kEmpty) return done(ErrorCode::kNonEmptyGroup);
  become(GroupState::kDead);
  services_.memory.force(pending_.size() * kPendingBytes, 0);
  pending_.clear();
  auto records = offsets_.tombstones(offsets_.choose([](const auto&, const auto&) { return true; }));
  std::ranges::move(consumers_.tombstones(), std::back_inserter(records));
  records.push_back({.key = encode(GroupRecordKey{.group = id_}), .value = std::nullopt});
  services_.writer.write(partition_, std::move(records), [this, done = std::move(done)](ErrorCode error) mutable {
    if (error != ErrorCode::kNone) become(GroupState::kEmpty);
    done(error);
  });
}

void Group::stop() {
  stopped_ = true;
  timer_.reset();
  consumers_.stop();
  for (auto& [id, member] : members_) {
    give_to(member.joining, JoinResult{.error = ErrorCode::kCoordinatorNotAvailable, .member_id = id});
    give_to(member.syncing, SyncResult{.error = ErrorCode::kCoordinatorNotAvailable});
  }
}

size_t Group::member_bytes() const {
  size_t bytes = 0;
  for (const auto& [id, member] : members_) bytes += member.charged;
  return bytes;
}

GroupRecord Group::record() const {
  GroupRecord record{.generation = generation_, .protocol = protocol_, .leader = leader_, .since_ms = since_ms_};
  if (!protocol_type_.empty()) record.protocol_type = protocol_type_;
  for (const auto& [id, member] : members_) record.members.push_back(member);
  return record;
}

void Group::store(const GroupRecord& record, GroupWriter::Done done) {
  std::vector<GroupWriter::Record> records;
  records.push_back({.key = encode(GroupRecordKey{.group = id_}), .value = encode(record)});
  ++writes_;
  services_.writer.write(partition_, std::move(records), [this, done = std::move(done)](ErrorCode error) mutable {
    --writes_;
    done(error);
  });
}

// nullopt when it cannot be told: the members' metadata is in a format of their own.
std::optional<std::set<std::string>> Group::subscribed_topics() const {
  if (consumers_.exists()) return consumers_.subscribed_topics();
  std::set<std::string> all;
  if (members_.empty()) return all;
  if (protocol_type_ != kConsumerProtocol || !protocol_) return std::nullopt;
  for (const auto& [id, member] : members_) {
    const auto chosen = std::ranges::find(member.protocols, *protocol_, &MemberProtocol::name);
    if (chosen == member.protocols.end()) return std::nullopt;
    auto topics = topics_of(chosen->metadata);
    if (!topics) return std::nullopt;
    all.merge(*topics);
  }
  return all;
}

std::vector<TopicErrors> all_with(const CommitRequest& request, ErrorCode error) {
  std::vector<TopicErrors> results;
  for (const CommitTopic& topic : request.topics) {
    TopicErrors& result = results.emplace_back(TopicErrors{topic.topic, {}});
    for (const CommitPartition& partition : topic.partitions) result.partitions.push_back({partition.partition, error});
  }
  return results;
}

}  // namespace headrace
