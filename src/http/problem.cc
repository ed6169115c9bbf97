#include "http/problem.h"

#include <algorithm>
#include <atomic>
#include <new>

#include "base/trace.h"
#include "fmt/format.h"
#include "schema/json_text.h"
#include "schema/utf8.h"

namespace headrace {
namespace {

constexpr size_t kDetailBytesMax = 4096;

// Enough to find the line on standard error; it need not be secret.
std::string next_trace_id() {
  static std::atomic<uint64_t> next{static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count())};
  return fmt::format("{:016x}", next.fetch_add(1, std::memory_order_relaxed) * 0x9e3779b97f4a7c15u);
}

void begin(Response& response, std::string_view name, std::string_view title, int status, std::string_view detail) {
  response.clear();
  response.status = status;
  response.content_type = "application/problem+json";
  response.body =
      fmt::format(R"({{"type":"urn:headrace:problem:{}","title":"{}","status":{},"detail":)", name, title, status);
  append_json_text(response.body, detail.substr(0, kDetailBytesMax));
  if (status == 429 || status == 503 || status == 504) response.set_header("Retry-After", "1");
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  if (valid_utf8(text)) return append_json_string(out, text);
  std::string clean;
  while (!text.empty()) {
    size_t length = 1;
    while (length <= std::min<size_t>(4, text.size()) && !valid_utf8(text.substr(0, length))) ++length;
    if (length <= std::min<size_t>(4, text.size())) {
      clean.append(text.substr(0, length));
    } else {
      clean.append("\xef\xbf\xbd");
      length = 1;
    }
    text.remove_prefix(length);
  }
  append_json_string(out, clean);
}

void respond_problem(Response& response, const ProblemKind& kind, std::string_view detail) {
  begin(response, kind.name, kind.title, kind.status, detail);
  response.body += "}\n";
}

void respond_problem(Response& response, const Error& error, std::string_view source) {
  const CodeInfo& code = info(error.code());
  const Where& where = error.where();
  begin(response, code.name, code.title, code.http_status, error.message());
  if (where.row >= 0) fmt::format_to(std::back_inserter(response.body), R"(,"row":{})", where.row);
  if (!where.column.empty()) {
    response.body += R"(,"column":)";
    append_json_text(response.body, where.column);
  }
  if (where.position >= 0) {
    fmt::format_to(std::back_inserter(response.body), R"(,"position":{})", where.position);
    const auto position = static_cast<size_t>(where.position);
    if (!source.empty() && position <= source.size()) {
      const std::string_view before = source.substr(0, position);
      const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
      fmt::format_to(std::back_inserter(response.body), R"(,"line":{},"line_position":{})",
                     std::ranges::count(before, '\n') + 1, position - line_start);
    }
  }
  response.body += "}\n";
}

void respond_exception(Response& response, const std::exception_ptr& exception, std::string_view source) {
  std::string what = "something that is not an exception was thrown";
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    if (error.code() != Code::kInternal) return respond_problem(response, error, source);
    what = error.message();
  } catch (const std::bad_alloc&) {
    return respond_problem(response, Error(Code::kUnavailable, "out of memory for this request; send less at once"));
  } catch (const std::exception& other) {
    what = other.what();
  } catch (...) {
  }
  const std::string id = next_trace_id();
  trace::error("internal error {} while answering a request: {}", id, what);
  const CodeInfo& code = info(Code::kInternal);
  begin(response, code.name, code.title, code.http_status,
        fmt::format("please report this with the trace id {}, which is also on the server's standard error", id));
  response.body += fmt::format(R"(,"trace_id":"{}"}})", id);
  response.body += '\n';
}

}  // namespace headrace
