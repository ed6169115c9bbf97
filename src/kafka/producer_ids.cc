#include "kafka/producer_ids.h"

#include <charconv>

#include "fmt/format.h"
#include "log/replay.h"

namespace headrace::kafka {
namespace {

constexpr const char* kKey = "reserved";

int64_t parse_reserved(std::string_view value) {
  int64_t number = 0;
  const auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (bad != std::errc() || end != value.data() + value.size() || number < 0)
    throw Error(Code::kCorrupt,
                fmt::format("a record of {} is not a number; restore the topic from a backup", kProducerIdsTopic));
  return number;
}

}  // namespace

awaitable<void> ProducerIds::start() {
  if (!co_await log_.find(kProducerIdsTopic)) {
    co_await log_.create(kProducerIdsTopic, {.segment_bytes = 1024 * 1024, .compact = true});
  }
  co_await replay(log_, std::string(kProducerIdsTopic), 0, [this](const Record& record) {
    if (record.value) end_ = std::max(end_, parse_reserved(*record.value));
  });
  next_ = end_;
}

awaitable<int64_t> ProducerIds::next() {
  co_return co_await on(runtime_.shard(0), [this] { return next_here(); });
}

awaitable<int64_t> ProducerIds::next_here() {
  while (next_ == end_) {
    if (taking_) {
      co_await idle_.wait();
    } else {
      co_await take_block();
    }
  }
  co_return next_++;
}

awaitable<void> ProducerIds::take_block() {
  taking_ = true;
  std::exception_ptr failure;
  try {
    RecordBatchBuilder builder;
    builder.append(0, kKey, std::to_string(end_ + kBlock));
    std::vector<PartitionBatch> batches;
    batches.push_back({.partition = 0, .bytes = builder.finish()});
    co_await log_.append(kProducerIdsTopic, std::move(batches));
    next_ = end_;
    end_ += kBlock;
  } catch (...) {
    failure = std::current_exception();
  }
  taking_ = false;
  idle_.notify_all();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace headrace::kafka
