#include "views/output_position.h"

namespace headrace {
namespace {

struct LastBatch {
  EpochSpan epoch;
  int64_t records = 0;  // of the epoch, up to the end of the batch
};

// Behind it there may be batches of people (bad rows of requests), and of the view that this one replaces.
awaitable<std::optional<LastBatch>> last_batch(Log& log, std::string topic, PartitionId partition, TableId flow) {
  const Bounds bounds = co_await log.bounds(topic, partition);
  for (Offset end = bounds.end; end > bounds.start;) {
    const Fetched fetched = co_await log.read(topic, partition, {end.value - 1}, 1);
    if (fetched.bytes.empty()) break;
    const BatchHeader header = read_batch_header(fetched.bytes);
    std::optional<BatchSpan> span;
    std::string scratch;
    for_each_record(fetched.bytes, scratch, [&](const Record& record) {
      span = span_of(record);
      return false;
    });
    if (span && span->epoch.flow == flow)
      co_return LastBatch{std::move(span->epoch), span->records_before + header.records};
    end = header.base;
  }
  co_return std::nullopt;
}

}  // namespace

awaitable<OutputPosition> OutputPosition::load(Log& log, std::string topic, PartitionId partitions, TableId flow) {
  std::vector<std::optional<LastBatch>> last;
  for (PartitionId partition = 0; partition < partitions; ++partition)
    last.push_back(co_await last_batch(log, topic, partition, flow));
  OutputPosition position;
  for (const auto& batch : last) {
    if (batch && (!position.newest_ || !position.newest_->to.covers(batch->epoch.to))) position.newest_ = batch->epoch;
  }
  if (!position.newest_) co_return position;
  for (const auto& batch : last)
    position.present_.push_back(batch && batch->epoch.to == position.newest_->to ? batch->records : 0);
  co_return position;
}

std::optional<Frontier> OutputPosition::barrier(const Frontier& frontier) const {
  if (!newest_ || frontier.covers(newest_->to)) return std::nullopt;
  return frontier.covers(newest_->from) ? newest_->to : newest_->from;
}

bool OutputPosition::whole_epoch(const Frontier& frontier) const {
  return newest_ && frontier.covers(newest_->from) && !frontier.covers(newest_->to);
}

bool OutputPosition::must_append(const Frontier& to) const {
  return !newest_ || !newest_->from.covers(to);
}

std::vector<int64_t> OutputPosition::present(const Frontier& to) const {
  return newest_ && newest_->to.covers(to) ? present_ : std::vector<int64_t>();
}

}  // namespace headrace
