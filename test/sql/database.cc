#include "database.h"

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "base/error.h"
#include "fmt/format.h"
#include "schema/json_form.h"
#include "schema/key.h"
#include "sql/definition_rules.h"
#include "sql/planner.h"
#include "store/memory_store.h"

using namespace headrace;

namespace {

constexpr size_t kStoreBytesMax = 256 * 1024 * 1024;
constexpr PartitionId kPartitions = 3;

std::string row_text(const Batch& batch, size_t row) {
  std::string line;
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    if (i) line += '|';
    const Value value = batch.columns[i]->value_at(row);
    if (is_null(value)) {
      line += "NULL";
      continue;
    }
    for (const char c : to_text(value, batch.type->columns[i].type)) {
      if (c == '\n') {
        line += "\\n";
      } else {
        line += c;
      }
    }
  }
  return line;
}

std::vector<std::string> all_rows(const Batch& batch) {
  std::vector<std::string> lines;
  for (size_t row = 0; row < batch.rows; ++row) lines.push_back(row_text(batch, row));
  return lines;
}

const Plan& source_of(const QueryPlan& plan, size_t index) {
  const Plan* node = plan.root.get();
  while (node->input) node = node->input.get();
  if (node->source_index != index) throw std::runtime_error("a plan has one source for now");
  return *node;
}

std::vector<std::string> sorted(std::vector<std::string> lines) {
  std::ranges::sort(lines);
  return lines;
}

}  // namespace

Database::Database(uint64_t seed) : random_(seed), style_(seed % 3) {}
Database::~Database() = default;

void Database::execute(std::string_view sql) {
  for (const Statement& statement : parse_statements(sql)) run(statement);
}

void Database::run(const Statement& statement) {
  const auto visit = [&]<typename Body>(const Body& body) {
    if constexpr (std::is_same_v<Body, CreateStream>) {
      create(body.definition);
    } else if constexpr (std::is_same_v<Body, CreateView>) {
      const std::string& name = body.definition.name;
      QueryPlanPtr plan = plan_query(body.definition.query, *this, QueryUse::kView);
      views_[name] = plan;
      start(name, std::move(plan), {});
    } else if constexpr (std::is_same_v<Body, AlterAddColumn>) {
      Stream& stream = streams_.at(body.name);
      stream.definition.columns.push_back(body.column);
      stream.type = std::make_shared<RowType>(RowType{stream.definition.columns});
      const Value value =
          body.column.default_json.empty() ? Value() : parse_json(body.column.default_json, body.column.type);
      for (auto& partition : stream.partitions)
        for (Record& record : partition) record.values.push_back(value);
    } else if constexpr (std::is_same_v<Body, Insert>) {
      const auto found = streams_.find(body.name);
      if (found == streams_.end()) throw Error(Code::kNotFound, fmt::format("\"{}\" does not exist", body.name));
      insert(found->second, evaluate_insert(statement.text, found->second.type));
    } else if constexpr (std::is_same_v<Body, DeleteRow>) {
      remove(body);
    } else if constexpr (std::is_same_v<Body, Drop>) {
      running_.erase(body.name);
      views_.erase(body.name);
      streams_.erase(body.name);
    } else {
      query(statement.text);
    }
  };
  std::visit(visit, statement.body);
}

void Database::create(const StreamDefinition& definition) {
  Stream stream{.definition = definition};
  QueryPlanPtr plan;
  if (!definition.query.empty()) {
    plan = plan_query(definition.query, *this, QueryUse::kStream);
    stream.definition.columns = plan->root->type->columns;
    check_definition(stream.definition);
  }
  stream.type = std::make_shared<RowType>(RowType{stream.definition.columns});
  for (const std::string& name : definition.key) stream.key.push_back(*stream.type->find(name));
  if (!definition.id.empty()) stream.id = stream.type->find(definition.id);
  stream.partitions.resize(kPartitions);
  streams_[definition.name] = std::move(stream);
  if (plan) start(definition.name, std::move(plan), definition.name);
}

