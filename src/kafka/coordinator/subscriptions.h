// Which topics the members of a consumer group subscribe to: the names that they list, as far as there are such topics,
// and what their patterns match. Patterns are RE2's and match whole names; Headrace's own topics are matched by none,
// but may be named.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kafka/coordinator/assignor.h"
#include "kafka/coordinator/consumer_record.h"
#include "log/topic_table.h"

namespace headrace {

// What is wrong with the pattern, for the client; nullopt if nothing is.
std::optional<std::string> error_in_pattern(const std::string& pattern, size_t bytes_max);

struct Subscriber {
  const ConsumerRecord* record;
  const ConsumerDescription* about;  // may be newer than the record's
};

// The task of assigning to the subscribers, in their order, what they subscribe to. It refers to their records.
AssignmentTask assignment_task(const std::vector<Subscriber>& subscribers, const TopicTable& table);

// The names of all these topics.
std::set<std::string> subscribed_topics(const std::vector<Subscriber>& subscribers, const TopicTable& table);

}  // namespace headrace
