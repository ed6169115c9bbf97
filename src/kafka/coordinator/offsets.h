// The committed offsets of one group: written to `_groups` first, shown once they are durable, and not of another topic
// that has come by the name since.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kafka/coordinator/group_answer.h"
#include "kafka/coordinator/group_record.h"
#include "kafka/coordinator/group_services.h"

namespace headrace {

class GroupOffsets {
 public:
  struct Entry {
    std::optional<CommittedOffset> committed;
    uint32_t writing = 0;  // commits on their way to the log
  };
  struct Place {
    std::string topic;
    PartitionId partition = 0;
  };

  // `partition` is that of `_groups` which has the group's records.
  GroupOffsets(GroupServices& services, std::string group, PartitionId partition)
      : services_(services), group_(std::move(group)), partition_(partition) {}
  ~GroupOffsets();
  GroupOffsets(const GroupOffsets&) = delete;
  GroupOffsets& operator=(const GroupOffsets&) = delete;

  // Neither there nor on their way.
  bool empty() const { return entries_.empty(); }
  size_t size() const;
  bool contains(const std::string& topic, PartitionId partition) const;
  // What was read from the log.
  void adopt(const std::string& topic, PartitionId partition, std::optional<CommittedOffset> offset);

  // Whether it is of a topic that there is no more.
  bool outlived(const std::string& topic, const CommittedOffset& offset) const;

  void commit(CommitRequest request, AnswerPointer<std::vector<TopicErrors>> answer);
  std::vector<TopicOffsets> fetch(const std::optional<std::vector<TopicPartitions>>& wanted) const;

  // Also those that are only on their way.
  std::vector<Place> choose(const std::function<bool(const std::string& topic, const Entry& entry)>& chosen) const;
  std::vector<GroupWriter::Record> tombstones(const std::vector<Place>& places) const;
  // Removes them from the log, then from memory; commits that come later stay.
  void forget(std::vector<Place> places, GroupWriter::Done done);

 private:
  static size_t bytes_of(const std::string& topic, const CommittedOffset& offset);
  Entry* find(const std::string& topic, PartitionId partition);
  void settle(const std::string& topic, const CommitPartition& partition, CommittedOffset offset, bool written);
  void drop(const std::string& topic, PartitionId partition);

  GroupServices& services_;
  const std::string group_;
  const PartitionId partition_;
  std::map<std::string, std::map<PartitionId, Entry>> entries_;
};

}  // namespace headrace
