#include "views/output_position.h"

#include "log/record_batch.h"

namespace headrace {
namespace {

constexpr std::string_view kFromHeader = "headrace.from";
constexpr std::string_view kToHeader = "headrace.to";

struct Span {
  Frontier from;
  Frontier to;
};

std::optional<Span> span_of(const Record& record) {
  std::optional<Frontier> from, to;
  for (const RecordHeader& header : record.headers) {
    if (!header.value) continue;
    if (header.key == kFromHeader) from = Frontier::decode(*header.value);
    if (header.key == kToHeader) to = Frontier::decode(*header.value);
  }
  if (!from || !to) return std::nullopt;
  return Span{std::move(*from), std::move(*to)};
}

}  // namespace

awaitable<OutputPosition> OutputPosition::load(Log& log, std::string topic, PartitionId partitions) {
  std::vector<std::optional<Span>> last(static_cast<size_t>(partitions));
  for (PartitionId partition = 0; partition < partitions; ++partition) {
    const Bounds bounds = co_await log.bounds(topic, partition);
    // The last batch that has a span: others may have been appended by people (bad rows of requests).
    for (Offset end = bounds.end; end > bounds.start && !last[static_cast<size_t>(partition)];) {
      const Fetched fetched = co_await log.read(topic, partition, {end.value - 1}, 1);
      if (fetched.bytes.empty()) break;
      std::string scratch;
      for_each_record(fetched.bytes, scratch, [&](const Record& record) {
        last[static_cast<size_t>(partition)] = span_of(record);
        return false;
      });
      end = read_batch_header(fetched.bytes).base;
    }
  }
  OutputPosition position;
  for (const auto& span : last) {
    if (!span || (position.found_ && position.to_.covers(span->to))) continue;
    position.found_ = true;
    position.from_ = span->from;
    position.to_ = span->to;
  }
  for (const auto& span : last) position.lacking_.push_back(!span || span->to != position.to_);
  co_return position;
}

std::optional<Frontier> OutputPosition::barrier(const Frontier& frontier) const {
  if (!found_ || frontier.covers(to_)) return std::nullopt;
  return frontier.covers(from_) ? to_ : from_;
}

bool OutputPosition::whole_epoch(const Frontier& frontier) const {
  return found_ && frontier.covers(from_) && !frontier.covers(to_);
}

bool OutputPosition::must_append(const Frontier& to) const {
  return !found_ || !from_.covers(to);
}

std::vector<bool> OutputPosition::partitions_lacking(const Frontier& to) const {
  return found_ && to_.covers(to) ? lacking_ : std::vector<bool>();
}

std::vector<Appender::Header> OutputPosition::headers(const Frontier& from, const Frontier& to) {
  return {{std::string(kFromHeader), from.encode()}, {std::string(kToHeader), to.encode()}};
}

}  // namespace headrace
