#include "kafka/fetch_session.h"
#include "schema/types.h"

#include <atomic>
#include <limits>
#include <random>

namespace headrace::kafka {
namespace {

constexpr int32_t kInitialEpoch = 0;
constexpr int32_t kFinalEpoch = -1;

// Positive, and another one after a restart too, so that nobody goes on with a session of before.
int32_t new_id() {
  static std::atomic<uint32_t> next{std::random_device{}()};
  return static_cast<int32_t>(next.fetch_add(1, std::memory_order_relaxed) % std::numeric_limits<int32_t>::max()) + 1;
}

std::vector<FetchPosition> positions_of(const FetchRequest& request) {
  std::vector<FetchPosition> positions;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      positions.push_back({topic.name, partition.index, {partition.fetch_offset}, partition.partition_max_bytes});
    }
  }
  return positions;
}

}  // namespace

FetchPlan FetchSession::plan(const FetchRequest& request) {
  if (request.session_epoch == kFinalEpoch) {
    if (request.session_id != 0 && request.session_id == id_) end();
    return {.positions = positions_of(request)};
  }
  if (request.session_epoch == kInitialEpoch) {
    end();
    FetchPlan plan{.positions = positions_of(request)};
    if (!take(request)) return plan;
    plan.session = id_ = new_id();
    next_epoch_ = 1;
    return plan;
  }
  if (id_ == 0 || request.session_id != id_) return {.error = ErrorCode::kFetchSessionIdNotFound};
  if (request.session_epoch != next_epoch_) return {.error = ErrorCode::kInvalidFetchSessionEpoch};
  if (!take(request)) {
    end();
    return {.error = ErrorCode::kFetchSessionIdNotFound};
  }
  next_epoch_ = next_epoch_ == std::numeric_limits<int32_t>::max() ? 1 : next_epoch_ + 1;
  return {.session = id_, .only_news = true, .positions = positions()};
}

bool FetchSession::tell(int32_t session, const std::string& topic, const FetchResponse::Topic::Partition& answer) {
  if (session == 0 || session != id_) return true;
  const auto found = partitions_.find({topic, answer.index});
  if (found == partitions_.end()) return true;
  State& state = found->second;
  const bool records = answer.records && !answer.records->empty();
  if (records) served_ = found->first;
  const bool news = records || answer.error_code != 0 || state.high_watermark != answer.high_watermark ||
                    state.log_start != answer.log_start_offset;
  state.high_watermark = answer.error_code == 0 ? answer.high_watermark : -1;
  state.log_start = answer.log_start_offset;
  return news;
}

void FetchSession::end() {
  room_ += partitions_.size();
  partitions_.clear();
  served_.reset();
  id_ = 0;
}

bool FetchSession::take(const FetchRequest& request) {
  for (const auto& topic : request.forgotten_topics) {
    for (const PartitionId partition : topic.partitions)
      room_ += partitions_.erase({std::string(topic.name), partition});
  }
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      if (topic.name.size() > kNameBytesMax) {
        end();
        return false;
      }
      const auto [place, fresh] = partitions_.try_emplace({std::string(topic.name), partition.index});
      if (fresh && room_ == 0) {
        partitions_.erase(place);
        end();
        return false;
      }
      if (fresh) --room_;
      place->second.from = {partition.fetch_offset};
      place->second.bytes_max = partition.partition_max_bytes;
    }
  }
  return true;
}

std::vector<FetchPosition> FetchSession::positions() const {
  std::vector<FetchPosition> positions;
  positions.reserve(partitions_.size());
  const auto add = [&](auto from, auto to) {
    for (; from != to; ++from)
      positions.push_back({from->first.first, from->first.second, from->second.from, from->second.bytes_max});
  };
  const auto begin = served_ ? partitions_.upper_bound(*served_) : partitions_.begin();
  add(begin, partitions_.end());
  add(partitions_.begin(), begin);
  return positions;
}

}  // namespace headrace::kafka
