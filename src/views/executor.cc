#include "views/executor.h"

#include <algorithm>

#include "fmt/format.h"
#include "sql/planner.h"

namespace headrace {
namespace {

constexpr size_t kScanPageRows = 5'000;

// What a query sees: a view is a source of its current rows, not its query over history.
class CurrentRelations final : public Relations {
 public:
  explicit CurrentRelations(CatalogStatePtr state) : state_(std::move(state)) {}

  std::optional<Relation> find(std::string_view name) const override {
    std::optional<Relation> relation = state_->relation(name);
    if (relation && relation->kind == Relation::Kind::kView) {
      relation->kind = Relation::Kind::kStream;
      relation->plan = nullptr;
    }
    return relation;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, record] : state_->records) names.push_back(name);
    return names;
  }

 private:
  CatalogStatePtr state_;
};

RowTypePtr text_columns(std::initializer_list<std::string> names) {
  auto type = std::make_shared<RowType>();
  for (const std::string& name : names) type->columns.push_back({.name = name, .type = {.kind = Kind::kText}});
  return type;
}

std::string_view format_name(ValueFormat format) {
  switch (format) {
    case ValueFormat::kAvro: return "avro";
    case ValueFormat::kJson: return "json";
    case ValueFormat::kRaw: return "raw";
  }
  return {};
}

}  // namespace

Executor::Executor(const Clock& clock, Store& store, Catalog& catalog, Appender& appender, LiveViews& views,
                   QueryLimits limits)
    : clock_(clock),
      store_(store),
      catalog_(catalog),
      appender_(appender),
      views_(views),
      limits_(limits),
      queries_(limits.running_max) {}

awaitable<std::vector<StatementResult>> Executor::execute(std::string sql) {
  std::vector<StatementResult> results;
  for (Statement& statement : parse_statements(sql)) {
    const int64_t position = statement.position;
    try {
      results.push_back(co_await run(std::move(statement)));
    } catch (const Error& error) {
      Where where = error.where();
      if (where.position >= 0) where.position += position;
      throw Error(error.code(), error.message(), where);
    }
  }
  co_return results;
}

awaitable<StatementResult> Executor::run(Statement statement) {
  StatementResult result;
  result.statement = statement.text;
  if (std::holds_alternative<Select>(statement.body)) {
    result.result = co_await select(statement.text);
  } else if (const auto* explained = std::get_if<Explain>(&statement.body)) {
    try {
      result.result = explain(explained->query);
    } catch (const Error& error) {
      Where where = error.where();
      if (where.position >= 0) where.position += static_cast<int64_t>(statement.text.size() - explained->query.size());
      throw Error(error.code(), error.message(), std::move(where));
    }
  } else if (const auto* shown = std::get_if<Show>(&statement.body)) {
    result.result = show(*shown);
  } else if (const auto* insert = std::get_if<Insert>(&statement.body)) {
    const StreamInfoPtr stream = catalog_.state()->stream(insert->name);
    result.rows = co_await appender_.append(insert->name, evaluate_insert(statement.text, stream->type), {});
  } else if (const auto* removal = std::get_if<DeleteRow>(&statement.body)) {
    result.rows = co_await remove(*removal);
  } else {
    result.applied = co_await catalog_.apply(std::move(statement));
  }
  co_return result;
}

awaitable<Batch> Executor::select(std::string query) {
  const CatalogStatePtr state = catalog_.state();
  const QueryPlanPtr plan = plan_query(query, CurrentRelations(state), QueryUse::kAdHoc);
  std::vector<Source> sources;
  for (const std::string& source : plan->sources) {
    if (state->streams.contains(source)) {
      sources.push_back({co_await views_.reader(source), nullptr});
    } else {
      sources.push_back({nullptr, (co_await views_.find_ready(source))->flow()});
    }
  }

  struct Running {
    std::atomic<size_t>& count;
    ~Running() { --count; }
  };
  if (++running_ > limits_.running_max) {
    --running_;
    throw Error(Code::kBusy, fmt::format("{} queries are running, which is the limit; try again", limits_.running_max));
  }
  const Running running{running_};
  co_return co_await on_pool(queries_, [&] { return select_here(*plan, sources); });
}

