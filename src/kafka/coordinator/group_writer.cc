#include "kafka/coordinator/group_writer.h"

#include <map>

#include "base/trace.h"
#include "kafka/coordinator/groups.h"
#include "log/record_batch.h"

namespace headrace {
namespace {

constexpr size_t kAppendBytes = 1024 * 1024;  // of records that share an append; a single one may be larger
constexpr size_t kItemBytes = 128;            // what an item takes besides its key and value

}  // namespace

size_t GroupWriter::bytes_of(const Record& record) {
  return kItemBytes + record.key.size() + (record.value ? record.value->size() : 0);
}

ErrorCode group_error_of(const Error& error) {
  switch (error.code()) {
    case Code::kBusy: return ErrorCode::kCoordinatorLoadInProgress;
    case Code::kIo:
    case Code::kOutOfSpace:
    case Code::kUnavailable:
    case Code::kTimeout: return ErrorCode::kCoordinatorNotAvailable;
    default: return ErrorCode::kUnknownServerError;
  }
}

void GroupWriter::write(PartitionId partition, std::vector<Record> records, Done done) {
  check(!records.empty(), "a write has records");
  for (size_t i = 0; i < records.size(); ++i) {
    queued_bytes_ += bytes_of(records[i]);
    queue_.push_back({partition, std::move(records[i]), std::nullopt, i == 0});
  }
  queue_.back().done = std::move(done);
  accepted_ += records.size();
  if (running_) return;
  running_ = true;
  shard_.spawn(run(this));
}

awaitable<void> GroupWriter::flush() {
  for (const uint64_t wanted = accepted_; finished_ < wanted;) co_await written_.wait();
}

awaitable<void> GroupWriter::run(GroupWriter* self) {
  while (!self->queue_.empty()) co_await self->write_some();
  self->running_ = false;
}

awaitable<void> GroupWriter::write_some() {
  std::deque<Item> taken;
  std::map<PartitionId, RecordBatchBuilder> builders;
  size_t bytes = 0;
  const int64_t now_ms = clock_.wall_ms();
  while (!queue_.empty() && (taken.empty() || bytes + bytes_of(queue_.front().record) <= kAppendBytes)) {
    Item& item = queue_.front();
    bytes += bytes_of(item.record);
    builders[item.partition].append(
        now_ms, item.record.key,
        item.record.value ? std::optional<std::string_view>(*item.record.value) : std::nullopt);
    item.record = {};
    taken.push_back(std::move(item));
    queue_.pop_front();
  }
  std::vector<PartitionBatch> batches;
  batches.reserve(builders.size());
  for (auto& [partition, builder] : builders) batches.push_back({.partition = partition, .bytes = builder.finish()});
  builders.clear();

  ErrorCode error = ErrorCode::kNone;
  try {
    co_await log_.append(kGroupsTopic, std::move(batches));
  } catch (const Error& failure) {
    error = group_error_of(failure);
    trace::error("consumer groups: {} records could not be written: {}", taken.size(), failure.message());
  }
  queued_bytes_ -= bytes;
  for (Item& item : taken) {
    if (item.first) failed_ = ErrorCode::kNone;
    if (error != ErrorCode::kNone) failed_ = error;
    if (item.done) (*item.done)(failed_);
  }
  finished_ += taken.size();
  written_.notify_all();
}

}  // namespace headrace
