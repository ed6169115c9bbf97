// All topics at one moment, found by name or by id. It does not change: who holds it sees that moment.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "log/log.h"

namespace headrace {

class TopicTable {
 public:
  // In any order; names and ids differ.
  explicit TopicTable(std::vector<TopicInfo> topics);

  std::span<const TopicInfo> by_name() const { return topics_; }
  // Null when there is none.
  const TopicInfo* find(std::string_view name) const;
  const TopicInfo* find(const TopicId& id) const;

 private:
  std::vector<TopicInfo> topics_;  // by name
  std::vector<uint32_t> by_id_;    // places in it
};

}  // namespace headrace
