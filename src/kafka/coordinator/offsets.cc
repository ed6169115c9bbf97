#include "kafka/coordinator/offsets.h"

namespace headrace {

size_t GroupOffsets::bytes_of(const std::string& topic, const CommittedOffset& offset) {
  constexpr size_t kNodeBytes = 64;  // of a map
  return sizeof(Entry) + kNodeBytes + topic.size() + offset.metadata.size();
}

GroupOffsets::~GroupOffsets() {
  for (const auto& [topic, partitions] : entries_)
    for (const auto& [partition, entry] : partitions)
      if (entry.committed) services_.memory.force(bytes_of(topic, *entry.committed), 0);
}

void GroupOffsets::adopt(const std::string& topic, PartitionId partition, std::optional<CommittedOffset> offset) {
  drop(topic, partition);
  if (!offset) return;
  services_.memory.force(0, bytes_of(topic, *offset));
  entries_[topic][partition].committed = std::move(offset);
}

size_t GroupOffsets::size() const {
  size_t size = 0;
  for (const auto& [topic, partitions] : entries_) size += partitions.size();
  return size;
}

bool GroupOffsets::contains(const std::string& topic, PartitionId partition) const {
  const auto partitions = entries_.find(topic);
  return partitions != entries_.end() && partitions->second.contains(partition);
}

GroupOffsets::Entry* GroupOffsets::find(const std::string& topic, PartitionId partition) {
  const auto partitions = entries_.find(topic);
  if (partitions == entries_.end()) return nullptr;
  const auto entry = partitions->second.find(partition);
  return entry == partitions->second.end() ? nullptr : &entry->second;
}

// Forgets what is committed, and the entry with it if no commit is on its way.
void GroupOffsets::drop(const std::string& topic, PartitionId partition) {
  Entry* const entry = find(topic, partition);
  if (entry == nullptr) return;
  if (entry->committed) services_.memory.force(bytes_of(topic, *entry->committed), 0);
  entry->committed.reset();
  if (entry->writing > 0) return;
  const auto partitions = entries_.find(topic);
  partitions->second.erase(partition);
  if (partitions->second.empty()) entries_.erase(partitions);
}

bool GroupOffsets::outlived(const std::string& topic, const CommittedOffset& offset) const {
  return offset.topic != TopicId{} && services_.log.id_of(topic) != offset.topic;
}

void GroupOffsets::commit(CommitRequest request, AnswerPointer<std::vector<TopicErrors>> answer) {
  const int64_t now_ms = services_.timers.clock().wall_ms();
  // An absurd retention means for ever, not the past.
  const bool expires = request.retention_ms >= 0 && request.retention_ms < INT64_MAX - now_ms;
  const auto to_store = [now_ms, expires, retention_ms = request.retention_ms](const CommitPartition& partition,
                                                                               TopicId topic) {
    return CommittedOffset{.offset = partition.offset,
                           .leader_epoch = partition.leader_epoch,
                           .metadata = partition.metadata,
                           .committed_ms = now_ms,
                           .expires_ms = expires ? now_ms + retention_ms : -1,
                           .topic = topic};
  };

  std::vector<TopicErrors> results;
  std::vector<TopicId> ids;
  std::vector<GroupWriter::Record> records;
  size_t queued = 0;
  for (const CommitTopic& topic : request.topics) {
    TopicErrors& result = results.emplace_back(TopicErrors{topic.topic, {}});
    ids.push_back(services_.log.id_of(topic.topic).value_or(TopicId{}));
    for (const CommitPartition& partition : topic.partitions) {
      PartitionError& outcome = result.partitions.emplace_back(PartitionError{partition.partition, ErrorCode::kNone});
      if (partition.metadata.size() > services_.options.offset_metadata_max) {
        outcome.error = ErrorCode::kOffsetMetadataTooLarge;
        continue;
      }
      const CommittedOffset offset = to_store(partition, ids.back());
      GroupWriter::Record record{.key = encode(GroupRecordKey{.kind = GroupRecordKind::kOffset,
                                                              .group = group_,
                                                              .topic = topic.topic,
                                                              .partition = partition.partition}),
                                 .value = encode(offset)};
      const size_t size = services_.writer.bytes_of(record);
      if (!services_.writer.has_room(queued + size) || !services_.memory.replace(0, bytes_of(topic.topic, offset))) {
        outcome.error = ErrorCode::kCoordinatorLoadInProgress;
        continue;
      }
      queued += size;
      ++entries_[topic.topic][partition.partition].writing;
      records.push_back(std::move(record));
    }
  }
  if (records.empty()) return answer->give(std::move(results));

  services_.writer.write(partition_, std::move(records),
                         [this, request = std::move(request), results = std::move(results), ids = std::move(ids),
                          answer = std::move(answer), to_store](ErrorCode error) mutable {
                           for (size_t i = 0; i < results.size(); ++i) {
                             for (size_t j = 0; j < results[i].partitions.size(); ++j) {
                               PartitionError& outcome = results[i].partitions[j];
                               if (outcome.error != ErrorCode::kNone) continue;
                               const CommitPartition& partition = request.topics[i].partitions[j];
                               settle(request.topics[i].topic, partition, to_store(partition, ids[i]),
                                      error == ErrorCode::kNone);
                               outcome.error = error;
                             }
                           }
                           answer->give(std::move(results));
                         });
}

void GroupOffsets::settle(const std::string& topic, const CommitPartition& partition, CommittedOffset offset,
                          bool written) {
  Entry* const entry = find(topic, partition.partition);
  check(entry != nullptr && entry->writing > 0, "a commit that is on its way has its entry");
  --entry->writing;
  if (written) {
    if (entry->committed) services_.memory.force(bytes_of(topic, *entry->committed), 0);
    entry->committed = std::move(offset);
    services_.metrics.committed_offsets->add();
    return;
  }
  services_.memory.force(bytes_of(topic, offset), 0);
  if (!entry->committed) drop(topic, partition.partition);
}

std::vector<TopicOffsets> GroupOffsets::fetch(const std::optional<std::vector<TopicPartitions>>& wanted) const {
  const auto offset_of = [](PartitionId partition, const CommittedOffset& offset) {
    return PartitionOffset{partition, offset.offset, offset.leader_epoch, offset.metadata};
  };
  std::vector<TopicOffsets> topics;
  if (!wanted) {
    for (const auto& [topic, partitions] : entries_) {
      TopicOffsets result{topic, {}};
      for (const auto& [partition, entry] : partitions)
        if (entry.committed && !outlived(topic, *entry.committed))
          result.partitions.push_back(offset_of(partition, *entry.committed));
      if (!result.partitions.empty()) topics.push_back(std::move(result));
    }
    return topics;
  }
  for (const TopicPartitions& topic : *wanted) {
    TopicOffsets& result = topics.emplace_back(TopicOffsets{topic.topic, {}});
    const auto partitions = entries_.find(topic.topic);
    for (const PartitionId partition : topic.partitions) {
      PartitionOffset offset{.partition = partition};
      if (partitions != entries_.end()) {
        const auto entry = partitions->second.find(partition);
        if (entry != partitions->second.end() && entry->second.committed &&
            !outlived(topic.topic, *entry->second.committed))
          offset = offset_of(partition, *entry->second.committed);
      }
      result.partitions.push_back(std::move(offset));
    }
  }
  return topics;
}

std::vector<GroupOffsets::Place> GroupOffsets::choose(
    const std::function<bool(const std::string& topic, const Entry& entry)>& chosen) const {
  std::vector<Place> places;
  for (const auto& [topic, partitions] : entries_)
    for (const auto& [partition, entry] : partitions)
      if (chosen(topic, entry)) places.push_back({topic, partition});
  return places;
}

std::vector<GroupWriter::Record> GroupOffsets::tombstones(const std::vector<Place>& places) const {
  std::vector<GroupWriter::Record> records;
  records.reserve(places.size());
  for (const Place& place : places)
    records.push_back(
        {.key = encode(GroupRecordKey{
             .kind = GroupRecordKind::kOffset, .group = group_, .topic = place.topic, .partition = place.partition}),
         .value = std::nullopt});
  return records;
}

void GroupOffsets::forget(std::vector<Place> places, GroupWriter::Done done) {
  check(!places.empty(), "there is something to forget");
  std::vector<GroupWriter::Record> records = tombstones(places);
  services_.writer.write(partition_, std::move(records),
                         [this, places = std::move(places), done = std::move(done)](ErrorCode error) mutable {
                           if (error == ErrorCode::kNone)
                             for (const Place& place : places) drop(place.topic, place.partition);
                           done(error);
                         });
}

}  // namespace headrace
