// What exists: streams, tables, views, derived streams. The catalogue is itself a stream, the compacted topic
// `_catalog`: one record per object, keyed by its name, that holds its SQL statement and the numbers given out for it;
// a tombstone drops it. The state is built from those records alone, the same way at every change as at every start, so
// that what a restart finds is what was running. It belongs to shard 0; every thread may read the published state,
// which is immutable.
//
// Every stream and view also has a dead stream, `<name>.dead`, for rows that could not be decoded or evaluated.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/flow.h"
#include "log/log.h"
#include "runtime/published.h"
#include "runtime/signal.h"
#include "schema/avro.h"
#include "sql/definitions.h"
#include "sql/statements.h"

namespace headrace {

class Registry;

// One version of how a stream's values are written. The ids of Avro schemas are the registry's.
struct SchemaVersion {
  int32_t id;
  AvroSchemaPtr schema;
};

struct StreamInfo {
  StreamDefinition definition;
  RowTypePtr type;
  std::vector<SchemaVersion> schemas;   // oldest first; rows are written with the last
  std::vector<size_t> key;              // columns
  std::optional<size_t> id;             // column
  FlowTables tables;                    // where the reader keeps the ids it has seen, or a derived stream its frontier
  QueryPlanPtr plan;                    // derived streams only
  std::vector<std::string> depends_on;  // the relations named in its query
  bool is_dead_stream = false;
  const Registry* registry = nullptr;  // knows the schemas of what others write here; nullptr in tests without one
  std::string statement;               // the SQL that made it

  bool is_derived() const { return plan != nullptr; }
  // Rows may be appended by users.
  bool is_writable() const { return !is_derived() && !is_dead_stream; }
};
using StreamInfoPtr = std::shared_ptr<const StreamInfo>;

struct ViewInfo {
  ViewDefinition definition;
  QueryPlanPtr plan;
  FlowTables tables;                    // distinguishes a view from its replacement, too
  std::vector<std::string> depends_on;  // the relations named in its query
  std::string statement;
};
using ViewInfoPtr = std::shared_ptr<const ViewInfo>;

// One object as `_catalog` keeps it.
struct CatalogRecord {
  std::string statement;               // CREATE ...
  std::vector<std::string> additions;  // ALTER ... ADD COLUMN since then, in order
  // Of streams: each schema's id and how many of the columns it has. Columns only ever come to the end.
  std::vector<std::pair<int32_t, size_t>> versions;
  uint32_t table = 0;
  PartitionId partitions = 0;  // of a stream whose statement does not say how many
  // The number of columns that each relation named in the query had when the view was made: `*` keeps its meaning.
  std::map<std::string, size_t> widths;
  // A view's new version while it is being built.
  std::string replacement_statement;
  uint32_t replacement_table = 0;
  std::map<std::string, size_t> replacement_widths;

  std::string encode() const;
  static CatalogRecord decode(std::string_view json);
  bool operator==(const CatalogRecord&) const = default;
};
using CatalogRecords = std::map<std::string, CatalogRecord, std::less<>>;

inline constexpr std::string_view kDeadSuffix = ".dead";

// What the streams have from the registry.
struct CatalogSchemas {
  const Registry* registry = nullptr;
  int32_t dead_id = 1;  // of the schema of dead streams
};

struct CatalogState {
  CatalogRecords records;
  std::map<std::string, StreamInfoPtr, std::less<>> streams;  // tables, derived and dead streams too
  std::map<std::string, ViewInfoPtr, std::less<>> views;
  // Replacements that are being built: the view serves as `views` has it until they have caught up.
  std::map<std::string, ViewInfoPtr, std::less<>> replacements;
  // Ids of schemas until the registry has given them theirs; those of values that are not Avro stay.
  int32_t next_schema_id = 2;
  CatalogSchemas from;
  uint32_t next_table = kTablesPerFlow;

  // Throw Error(kNotFound) naming what exists.
  const StreamInfoPtr& stream(std::string_view name) const;
  const ViewInfoPtr& view(std::string_view name) const;
  // The relations that a query may name.
  std::optional<Relation> relation(std::string_view name) const;
};
using CatalogStatePtr = std::shared_ptr<const CatalogState>;

// The state that `records` describe. Throws what parsing and planning throw: with a position in the statement of
// `changed` when the fault is there, else naming the object that cannot be built.
CatalogState build_catalog(CatalogRecords records, int32_t next_schema_id, uint32_t next_table,
                           std::string_view changed = {}, CatalogSchemas from = {});

// What applying one statement did.
struct Applied {
  enum class What : uint8_t { kCreated, kReplaced, kChanged, kDropped, kUnchanged };
  What what = What::kUnchanged;
  std::string kind;  // "stream", "table", "view"
  std::string name;
  std::string note;  // for people: what was found or done besides
};
std::string_view to_string(Applied::What what);

class Catalog {
 public:
  // Told, on shard 0, after each change is durable, with the state before and after.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual awaitable<void> catalog_changed(CatalogStatePtr before, CatalogStatePtr after) = 0;
  };

  Catalog(Runtime& runtime, Log& log, Registry& registry);
  // Replays `_catalog`, and creates topics that a crash left uncreated. After the registry, before anything else.
  awaitable<void> open();
  void set_listener(Listener* listener) { listener_ = listener; }

  CatalogStatePtr state() const { return state_.get(); }

  // Applies one DDL statement. Equal to what exists: kUnchanged. A view that exists with another query is rebuilt
  // beside the old one; a stream that exists is given the columns that it lacks. Durable on return. From any shard.
  // Errors: kConflict (exists and differs), kRefused (would lose data, with the way round), kNotFound.
  awaitable<Applied> apply(Statement statement);
  // The replacements of all these views (with their first tables) have caught up: they take the views' places, all in
  // one change. Error(kConflict) when one of them is not the latest any more.
  awaitable<void> finish_replacements(std::map<std::string, TableId> views);

 private:
  awaitable<Applied> apply_here(Statement statement);
  // Makes `records` the state: topics, records on the log, publication, listener.
  awaitable<void> change(CatalogState next);
  // Gives the schemas that `next` has more than `before` their ids, in the subject "<topic>-value".
  awaitable<void> register_schemas(const CatalogState& before, CatalogState& next);
  // Schemas that records may have and that are gone from the registry, or never were in it, come back under their ids.
  awaitable<void> restore_schemas(const CatalogState& state);
  awaitable<void> restore_schema(std::string subject, SchemaVersion version);
  awaitable<void> write_records(CatalogStatePtr before, CatalogStatePtr after);
  awaitable<void> create_topics(CatalogStatePtr state);
  awaitable<void> adopt_topic(CreateStream& create);
  awaitable<void> remove_if_empty(std::string topic, PartitionId partitions);
  // Changes come one at a time.
  awaitable<void> enter();
  void leave();

  Runtime& runtime_;
  Log& log_;
  Registry& registry_;
  bool dead_schema_known_ = false;  // to the registry
  Published<CatalogState> state_{std::make_shared<CatalogState>()};
  Listener* listener_ = nullptr;
  bool busy_ = false;
  Signal idle_;
};

}  // namespace headrace
