#include "views/catalog.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/trace.h"
#include "boost/json.hpp"
#include "fmt/ranges.h"
#include "log/replay.h"
#include "views/catalog_change.h"
#include "views/registry.h"

namespace headrace {
namespace {

const std::string kCatalogTopic = "_catalog";
constexpr std::string_view kCountersKey = "";
// Of tombstones: a topic that goes with the object, as its id in hexadecimal, a blank and its name. It is removed after
// the record, perhaps after a crash; another topic that has come by the name since has another id, and stays.
constexpr std::string_view kRemovesHeader = "headrace.removes";

struct RemovedTopic {
  std::string name;
  TopicId id;
};

std::string encode(const RemovedTopic& topic) {
  return fmt::format("{:016x}{:016x} {}", topic.id.high, topic.id.low, topic.name);
}

RemovedTopic decode_removed_topic(std::string_view text) {
  constexpr size_t kHalf = 16;
  const auto half = [&](size_t at) {
    uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data() + at, text.data() + at + kHalf, value, 16);
    if (problem != std::errc() || end != text.data() + at + kHalf)
      throw Error(Code::kCorrupt, fmt::format("the header {} of {} has no topic's id", kRemovesHeader, kCatalogTopic));
    return value;
  };
  if (text.size() <= 2 * kHalf + 1)
    throw Error(Code::kCorrupt, fmt::format("the header {} of {} is too short", kRemovesHeader, kCatalogTopic));
  return {std::string(text.substr(2 * kHalf + 1)), {half(0), half(kHalf)}};
}

TopicConfig topic_config(const StreamInfo& info) {
  TopicConfig config;
  config.partitions = info.definition.partitions;
  config.retention_ms = info.definition.retention_ms;
  config.retention_bytes = info.definition.retention_bytes;
  config.compact = info.definition.is_table;
  return config;
}

std::string counters_json(const CatalogState& state) {
  return boost::json::serialize(boost::json::object{{"next_schema_id", state.next_schema_id},
                                                    {"next_table", state.next_table},
                                                    {"dead_schema_id", state.from.dead_id}});
}

// The subject of a topic's values, by the strategy that Kafka's serializers have unless they are told another.
std::string subject_of(std::string_view topic) {
  return std::string(topic) + "-value";
}
// All dead streams have the same schema.
constexpr std::string_view kDeadSubject = "headrace.dead-value";

}  // namespace

std::string_view to_string(Applied::What what) {
  switch (what) {
    case Applied::What::kCreated: return "created";
    case Applied::What::kReplaced: return "replaced";
    case Applied::What::kChanged: return "changed";
    case Applied::What::kDropped: return "dropped";
    case Applied::What::kUnchanged: return "unchanged";
  }
  check(false, "every outcome has a name");
  return {};
}

Catalog::Catalog(Runtime& runtime, Log& log, Registry& registry)
    : runtime_(runtime), log_(log), registry_(registry), idle_(runtime.shard(0)) {
  auto empty = std::make_shared<CatalogState>();
  empty->from.registry = &registry;
  state_.set(std::move(empty));
}

