// Views: what there is, one row by its key, pages of rows.
#include <algorithm>

#include "fmt/format.h"
#include "http/handlers.h"
#include "http/problem.h"
#include "http/services.h"
#include "http/waiting.h"

namespace headrace {
namespace {

void append_column_names(std::string& out, const RowType& type, const std::vector<size_t>& columns) {
  out += '[';
  for (size_t index = 0; index < columns.size(); ++index) {
    if (index > 0) out += ',';
    append_json_text(out, type.columns[columns[index]].name);
  }
  out += ']';
}

}  // namespace

// The most frequent call of all: no allocation here that is not handed on.
awaitable<void> find_row(HttpCall& call) {
  std::string view = call.path_parameter(0);
  if (!call.request.header("Headrace-After").empty()) co_await wait_for_writes(call, view);
  std::vector<std::string> key;
  key.reserve(call.path_parameters.size() - 1);
  for (size_t index = 1; index < call.path_parameters.size(); ++index) key.push_back(call.path_parameter(index));
  std::optional<std::string> row = co_await call.services->views.get(std::move(view), std::move(key));
  if (row) {
    call.response.body = std::move(*row);
    call.response.body += '\n';
    co_return;
  }
  std::string asked;
  for (size_t index = 1; index < call.path_parameters.size(); ++index) {
    asked += fmt::format("{}{}", index > 1 ? ", " : "", call.path_parameter(index));
  }
  respond_problem(call.response, Error(Code::kNotFound, fmt::format("the view \"{}\" has no row with the key ({})",
                                                                    call.path_parameter(0), asked)));
}

awaitable<void> scan_view(HttpCall& call) {
  std::string view = call.path_parameter(0);
  ScanRequest request = parse_scan(call.request.query, call.limits);
  if (!call.request.header("Headrace-After").empty()) co_await wait_for_writes(call, view);
  const ScanResult result = co_await call.services->views.scan(std::move(view), std::move(request));
  std::string& body = call.response.body;
  body = R"({"rows":[)";
  for (size_t row = 0; row < result.rows.rows; ++row) {
    if (row > 0) body += ',';
    append_row_json(body, result.rows, row);
  }
  body += R"(],"cursor":)";
  if (result.cursor.empty()) {
    body += "null";
  } else {
    append_json_text(body, result.cursor);
  }
  body += R"(,"frontier":)";
  append_json_text(body, result.frontier);
  body += "}\n";
}

awaitable<void> list_views(HttpCall& call) {
  Services& services = *call.services;
  const CatalogStatePtr catalog = services.catalog.state();
  const std::vector<ViewStatus> statuses = co_await services.views.view_status();
  std::string& body = call.response.body;
  body = R"({"views":[)";
  for (const auto& [name, view] : catalog->views) {
    const RowType& type = *view->plan->root->type;
    if (body.back() == '}') body += ',';
    body += R"({"name":)";
    append_json_text(body, name);
    body += R"(,"key":)";
    append_column_names(body, type, view->plan->key);
    body += R"(,"columns":[)";
    for (const Column& column : type.columns) {
      if (&column != type.columns.data()) body += ',';
      body += R"({"name":)";
      append_json_text(body, column.name);
      body += R"(,"type":)";
      append_json_text(body, column.type.name());
      body += '}';
    }
    body += R"(],"statement":)";
    append_json_text(body, view->statement);
    const auto status = std::ranges::find(statuses, name, &ViewStatus::name);
    if (status != statuses.end()) {
      body += R"(,"state":)";
      append_json_text(body, status->state);
      body += fmt::format(R"(,"rows":{},"lag_rows":{})", status->rows, status->lag_rows);
    }
    body += '}';
  }
  body += "]}\n";
}

}  // namespace headrace
