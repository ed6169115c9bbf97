#include "kafka/coordinator/subscriptions.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>

#include "fmt/format.h"

namespace headrace {
namespace {

using Places = std::vector<uint32_t>;  // in the table, ascending

class TopicPattern {
 public:
  explicit TopicPattern(const std::string& pattern) : compiled_(pattern, options()) {}

  bool ok() const { return compiled_.ok(); }
  const std::string& error() const { return compiled_.error(); }
  bool matches(const std::string& topic) const { return RE2::FullMatch(topic, compiled_); }

 private:
  static RE2::Options options() {
    constexpr int64_t kPatternBytesMax = 1 << 20;  // compiled
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kPatternBytesMax);
    return options;
  }

  RE2 compiled_;
};

// Every distinct subscription once: many members mostly want the same.
struct DistinctSubscriptions {
  std::vector<Places> places;
  std::vector<size_t> of_subscriber;
};

Places resolve(const ConsumerDescription& about, const TopicTable& table) {
  Places places;
  const auto topics = table.by_name();
  for (const std::string& name : about.topics)
    if (const TopicInfo* const topic = table.find(name)) places.push_back(static_cast<uint32_t>(topic - topics.data()));
  if (!about.pattern.empty()) {
    const TopicPattern pattern(about.pattern);
    for (uint32_t place = 0; place < topics.size(); ++place)
      if (!topics[place].name.starts_with('_') && pattern.ok() && pattern.matches(topics[place].name))
        places.push_back(place);
  }
  std::ranges::sort(places);
  const auto repeated = std::ranges::unique(places);
  places.erase(repeated.begin(), repeated.end());
  return places;
}

DistinctSubscriptions resolve_all(const std::vector<Subscriber>& subscribers, const TopicTable& table) {
  using Key = std::pair<const std::vector<std::string>*, const std::string*>;
  const auto less = [](const Key& left, const Key& right) {
    if (*left.second != *right.second) return *left.second < *right.second;
    return *left.first < *right.first;
  };
  std::map<Key, size_t, decltype(less)> known(less);
  DistinctSubscriptions result;
  for (const Subscriber& each : subscribers) {
    const auto [found, fresh] = known.emplace(Key(&each.about->topics, &each.about->pattern), result.places.size());
    if (fresh) result.places.push_back(resolve(*each.about, table));
    result.of_subscriber.push_back(found->second);
  }
  return result;
}

Places all_of(const std::vector<Places>& subscriptions) {
  Places all;
  for (const Places& places : subscriptions) {
    Places both;
    std::ranges::set_union(all, places, std::back_inserter(both));
    all = std::move(both);
  }
  return all;
}

}  // namespace

std::optional<std::string> error_in_pattern(const std::string& pattern, size_t bytes_max) {
  if (pattern.size() > bytes_max)
    return fmt::format("the pattern of topics has {} bytes, of at most {}", pattern.size(), bytes_max);
  const TopicPattern compiled(pattern);
  if (compiled.ok()) return std::nullopt;
  return fmt::format("the pattern of topics \"{}\" is not a regular expression of RE2: {}", pattern, compiled.error());
}

AssignmentTask assignment_task(const std::vector<Subscriber>& subscribers, const TopicTable& table) {
  AssignmentTask task;
  DistinctSubscriptions subscriptions = resolve_all(subscribers, table);
  const Places all = all_of(subscriptions.places);
  for (const uint32_t place : all) {
    const TopicInfo& topic = table.by_name()[place];
    task.topics.push_back({topic.id, topic.config.partitions});
  }
  for (Places& places : subscriptions.places) {
    for (uint32_t& place : places) place = static_cast<uint32_t>(std::ranges::lower_bound(all, place) - all.begin());
    task.subscriptions.push_back(std::move(places));
  }
  for (size_t i = 0; i < subscribers.size(); ++i)
    task.members.push_back({.id = subscribers[i].record->id,
                            .subscription = subscriptions.of_subscriber[i],
                            .before = &subscribers[i].record->target});
  return task;
}

std::set<std::string> subscribed_topics(const std::vector<Subscriber>& subscribers, const TopicTable& table) {
  std::set<std::string> names;
  for (const uint32_t place : all_of(resolve_all(subscribers, table).places)) names.insert(table.by_name()[place].name);
  return names;
}

}  // namespace headrace
