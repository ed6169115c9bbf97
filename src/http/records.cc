// Browsing the log: a page of records of one partition as JSON, each decoded by the schema it was written with.
#include "fmt/format.h"
#include "http/handlers.h"
#include "http/problem.h"
#include "http/services.h"
#include "log/record_batch.h"
#include "schema/json_text.h"
#include "schema/utf8.h"
#include "views/value_codec.h"

namespace headrace {
namespace {

constexpr size_t kFetchBytes = 1024 * 1024;

// Bytes as JSON: a string if they are text, else {"base64":"..."}.
void append_bytes(std::string& out, std::string_view bytes) {
  if (valid_text(bytes)) return append_json_string(out, bytes);
  out += R"({"base64":")";
  append_base64(out, bytes);
  out += "\"}";
}

void append_value(std::string& out, const StreamInfoPtr& stream, RowDecoder& decoder, const Record& record) {
  if (!record.value) {
    out += R"(,"row":null)";
    return;
  }
  try {
    BatchBuilder row(stream->type);
    decoder.decode(*record.value, row);
    out += R"(,"row":)";
    append_row_json(out, row.finish(), 0);
  } catch (const Error& error) {
    out += R"(,"error":)";
    append_json_text(out, error.message());
    out += R"(,"value":)";
    append_bytes(out, *record.value);
  }
}

void append_record(std::string& out, const StreamInfoPtr& stream, RowDecoder& decoder, const Record& record) {
  out += fmt::format(R"({{"offset":{},"timestamp":")", record.offset.value);
  out += to_text(Value(record.timestamp_ms * 1000), Type{.kind = Kind::kTimestamptz});
  out += R"(","key":)";
  if (record.key) {
    append_bytes(out, *record.key);
  } else {
    out += "null";
  }
  append_value(out, stream, decoder, record);
  out += '}';
}

void append_unreadable(std::string& out, Offset offset, const Error& error) {
  out += fmt::format(R"({{"offset":{},"error":)", offset.value);
  append_json_text(out, error.message());
  out += '}';
}

// The first offset to show: a number, "earliest", "latest", or -N for the last N.
Offset first_offset(const HttpCall& call, const Bounds& bounds, size_t limit) {
  const std::string from = call.query_parameter("from").value_or("earliest");
  if (from == "earliest") return bounds.start;
  if (from == "latest") return std::max(bounds.start, bounds.end + -static_cast<int64_t>(limit));
  const int64_t number = integer_parameter("from", from, INT64_MIN / 2, INT64_MAX / 2);
  if (number < 0) return std::max(bounds.start, bounds.end + number);
  if (number < bounds.start.value || number > bounds.end.value) {
    throw Error(Code::kNotFound, fmt::format("the partition has the offsets {} up to but without {}; {} is not there",
                                             bounds.start.value, bounds.end.value, number));
  }
  return {number};
}

}  // namespace

awaitable<void> browse_records(HttpCall& call) {
  const StreamInfoPtr stream = call.services->catalog.state()->stream(call.path_parameter(0));
  const StreamDefinition& definition = stream->definition;
  const auto partition = static_cast<PartitionId>(
      integer_parameter("partition", call.query_parameter("partition").value_or("0"), 0, definition.partitions - 1));
  const auto limit = static_cast<size_t>(
      integer_parameter("limit", call.query_parameter("limit").value_or(std::to_string(call.limits.rows_default)), 1,
                        static_cast<int64_t>(call.limits.rows_max)));
  Log& log = call.services->log;
  const Bounds bounds = co_await log.bounds(definition.topic, partition);
  Offset next = first_offset(call, bounds, limit);

  std::string& body = call.response.body;
  body = fmt::format(R"({{"partition":{},"start":{},"end":{},"records":[)", partition, bounds.start.value,
                     bounds.end.value);
  RowDecoder decoder(stream);
  std::string scratch;
  size_t shown = 0;
  while (next < bounds.end && shown < limit && body.size() < call.limits.record_bytes_per_page) {
    const Fetched fetched = co_await log.read(definition.topic, partition, next, kFetchBytes);
    const Offset begin = next;
    std::string_view rest = fetched.bytes;
    while (!rest.empty() && shown < limit && body.size() < call.limits.record_bytes_per_page) {
      const BatchHeader header = read_batch_header(rest);
      const std::string_view batch = rest.substr(0, header.bytes());
      rest.remove_prefix(header.bytes());
      bool whole = true;
      try {
        RecordReader reader(batch, scratch);
        for (Record record; reader.next(record);) {
          if (record.offset < next) continue;
          if (shown == limit || body.size() >= call.limits.record_bytes_per_page) {
            whole = false;
            break;
          }
          if (shown++ > 0) body += ',';
          append_record(body, stream, decoder, record);
          next = record.offset + 1;
        }
      } catch (const Error& error) {
        // As its producer made it: the CRC is right.
        if (shown++ > 0) body += ',';
        append_unreadable(body, std::max(next, header.base), error);
      }
      // Compaction may have removed a batch's last records.
      if (whole) next = std::max(next, header.end());
    }
    if (next == begin) break;
  }
  body += fmt::format("],\"next\":{}}}\n", next.value);
}

}  // namespace headrace