awaitable<void> Catalog::open() {
  if (!co_await log_.find(kCatalogTopic)) co_await log_.create(kCatalogTopic, {.partitions = 1, .compact = true});
  CatalogRecords records;
  int32_t next_schema_id = CatalogState().next_schema_id;
  uint32_t next_table = CatalogState().next_table;
  CatalogSchemas from{.registry = &registry_};
  std::vector<RemovedTopic> removed;
  co_await replay(log_, std::string(kCatalogTopic), 0, [&](const Record& record) {
    if (!record.key) return;
    const std::string name(*record.key);
    if (name == kCountersKey && record.value) {
      const auto json = boost::json::parse({record.value->data(), record.value->size()});
      next_schema_id = json.at("next_schema_id").to_number<int32_t>();
      next_table = json.at("next_table").to_number<uint32_t>();
      if (const auto* id = json.as_object().if_contains("dead_schema_id")) from.dead_id = id->to_number<int32_t>();
      dead_schema_known_ = true;
    } else if (record.value) {
      records[name] = CatalogRecord::decode(*record.value);
    } else {
      records.erase(name);
      for (const RecordHeader& header : record.headers)
        if (header.key == kRemovesHeader && header.value) removed.push_back(decode_removed_topic(*header.value));
    }
  });
  auto state = std::make_shared<CatalogState>(build_catalog(std::move(records), next_schema_id, next_table, {}, from));
  for (const auto& [name, stream] : state->streams)
    std::erase_if(removed, [&](const RemovedTopic& topic) { return topic.name == stream->definition.topic; });
  for (const RemovedTopic& topic : removed)
    if (log_.id_of(topic.name) == topic.id) co_await log_.remove(topic.name);
  co_await create_topics(state);
  co_await restore_schemas(*state);
  state_.set(std::move(state));
}

awaitable<void> Catalog::restore_schemas(const CatalogState& state) {
  bool dead = false;
  for (const auto& [name, stream] : state.streams) {
    if (stream->is_dead_stream) {
      if (!std::exchange(dead, true)) co_await restore_schema(std::string(kDeadSubject), stream->schemas.back());
    } else if (stream->definition.format == ValueFormat::kAvro) {
      for (const SchemaVersion& version : stream->schemas)
        co_await restore_schema(subject_of(stream->definition.topic), version);
    }
  }
}

awaitable<void> Catalog::restore_schema(std::string subject, SchemaVersion version) {
  if (registry_.state()->schemas.contains(version.id)) co_return;
  try {
    co_await registry_.add(std::move(subject), {.text = version.schema->json(), .id = version.id},
                           Registrant::kRestore);
  } catch (const Error& error) {
    // The streams read their records all the same; other consumers may not.
    trace::error("schema {} cannot be put back into the registry: {}", version.id, error.message());
  }
}

awaitable<void> Catalog::register_schemas(const CatalogState& before, CatalogState& next) {
  bool changed = false;
  if (!dead_schema_known_ && !next.records.empty()) {
    const StreamInfoPtr& dead = next.stream(next.records.begin()->first + std::string(kDeadSuffix));
    const Registration given = co_await registry_.add(
        std::string(kDeadSubject), {.text = dead->schemas.back().schema->json()}, Registrant::kCatalog);
    next.from.dead_id = given.id;
    changed = true;
  }
  for (auto& [name, record] : next.records) {
    const auto stream = next.streams.find(name);
    if (stream == next.streams.end() || stream->second->definition.format != ValueFormat::kAvro) continue;
    const auto old = before.records.find(name);
    for (size_t at = old == before.records.end() ? 0 : old->second.versions.size(); at < record.versions.size(); ++at) {
      const Registration given =
          co_await registry_.add(subject_of(stream->second->definition.topic),
                                 {.text = stream->second->schemas.at(at).schema->json()}, Registrant::kCatalog);
      record.versions[at].first = given.id;
      changed = true;
    }
  }
  if (changed) next = build_catalog(next.records, next.next_schema_id, next.next_table, {}, next.from);
}

awaitable<Applied> Catalog::apply(Statement statement) {
  co_return co_await on(runtime_.shard(0),
                        [this, &statement]() -> awaitable<Applied> { return apply_here(std::move(statement)); });
}

awaitable<Applied> Catalog::apply_here(Statement statement) {
  co_await enter();
  try {
    if (auto* create = std::get_if<CreateStream>(&statement.body)) co_await adopt_topic(*create);
    CatalogChange planned = plan_change(*state(), statement);
    if (planned.applied.what != Applied::What::kUnchanged) co_await change(std::move(planned.next));
    leave();
    co_return planned.applied;
  } catch (...) {
    leave();
    throw;
  }
}

