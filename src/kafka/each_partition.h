// Requests that ask about partitions of topics one by one, and get an answer or an error code for each.
#pragma once

#include <string>

#include "base/error.h"
#include "kafka/error_code.h"
#include "runtime/shard.h"

namespace headrace::kafka {

// `answer(topic, asked, found)` fills in what was found; `code_of` says what an Error that it throws is to the client.
template <typename Request, typename Response, typename Answer, typename CodeOf>
awaitable<void> answer_each_partition(const Request& request, Response& response, Answer answer, CodeOf code_of) {
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& asked : topic.partitions) {
      auto& found = answered.partitions.emplace_back();
      found.index = asked.index;
      try {
        co_await answer(answered.name, asked, found);
      } catch (const Error& error) {
        found.error_code = static_cast<int16_t>(code_of(error));
      }
    }
  }
}

}  // namespace headrace::kafka
