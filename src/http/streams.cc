// Streams and tables: what there is, appending to them, removing rows of tables.
#include <algorithm>

#include "fmt/format.h"
#include "http/handlers.h"
#include "http/problem.h"
#include "http/services.h"
#include "schema/row_parser.h"

namespace headrace {
namespace {

constexpr size_t kIdempotencyKeyBytesMax = 255;
constexpr size_t kInlineBytesMax = 8 * 1024;  // rows of keys; more is parsed in the pool

RowFormat row_format(const Request& request) {
  if (request.body.empty()) {
    throw Error(Code::kInvalid, "the request has no body; send rows as JSON, NDJSON or CSV with a header line");
  }
  const std::string type = body_media_type(request);
  if (type == "application/json") return RowFormat::kJson;
  if (type == "text/csv") return RowFormat::kCsv;
  return RowFormat::kNdjson;
}

// One of two words, as a query parameter has it; false for the first and when it is not there.
bool second_of(const HttpCall& call, std::string_view name, std::string_view first, std::string_view second) {
  const auto value = call.query_parameter(name);
  if (!value || *value == first) return false;
  if (*value == second) return true;
  throw Error(Code::kInvalid, fmt::format("{}: \"{}\" should be {} or {}", name, *value, first, second));
}

AppendOptions append_options(const HttpCall& call) {
  AppendOptions options;
  options.bad_rows_to_dead = second_of(call, "on_error", "refuse", "dead");
  options.durability = second_of(call, "durability", "synced", "relaxed") ? Durability::kRelaxed : Durability::kSynced;

  std::string_view key = call.request.header("Idempotency-Key");
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') key = key.substr(1, key.size() - 2);
  if (key.size() > kIdempotencyKeyBytesMax) {
    throw Error(Code::kInvalid, fmt::format("Idempotency-Key is longer than {} bytes", kIdempotencyKeyBytesMax));
  }
  if (key.empty() && call.request.has_header("Idempotency-Key")) {
    throw Error(Code::kInvalid, "Idempotency-Key is empty; send a text that is unique to this request");
  }
  options.idempotency_key = key;

  const std::string_view producer = call.request.header("Headrace-Producer");
  const std::string_view sequence = call.request.header("Headrace-Sequence");
  if (producer.empty() != sequence.empty()) {
    throw Error(Code::kInvalid, "Headrace-Producer and Headrace-Sequence belong together; one of them is missing");
  }
  if (!producer.empty()) {
    if (!key.empty()) {
      throw Error(Code::kInvalid, "send either Idempotency-Key or Headrace-Producer with Headrace-Sequence, not both");
    }
    if (producer.size() > kIdempotencyKeyBytesMax) {
      throw Error(Code::kInvalid, fmt::format("Headrace-Producer is longer than {} bytes", kIdempotencyKeyBytesMax));
    }
    options.producer = producer;
    options.sequence = static_cast<int32_t>(integer_parameter("Headrace-Sequence", sequence, 0, INT32_MAX));
  }
  return options;
}

// Answers for rows that are on the log: 200 when the views have them too and that was asked for, else 202.
awaitable<void> answer_appended(HttpCall& call, AppendResult result) {
  std::string& body = call.response.body;
  body = fmt::format(R"({{"rows":{},)", result.rows);
  if (result.dead_rows > 0) body += fmt::format(R"("dead_rows":{},)", result.dead_rows);
  if (result.duplicate) body += R"("duplicate":true,)";
  body += R"("token":)";
  append_json_text(body, result.token.ends.empty() ? "" : result.token.to_string());
  body += "}\n";
  call.response.status = 202;
  const auto wait = preferred_wait(call.request, call.limits);
  if (!wait) co_return;
  call.stream.extend(*wait);
  const bool applied =
      result.token.ends.empty() || co_await call.services->views.wait(result.token, "", call.now() + *wait);
  if (!applied) co_return;
  call.response.status = 200;
  call.response.set_header("Preference-Applied", fmt::format("wait={}", wait->count() / 1000));
}

void append_columns(std::string& out, const RowType& type) {
  out += R"("columns":[)";
  for (const Column& column : type.columns) {
    if (&column != type.columns.data()) out += ',';
    out += R"({"name":)";
    append_json_text(out, column.name);
    out += R"(,"type":)";
    append_json_text(out, column.type.name());
    out += column.nullable ? R"(,"nullable":true)" : R"(,"nullable":false)";
    if (!column.default_json.empty()) out.append(R"(,"default":)").append(column.default_json);
    out += '}';
  }
  out += ']';
}

std::string_view kind_of(const StreamInfo& stream) {
  if (stream.is_dead_stream) return "dead";
  if (stream.is_derived()) return "derived";
  return stream.definition.is_table ? "table" : "stream";
}

// The members that the list and the single stream have in common.
void append_summary(std::string& out, const StreamInfo& stream) {
  const StreamDefinition& definition = stream.definition;
  out += R"("name":)";
  append_json_text(out, definition.name);
  out += fmt::format(R"(,"kind":"{}","partitions":{},"key":[)", kind_of(stream), definition.partitions);
  for (size_t index = 0; index < stream.key.size(); ++index) {
    if (index > 0) out += ',';
    append_json_text(out, stream.type->columns[stream.key[index]].name);
  }
  out += "],";
  append_columns(out, *stream.type);
}

std::string_view format_name(ValueFormat format) {
  switch (format) {
    case ValueFormat::kAvro: return "avro";
    case ValueFormat::kJson: return "json";
    case ValueFormat::kRaw: break;
  }
  return "raw";
}

RowTypePtr key_type(const StreamInfo& table) {
  auto type = std::make_shared<RowType>();
  for (const size_t column : table.key) {
    type->columns.push_back(table.type->columns[column]);
    type->columns.back().nullable = false;
  }
  return type;
}

}  // namespace

awaitable<void> append_rows(HttpCall& call) {
  const RowFormat format = row_format(call.request);
  AppendOptions options = append_options(call);
  AppendResult result = co_await call.services->appender.append(call.path_parameter(0), format,
                                                                std::move(call.request.body), std::move(options));
  co_await answer_appended(call, std::move(result));
}

awaitable<void> remove_rows(HttpCall& call) {
  const StreamInfoPtr table = call.services->catalog.state()->stream(call.path_parameter(0));
  if (!table->definition.is_table) {
    throw Error(Code::kRefused, fmt::format("\"{}\" is a stream, and what happened can't be removed; rows can be "
                                            "removed from tables",
                                            table->definition.name));
  }
  RowParser parser(key_type(*table), row_format(call.request));
  const std::string body = std::move(call.request.body);
  const auto parse = [&] { return parser.parse(body, body.capacity()); };
  Batch keys;
  if (body.size() <= kInlineBytesMax) {
    keys = parse();
  } else {
    keys = co_await on_pool(call.runtime.pool(), parse);
  }
  AppendResult result = co_await call.services->appender.remove(table->definition.name, std::move(keys));
  co_await answer_appended(call, std::move(result));
}

awaitable<void> find_producer(HttpCall& call) {
  const int32_t sequence =
      co_await call.services->appender.last_sequence(call.path_parameter(0), call.path_parameter(1));
  call.response.body = fmt::format("{{\"sequence\":{}}}\n", sequence);
}

awaitable<void> list_streams(HttpCall& call) {
  const CatalogStatePtr catalog = call.services->catalog.state();
  const std::vector<StreamStatus> statuses = co_await call.services->views.stream_status();
  std::string& body = call.response.body;
  body = R"({"streams":[)";
  for (const auto& [name, stream] : catalog->streams) {
    if (body.back() == '}') body += ',';
    body += '{';
    append_summary(body, *stream);
    const auto status = std::ranges::find(statuses, name, &StreamStatus::name);
    if (status != statuses.end()) {
      body += fmt::format(R"(,"rows":{},"rows_per_second":{:.1f})", status->rows, status->rows_per_second);
    }
    body += '}';
  }
  body += "]}\n";
}

awaitable<void> describe_stream(HttpCall& call) {
  const StreamInfoPtr stream = call.services->catalog.state()->stream(call.path_parameter(0));
  const StreamDefinition& definition = stream->definition;
  std::string& body = call.response.body;
  body = "{";
  append_summary(body, *stream);
  body += R"(,"topic":)";
  append_json_text(body, definition.topic);
  body += fmt::format(R"(,"format":"{}","retention_ms":{},"retention_bytes":{})", format_name(definition.format),
                      definition.retention_ms, definition.retention_bytes);
  if (!definition.id.empty()) {
    body += R"(,"id":)";
    append_json_text(body, definition.id);
  }
  if (!definition.watermark_column.empty()) {
    body += R"(,"watermark":{"column":)";
    append_json_text(body, definition.watermark_column);
    body += fmt::format(R"(,"delay_us":{}}})", definition.watermark_delay_us);
  }
  body += R"(,"statement":)";
  append_json_text(body, stream->statement);
  body += R"(,"schemas":[)";
  for (const SchemaVersion& version : stream->schemas) {
    if (body.back() == '}') body += ',';
    body += fmt::format(R"({{"id":{},"schema":{}}})", version.id, version.schema->json());
  }
  body += R"(],"bounds":[)";
  for (PartitionId partition = 0; partition < definition.partitions; ++partition) {
    const Bounds bounds = co_await call.services->log.bounds(definition.topic, partition);
    if (partition > 0) body += ',';
    body += fmt::format(R"({{"partition":{},"start":{},"end":{}}})", partition, bounds.start.value, bounds.end.value);
  }
  body += "]}\n";
}

}  // namespace headrace
