// Fetch: batches from the log, as they are, and not copied on the way: the answer refers to the log's buffers, or to a
// range of a segment's file, which costs a client that does not read its answer no memory.
// A client that asks for more than there is waits for news of any of its partitions.
#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "kafka/apis.h"
#include "kafka/messages/fetch.h"
#include "log/record_batch.h"
#include "schema/types.h"

namespace headrace::kafka {
namespace {

using Found = FetchResponse::Topic::Partition;

// What one pass over the partitions found.
struct Pass {
  FetchResponse response;
  struct Taken {
    LogPosition end;  // of the partition, when it was read
    std::shared_ptr<const Located> located;
  };
  std::vector<Taken> taken;
  std::vector<LogPosition> ends;  // of the partitions that have nothing
  size_t bytes = 0;
  bool full = false;  // there is more than the answer may have
  bool failed = false;
};

awaitable<void> read(Call& call, const FetchPosition& position, size_t most, Pass& pass, Found& found) {
  Log& log = call.broker.log;
  try {
    if (position.topic.size() > kNameBytesMax) throw Error(Code::kNotFound, "no topic has such a long name");
    const std::string topic(position.topic);
    const Bounds bounds = co_await log.bounds(topic, position.partition);
    found.high_watermark = found.last_stable_offset = bounds.end.value;
    found.log_start_offset = bounds.start.value;
    if (position.from < bounds.start || position.from > bounds.end) {
      found.error_code = static_cast<int16_t>(ErrorCode::kOffsetOutOfRange);
      pass.failed = true;
    } else if (position.from == bounds.end) {
      pass.ends.push_back({topic, position.partition, bounds.end});
    } else if (most == 0) {
      pass.full = true;
    } else {
      const auto located =
          std::make_shared<const Located>(co_await log.locate(topic, position.partition, position.from, most));
      found.high_watermark = found.last_stable_offset = located->bounds.end.value;
      found.records = located->range.file ? RecordsView(located->range) : RecordsView(located->bytes);
      pass.bytes += located->size();
      pass.taken.push_back({{topic, position.partition, located->bounds.end}, located});
    }
  } catch (const Error& error) {
    found.error_code = error.code() == Code::kNotFound ? static_cast<int16_t>(ErrorCode::kUnknownTopicOrPartition)
                                                       : info(error.code()).kafka_code;
    found.high_watermark = -1;
    pass.failed = true;
  }
}

awaitable<Pass> read_all(Call& call, const FetchPlan& plan, size_t bytes_max) {
  Pass pass;
  for (const FetchPosition& position : plan.positions) {
    auto& topics = pass.response.topics;
    if (topics.empty() || topics.back().name != position.topic) topics.emplace_back().name = position.topic;
    Found& found = topics.back().partitions.emplace_back();
    found.index = position.partition;
    // Beyond the limit a partition is answered without records; it comes first the next time.
    const size_t room = bytes_max - std::min(bytes_max, pass.bytes);
    co_await read(call, position, std::min<size_t>(static_cast<size_t>(std::max(position.bytes_max, 1)), room), pass,
                  found);
  }
  co_return pass;
}

// Whether there was nothing behind what was taken. What stands in a file has not been looked at: it must end where the
// partition's last batch does.
awaitable<bool> is_all(Log& log, const Pass::Taken& taken) {
  const FileRange& range = taken.located->range;
  if (range.file) {
    const Located last = co_await log.locate(taken.end.topic, taken.end.partition, {taken.end.offset.value - 1}, 1);
    const bool same_end =
        last.range.file == range.file && last.range.position + last.range.size == range.position + range.size;
    co_return same_end;
  }
  Offset end;
  for (std::string_view rest = taken.located->bytes; !rest.empty();) {
    const BatchHeader header = read_batch_header(rest);
    end = header.end();
    rest.remove_prefix(header.bytes());
  }
  co_return end >= taken.end.offset;
}

// What may bring more than the pass found: the ends of its partitions. None if there is more already that did not fit,
// or what can only be answered, for then waiting brings nothing.
awaitable<std::vector<LogPosition>> worth_waiting_for(Log& log, Pass& pass) {
  if (pass.full || pass.failed) co_return std::vector<LogPosition>{};
  std::vector<LogPosition> ends = std::move(pass.ends);
  try {
    for (const Pass::Taken& each : pass.taken) {
      if (!co_await is_all(log, each)) co_return std::vector<LogPosition>{};
      ends.push_back(each.end);
    }
  } catch (const Error&) {
    co_return std::vector<LogPosition>{};  // the topic has just been removed
  }
  co_return ends;
}

// Leaves out what the client of a session knows already.
void keep_news(FetchSession& session, const FetchPlan& plan, FetchResponse& response) {
  for (auto& topic : response.topics) {
    std::erase_if(topic.partitions, [&](const Found& found) {
      const bool news = session.tell(plan.session, topic.name, found);
      return plan.only_news && !news;
    });
  }
  std::erase_if(response.topics, [](const auto& topic) { return topic.partitions.empty(); });
}

}  // namespace

awaitable<void> answer_fetch(Call& call) {
  const auto request = call.read<FetchRequest>();
  const FetchPlan plan = call.fetch_session.plan(request);
  if (plan.error != ErrorCode::kNone) {
    FetchResponse refusal;
    refusal.error_code = static_cast<int16_t>(plan.error);
    call.write(refusal);
    co_return;
  }
  Quotas& quotas = call.broker.quotas;
  if (const auto debt = quotas.debt(QuotaKey::kConsumerByteRate, call.client_id()); debt > debt.zero()) {
    // As Kafka does it: empty, for another connection of the client has taken more than its share.
    call.throttle.extend(debt);
    FetchResponse nothing;
    nothing.session_id = plan.session;
    call.write(nothing);
    co_return;
  }
  Timers& timers = call.broker.timers;
  const KafkaLimits& limits = call.broker.options.limits;
  const auto patience =
      std::clamp(std::chrono::milliseconds(request.max_wait_ms), std::chrono::milliseconds(0), limits.fetch_wait_max);
  const SteadyTime deadline = timers.clock().steady() + patience;
  const auto wanted = static_cast<size_t>(std::max(request.min_bytes, 0));
  size_t most = std::min(static_cast<size_t>(std::max(request.max_bytes, 1)), limits.fetch_bytes_max);
  // With a quota, an answer has what may be fetched in a second, so that the pauses after it are short.
  if (const auto rate = quotas.rate(QuotaKey::kConsumerByteRate, call.client_id())) {
    most = std::min(most, static_cast<size_t>(*rate));
  }
  Pass pass;
  for (;;) {
    pass = co_await read_all(call, plan, most);
    const SteadyTime now = timers.clock().steady();
    if (pass.bytes >= wanted || now >= deadline || call.ended) break;
    std::vector<LogPosition> ends = co_await worth_waiting_for(call.broker.log, pass);
    if (ends.empty()) break;
    co_await call.broker.log.wait_any(std::move(ends), std::min(deadline, now + kLookInterval));
  }
  call.throttle.extend(quotas.charge(QuotaKey::kConsumerByteRate, call.client_id(), pass.bytes));
  keep_news(call.fetch_session, plan, pass.response);
  pass.response.session_id = plan.session;
  for (Pass::Taken& each : pass.taken) call.answer.owners.push_back(std::move(each.located));
  call.write(pass.response);
}

}  // namespace headrace::kafka