void Database::start(std::string name, QueryPlanPtr plan, std::string derives) {
  Running running{.plan = std::move(plan), .store = make_memory_store(kStoreBytesMax), .derives = std::move(derives)};
  running.flow =
      std::make_unique<Flow>(running.plan, *running.store, FlowTables{TableId{64}}, !running.derives.empty());
  running.read.resize(running.plan->sources.size(), std::vector<size_t>(kPartitions));
  running_[std::move(name)] = std::move(running);
}

void Database::insert(Stream& stream, Batch rows) {
  std::vector<Record> records;
  for (size_t row = 0; row < rows.rows; ++row) {
    Record record;
    for (const ColumnPtr& column : rows.columns) record.values.push_back(column->value_at(row));
    if (stream.id && style_ != 0 && random_.one_in(3)) records.push_back(record);  // delivered twice
    records.push_back(std::move(record));
  }
  // The rows of a table replace one another, so their order means something.
  if (!stream.definition.is_table && style_ != 0)
    for (size_t i = records.size(); i > 1; --i) std::swap(records[i - 1], records[random_.below(i)]);
  for (Record& record : records) append(stream, std::move(record));
}

void Database::append(Stream& stream, Record record) {
  if (stream.id) {
    std::string id;
    append_key(id, record.values[*stream.id], stream.type->columns[*stream.id].type);
    if (!stream.ids.insert(id).second) return;
  }
  std::string key;
  for (const size_t column : stream.key) append_key(key, record.values[column], stream.type->columns[column].type);
  const size_t partition =
      stream.key.empty() ? random_.below(kPartitions) : std::hash<std::string>()(key) % size_t{kPartitions};
  stream.partitions[partition].push_back(std::move(record));
}

void Database::remove(const DeleteRow& statement) {
  Stream& stream = streams_.at(statement.name);
  Record record{.values = std::vector<Value>(stream.type->columns.size()), .deleted = true};
  for (const auto& [name, text] : statement.key) {
    const size_t column = stream.type->find(name).value();
    record.values[column] = parse_text(std::get<std::string>(text), stream.type->columns[column].type);
  }
  append(stream, std::move(record));
}

size_t Database::epoch_records(size_t available) {
  if (style_ == 0) return available;
  if (style_ == 1) return std::min<size_t>(available, random_.below(2));
  return random_.below(available + 1);
}

FlowInput Database::take(const Stream& stream, const Running& running, size_t source, size_t partition, size_t count) {
  const size_t from = running.read[source][partition];
  const RowTypePtr type = source_of(*running.plan, source).type;
  BatchBuilder builder(type);
  auto batch = std::make_shared<SourceBatch>();
  for (size_t i = from; i < from + count; ++i) {
    const Record& record = stream.partitions[partition][i];
    builder.append_row(std::span(record.values).first(type->columns.size()));
    if (stream.definition.is_table) batch->deleted.push_back(record.deleted ? 1 : 0);
  }
  batch->rows = builder.finish();
  batch->partition = static_cast<PartitionId>(partition);
  batch->from = Offset{static_cast<int64_t>(from)};
  batch->next = Offset{static_cast<int64_t>(from + count)};
  return {source, batch};
}

bool Database::advance(Running& running) {
  std::vector<FlowInput> inputs;
  Frontier to;
  bool behind = false;
  for (size_t source = 0; source < running.plan->sources.size(); ++source) {
    const Stream& stream = streams_.at(running.plan->sources[source]);
    std::vector<Offset>& ends = to.offsets.emplace_back();
    for (size_t partition = 0; partition < stream.partitions.size(); ++partition) {
      const size_t available = stream.partitions[partition].size() - running.read[source][partition];
      behind = behind || available > 0;
      const size_t count = epoch_records(available);
      if (count > 0) inputs.push_back(take(stream, running, source, partition, count));
      running.read[source][partition] += count;
      ends.push_back(Offset{static_cast<int64_t>(running.read[source][partition])});
    }
  }
  if (!behind) return false;
  if (inputs.empty()) return true;
  const EpochResult result = running.flow->advance(inputs, to, true);
  running.dead += result.dead_count;
  for (size_t row = 0; row < result.changes.rows.rows; ++row) {
    const std::string text = row_text(result.changes.rows, row);
    int64_t& weight = running.changes[text];
    weight += result.changes.weight(row);
    if (weight == 0) running.changes.erase(text);
  }
  if (!running.derives.empty() && result.derived.rows > 0) insert(streams_.at(running.derives), result.derived);
  if (!result.committed) running.flow->commit();
  if (style_ != 0 && random_.one_in(8)) {
    running.flow.reset();
    running.flow =
        std::make_unique<Flow>(running.plan, *running.store, FlowTables{TableId{64}}, !running.derives.empty());
    if (!(running.flow->frontier() == to)) throw std::runtime_error("a flow does not open at its last commit");
  }
  return true;
}

