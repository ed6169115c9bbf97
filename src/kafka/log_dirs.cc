// DescribeLogDirs: how many bytes each partition holds. There is one place for all of them, and its path and the room
// on its disk are not the clients' business.
#include <algorithm>
#include <numeric>
#include <utility>

#include "kafka/apis.h"
#include "kafka/messages/describe_log_dirs.h"
#include "log/topic_table.h"

namespace headrace::kafka {
namespace {

constexpr const char* kLogDir = "log";

using Asked = DescribeLogDirsRequest::Topic;
using Described = DescribeLogDirsResponse::Result;

// Those that are there, each once, however often it was asked for.
std::vector<PartitionId> partitions_of(const TopicInfo& topic, const Asked* asked) {
  std::vector<PartitionId> partitions;
  if (asked == nullptr) {
    partitions.resize(static_cast<size_t>(topic.config.partitions));
    std::iota(partitions.begin(), partitions.end(), 0);
  } else {
    partitions = asked->partitions;
    std::erase_if(partitions, [&](PartitionId each) { return each < 0 || each >= topic.config.partitions; });
    std::ranges::sort(partitions);
    const auto repeated = std::ranges::unique(partitions);
    partitions.erase(repeated.begin(), repeated.end());
  }
  return partitions;
}

awaitable<void> describe_topic(const Call& call, const TopicInfo& topic, const Asked* asked, Described& described) {
  Described::Topic answer;
  answer.name = topic.name;
  for (const PartitionId partition : partitions_of(topic, asked)) {
    if (call.ended) co_return;
    try {
      auto& row = answer.partitions.emplace_back();
      row.index = partition;
      row.partition_size = static_cast<int64_t>(co_await call.broker.log.stored_bytes(topic.name, partition));
    } catch (const Error& error) {
      if (error.code() != Code::kNotFound) throw;
      co_return;  // the topic has just been removed
    }
  }
  if (!answer.partitions.empty()) described.topics.push_back(std::move(answer));
}

}  // namespace

awaitable<void> answer_describe_log_dirs(Call& call) {
  const auto request = call.read<DescribeLogDirsRequest>();
  DescribeLogDirsResponse response;
  Described& described = response.results.emplace_back();
  described.log_dir = kLogDir;
  const auto topics = call.broker.log.topic_table();
  try {
    if (!request.topics) {
      for (const TopicInfo& topic : topics->by_name()) co_await describe_topic(call, topic, nullptr, described);
    } else {
      for (const Asked& asked : *request.topics) {
        if (const TopicInfo* topic = topics->find(asked.name)) {
          co_await describe_topic(call, *topic, &asked, described);
        }
      }
    }
  } catch (const Error& error) {
    described.topics.clear();
    described.error_code = static_cast<int16_t>(ErrorCode::kKafkaStorageError);
  }
  call.write(response);
}

}  // namespace headrace::kafka