Batch Executor::select_here(const QueryPlan& plan, const std::vector<Source>& sources) {
  const SteadyTime deadline = clock_.steady() + limits_.time_max;
  auto check_time = [&] {
    if (clock_.steady() > deadline)
      throw Error(Code::kTimeout, fmt::format("the query took longer than {} ms; make a view of it, or read less",
                                              limits_.time_max.count()));
  };
  const Plan* leaf = plan.root.get();
  while (leaf->input) leaf = leaf->input.get();
  auto feed_stream = [&](size_t source, StreamReader& reader, const std::function<void(FlowInput)>& take) {
    const auto executor = reader.shard().executor();
    const std::vector<Offset> ends =
        asio::co_spawn(executor, on(reader.shard(), [&] { return reader.ends(); }), asio::use_future).get();
    for (size_t i = 0; i < ends.size(); ++i) {
      for (Offset at{}; at < ends[i];) {
        check_time();
        const SourceBatchPtr batch =
            asio::co_spawn(executor, reader.read(static_cast<PartitionId>(i), at, ends[i]), asio::use_future).get();
        if (!batch) break;
        at = batch->next;
        take({source, with_columns(batch, leaf->type)});
      }
    }
  };
  auto feed_view = [&](size_t source, const std::shared_ptr<Flow>& flow, const std::function<void(FlowInput)>& take) {
    if (*flow->plan().root->type != *leaf->type)
      throw Error(Code::kUnavailable, "the view was replaced a moment ago; ask again");
    const std::shared_ptr<const Snapshot> snapshot = store_.snapshot();
    Flow::Range range;
    range.limit = kScanPageRows;
    do {
      check_time();
      Flow::Page page = flow->scan(range, snapshot.get());
      auto batch = std::make_shared<SourceBatch>();
      batch->rows = std::move(page.rows);
      take({source, batch});
      range.after = page.cursor;
    } while (!range.after.empty());
  };
  Batch result = run_once(
      plan,
      [&](const std::function<void(FlowInput)>& take) {
        for (size_t source = 0; source < plan.sources.size(); ++source) {
          if (sources[source].reader) {
            feed_stream(source, *sources[source].reader, take);
          } else {
            feed_view(source, sources[source].view, take);
          }
        }
      },
      limits_.memory_bytes_max);
  if (result.rows > limits_.rows_max)
    throw Error(Code::kTooLarge, fmt::format("the result has {} rows, and at most {} are answered; add LIMIT",
                                             result.rows, limits_.rows_max));
  return result;
}

Batch Executor::explain(const std::string& query) const {
  const QueryPlanPtr plan = plan_query(query, CurrentRelations(catalog_.state()), QueryUse::kAdHoc);
  BatchBuilder builder(text_columns({"plan"}));
  const std::string text = to_text(*plan);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    builder.append_row(std::vector<Value>{text.substr(at, end - at)});
    at = end + 1;
  }
  return builder.finish();
}

Batch Executor::show(const Show& show) const {
  const CatalogStatePtr state = catalog_.state();
  if (show.what == "create") {
    const auto record = state->records.find(show.name);
    if (record == state->records.end())
      throw Error(Code::kNotFound, fmt::format("there is nothing called \"{}\"", show.name));
    BatchBuilder builder(text_columns({"statement"}));
    builder.append_row(std::vector<Value>{record->second.statement});
    for (const std::string& addition : record->second.additions) builder.append_row(std::vector<Value>{addition});
    return builder.finish();
  }
  if (show.what == "views") {
    BatchBuilder builder(text_columns({"name", "key", "query"}));
    for (const auto& [name, view] : state->views) {
      std::string key;
      for (const size_t column : view->plan->key)
        key += (key.empty() ? "" : ", ") + view->plan->root->type->columns[column].name;
      builder.append_row(std::vector<Value>{name, key, view->definition.query});
    }
    return builder.finish();
  }
  if (show.what == "functions") {
    BatchBuilder builder(text_columns({"name"}));
    for (const std::string_view name : function_names()) builder.append_row(std::vector<Value>{std::string(name)});
    return builder.finish();
  }
  BatchBuilder builder(text_columns({"name", "kind", "columns", "partitions", "format"}));
  for (const auto& [name, stream] : state->streams) {
    if (stream->is_dead_stream || stream->definition.is_table != (show.what == "tables")) continue;
    std::string columns;
    for (const Column& column : stream->type->columns)
      columns += (columns.empty() ? "" : ", ") + column.name + " " + column.type.name();
    const std::string kind = stream->definition.is_table ? "table" : stream->is_derived() ? "derived stream" : "stream";
    builder.append_row(std::vector<Value>{name, kind, columns, std::to_string(stream->definition.partitions),
                                          std::string(format_name(stream->definition.format))});
  }
  return builder.finish();
}

awaitable<AppendResult> Executor::remove(const DeleteRow& statement) {
  const StreamInfoPtr table = catalog_.state()->stream(statement.name);
  auto type = std::make_shared<RowType>();
  std::vector<Value> key;
  for (const size_t index : table->key) {
    const Column& column = table->type->columns[index];
    const auto given = std::ranges::find(statement.key, column.name, &std::pair<std::string, Value>::first);
    if (given == statement.key.end())
      throw Error(Code::kInvalid, fmt::format("DELETE names one row by its whole key; \"{}\" is missing", column.name));
    type->columns.push_back(column);
    const auto* text = std::get_if<std::string>(&given->second);
    key.push_back(text ? parse_text(*text, column.type) : given->second);
  }
  if (statement.key.size() != table->key.size())
    throw Error(Code::kInvalid, "DELETE names one row by its key; other conditions are not supported");
  BatchBuilder builder(std::move(type));
  builder.append_row(key);
  co_return co_await appender_.remove(statement.name, builder.finish());
}

}  // namespace headrace