void Database::catch_up() {
  bool moved = true;
  while (moved) {
    moved = false;
    for (auto& [name, running] : running_) moved = advance(running) || moved;
  }
}

std::vector<std::string> Database::query(std::string_view sql) {
  catch_up();
  const QueryPlanPtr plan = plan_query(sql, *this, QueryUse::kAdHoc);
  Running reading{.plan = plan};
  reading.read.resize(plan->sources.size(), std::vector<size_t>(kPartitions));
  const auto feed = [&](const std::function<void(FlowInput)>& push) {
    for (size_t source = 0; source < plan->sources.size(); ++source) {
      const Stream& stream = streams_.at(plan->sources[source]);
      for (size_t partition = 0; partition < stream.partitions.size(); ++partition)
        push(take(stream, reading, source, partition, stream.partitions[partition].size()));
    }
  };
  return all_rows(run_once(*plan, feed, kStoreBytesMax));
}

std::vector<std::string> Database::view(std::string_view name) {
  catch_up();
  const auto found = running_.find(name);
  if (found == running_.end()) throw std::runtime_error(fmt::format("there is no view {}", name));
  Running& running = found->second;
  std::vector<std::string> lines;
  Flow::Range range{.limit = 1 + random_.below(20)};
  do {
    const Flow::Page page = running.flow->scan(range);
    for (std::string& line : all_rows(page.rows)) lines.push_back(std::move(line));
    range.after = page.cursor;
  } while (!range.after.empty());

  std::vector<std::string> changed;
  for (const auto& [row, weight] : running.changes)
    for (int64_t i = 0; i < weight; ++i) changed.push_back(row);
  // A view of one row for all has it before anything changes.
  const bool has_one_row = running.plan->key_is_unique && running.plan->key.empty();
  if (sorted(lines) != sorted(changed) && !(has_one_row && changed.empty()))
    throw std::runtime_error(fmt::format("the changes of {} add up to\n  {}\nand it has\n  {}", name,
                                         fmt::join(sorted(changed), "\n  "), fmt::join(sorted(lines), "\n  ")));
  const std::vector<std::string> ad_hoc = query(fmt::format("SELECT * FROM {}", name));
  if (sorted(lines) != sorted(ad_hoc))
    throw std::runtime_error(fmt::format("ad hoc, {} is\n  {}\nand it has\n  {}", name,
                                         fmt::join(sorted(ad_hoc), "\n  "), fmt::join(sorted(lines), "\n  ")));
  return lines;
}

uint64_t Database::dead_rows(std::string_view name) {
  catch_up();
  const auto found = running_.find(name);
  if (found == running_.end()) throw std::runtime_error(fmt::format("there is no view {}", name));
  return found->second.dead;
}

std::optional<Relation> Database::find(std::string_view name) const {
  if (const auto stream = streams_.find(name); stream != streams_.end()) {
    const Stream& found = stream->second;
    return Relation{.kind = found.definition.is_table ? Relation::Kind::kTable : Relation::Kind::kStream,
                    .name = std::string(name),
                    .type = found.type,
                    .key = found.key,
                    .id = found.id,
                    .plan = nullptr};
  }
  if (const auto view = views_.find(name); view != views_.end())
    return Relation{.kind = Relation::Kind::kView,
                    .name = std::string(name),
                    .type = view->second->root->type,
                    .key = {},
                    .id = {},
                    .plan = view->second};
  return std::nullopt;
}

std::vector<std::string> Database::names() const {
  std::vector<std::string> result;
  for (const auto& [name, stream] : streams_) result.push_back(name);
  for (const auto& [name, view] : views_) result.push_back(name);
  return result;
}