awaitable<void> Catalog::finish_replacements(std::map<std::string, TableId> views) {
  co_await on(runtime_.shard(0), [this, &views]() -> awaitable<void> {
    co_await enter();
    try {
      co_await change(with_replacements_finished(*state(), views));
      leave();
    } catch (...) {
      leave();
      throw;
    }
  });
}

awaitable<void> Catalog::change(CatalogState next) {
  const CatalogStatePtr before = state();
  co_await register_schemas(*before, next);
  const CatalogStatePtr after = std::make_shared<CatalogState>(std::move(next));
  co_await create_topics(after);
  co_await write_records(before, after);
  dead_schema_known_ = true;
  state_.set(after);
  if (listener_) co_await listener_->catalog_changed(before, after);
  for (const auto& [name, info] : before->streams)
    if (!after->streams.contains(name)) co_await log_.remove(info->definition.topic);
}

awaitable<void> Catalog::write_records(CatalogStatePtr before, CatalogStatePtr after) {
  RecordBatchBuilder builder;
  const int64_t now = SystemClock().wall_ms();
  for (const auto& [name, record] : after->records) {
    const auto old = before->records.find(name);
    if (old == before->records.end() || old->second != record) builder.append(now, name, record.encode());
  }
  for (const auto& [name, record] : before->records) {
    if (after->records.contains(name)) continue;
    std::vector<std::string> removed;
    for (const std::string& stream : {name, name + std::string(kDeadSuffix)}) {
      const auto gone = before->streams.find(stream);
      if (gone == before->streams.end()) continue;
      const std::string& topic = gone->second->definition.topic;
      if (const auto id = log_.id_of(topic)) removed.push_back(encode({topic, *id}));
    }
    std::vector<RecordHeader> headers;
    for (const std::string& topic : removed) headers.push_back({kRemovesHeader, topic});
    builder.append(now, name, std::nullopt, headers);
  }
  builder.append(now, kCountersKey, counters_json(*after));
  std::vector<PartitionBatch> batches(1);
  batches[0].bytes = builder.finish();
  co_await log_.append(kCatalogTopic, std::move(batches));
}

awaitable<void> Catalog::create_topics(CatalogStatePtr state) {
  for (const auto& [name, info] : state->streams) {
    const TopicConfig wanted = topic_config(*info);
    auto existing = co_await log_.find(info->definition.topic);
    if (existing && (existing->partitions != wanted.partitions || existing->compact != wanted.compact)) {
      // Left by a CREATE that a crash cut short, before anyone could write to it.
      co_await remove_if_empty(info->definition.topic, existing->partitions);
      existing.reset();
    }
    if (!existing) {
      co_await log_.create(info->definition.topic, wanted);
    } else if (existing->retention_ms != wanted.retention_ms || existing->retention_bytes != wanted.retention_bytes) {
      TopicConfig altered = *existing;
      altered.retention_ms = wanted.retention_ms;
      altered.retention_bytes = wanted.retention_bytes;
      co_await log_.alter(info->definition.topic, altered);
    }
  }
}

// A stream over a topic that a client made has as many partitions as that.
awaitable<void> Catalog::adopt_topic(CreateStream& create) {
  if (create.partitions_given || !create.definition.query.empty()) co_return;
  if (const auto existing = co_await log_.find(create.definition.topic))
    create.definition.partitions = existing->partitions;
}

awaitable<void> Catalog::remove_if_empty(std::string topic, PartitionId partitions) {
  for (PartitionId partition = 0; partition < partitions; ++partition) {
    if ((co_await log_.bounds(topic, partition)).end > Offset{})
      throw Error(Code::kConflict,
                  fmt::format("there is a topic \"{}\" with {} partitions and records of something else; "
                              "use another topic",
                              topic, partitions));
  }
  co_await log_.remove(topic);
}

awaitable<void> Catalog::enter() {
  while (busy_) co_await idle_.wait();
  busy_ = true;
}

void Catalog::leave() {
  busy_ = false;
  idle_.notify_all();
}

}  // namespace headrace
