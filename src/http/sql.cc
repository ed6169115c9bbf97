// SQL over HTTP. The rows of a single SELECT come as JSON, NDJSON or CSV; everything else as JSON.
#include "boost/json.hpp"
#include "fmt/format.h"
#include "http/handlers.h"
#include "http/problem.h"
#include "http/services.h"

namespace headrace {
namespace {

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kNdjsonType = "application/x-ndjson";
constexpr std::string_view kCsvType = "text/csv";
constexpr std::string_view kOffered[] = {kJsonType, kNdjsonType, kCsvType};
constexpr size_t kInlineRowsMax = 500;  // of a result; more is written in the pool

std::string sql_of(Request& request) {
  if (request.body.empty()) throw Error(Code::kInvalid, "the request has no body; send SQL as text/plain");
  if (body_media_type(request) != kJsonType) return std::move(request.body);
  boost::json::error_code failure;
  const boost::json::value value = boost::json::parse(request.body, failure);
  if (failure) throw Error(Code::kInvalid, fmt::format("the body is not valid JSON: {}", failure.message()));
  const boost::json::object* object = value.if_object();
  const boost::json::value* sql = object != nullptr ? object->if_contains("sql") : nullptr;
  if (sql == nullptr || !sql->is_string() || object->size() != 1) {
    throw Error(Code::kInvalid, R"(the body should be {"sql":"..."} with nothing else in it)");
  }
  return std::string(sql->get_string());
}

// RFC 4180. NULL is nothing, an empty text is "".
void append_csv_field(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of("\",\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char byte : text) {
    if (byte == '"') out += '"';
    out += byte;
  }
  out += '"';
}

void append_csv(std::string& out, const Batch& batch) {
  for (size_t column = 0; column < batch.columns.size(); ++column) {
    if (column > 0) out += ',';
    append_csv_field(out, batch.type->columns[column].name);
  }
  out += "\r\n";
  for (size_t row = 0; row < batch.rows; ++row) {
    for (size_t column = 0; column < batch.columns.size(); ++column) {
      if (column > 0) out += ',';
      const Value value = batch.columns[column]->value_at(row);
      if (!is_null(value)) append_csv_field(out, to_text(value, batch.type->columns[column].type));
    }
    out += "\r\n";
  }
}

void append_rows_json(std::string& out, const Batch& batch) {
  out += R"({"columns":[)";
  for (const Column& column : batch.type->columns) {
    if (&column != batch.type->columns.data()) out += ',';
    out += R"({"name":)";
    append_json_text(out, column.name);
    out += R"(,"type":)";
    append_json_text(out, column.type.name());
    out += '}';
  }
  out += R"(],"rows":[)";
  for (size_t row = 0; row < batch.rows; ++row) {
    if (row > 0) out += ',';
    append_row_json(out, batch, row);
  }
  out += "]}";
}

void append_result(std::string& out, const StatementResult& result) {
  if (result.result) return append_rows_json(out, *result.result);
  out += R"({"statement":)";
  append_json_text(out, result.statement);
  if (result.applied) {
    const Applied& applied = *result.applied;
    out += fmt::format(R"(,"applied":"{}","kind":"{}","name":)", to_string(applied.what), applied.kind);
    append_json_text(out, applied.name);
    if (!applied.note.empty()) {
      out += R"(,"note":)";
      append_json_text(out, applied.note);
    }
  }
  if (result.rows) {
    out += fmt::format(R"(,"rows":{},"token":)", result.rows->rows);
    append_json_text(out, result.rows->token.ends.empty() ? "" : result.rows->token.to_string());
  }
  out += '}';
}

std::string render(const std::vector<StatementResult>& results, std::string_view type) {
  std::string out;
  if (type == kCsvType) {
    append_csv(out, *results.front().result);
  } else if (type == kNdjsonType) {
    const Batch& batch = *results.front().result;
    for (size_t row = 0; row < batch.rows; ++row) {
      append_row_json(out, batch, row);
      out += '\n';
    }
  } else if (results.size() == 1) {
    append_result(out, results.front());
    out += '\n';
  } else {
    out += '[';
    for (const StatementResult& result : results) {
      if (&result != results.data()) out += ',';
      append_result(out, result);
    }
    out += "]\n";
  }
  return out;
}

size_t row_count(const std::vector<StatementResult>& results) {
  size_t rows = 0;
  for (const StatementResult& result : results) rows += result.result ? result.result->rows : 0;
  return rows;
}

}  // namespace

awaitable<void> run_sql(HttpCall& call) {
  const std::string sql = sql_of(call.request);
  std::vector<StatementResult> results;
  std::exception_ptr failure;
  try {
    results = co_await call.services->executor.execute(sql);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    respond_exception(call.response, failure, sql);
    co_return;
  }
  const bool is_rows = results.size() == 1 && results.front().result;
  const std::string_view type = is_rows ? negotiate(call.request.header("Accept"), kOffered) : kJsonType;
  call.response.content_type = type;
  if (row_count(results) <= kInlineRowsMax) {
    call.response.body = render(results, type);
  } else {
    call.response.body = co_await on_pool(call.runtime.pool(), [&] { return render(results, type); });
  }
}

}  // namespace headrace
