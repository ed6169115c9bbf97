#include "log/topic_table.h"

#include <algorithm>
#include <numeric>

namespace headrace {

TopicTable::TopicTable(std::vector<TopicInfo> topics) : topics_(std::move(topics)), by_id_(topics_.size()) {
  std::ranges::sort(topics_, {}, &TopicInfo::name);
  std::iota(by_id_.begin(), by_id_.end(), 0);
  std::ranges::sort(by_id_, {}, [this](uint32_t place) { return topics_[place].id; });
}

const TopicInfo* TopicTable::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(topics_, name, {}, &TopicInfo::name);
  return found == topics_.end() || found->name != name ? nullptr : &*found;
}

const TopicInfo* TopicTable::find(const TopicId& id) const {
  const auto found = std::ranges::lower_bound(by_id_, id, {}, [this](uint32_t place) { return topics_[place].id; });
  return found == by_id_.end() || topics_[*found].id != id ? nullptr : &topics_[*found];
}

}  // namespace headrace
