// What exists: streams, tables, views, derived streams. The catalogue is itself a stream, `_catalog`: each DDL statement
// is one JSON record on it, and the state is what replaying them gives. It belongs to shard 0; every thread may read the
// published state, which is immutable.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/flow.h"
#include "log/log.h"
#include "runtime/published.h"
#include "schema/avro.h"
#include "sql/definitions.h"
#include "sql/statements.h"

namespace headrace {

// One version of how a stream's values are written. Ids are unique over all streams and never reused.
struct SchemaVersion {
  int32_t id;
  AvroSchemaPtr schema;
};

struct StreamInfo {
  StreamDefinition definition;
  RowTypePtr type;
  std::vector<SchemaVersion> schemas;  // oldest first; rows are written with the last
  std::vector<size_t> key;             // columns
  std::optional<size_t> id;            // column
  TableId id_table{};                  // first of the tables in which the reader keeps the ids it has seen
  QueryPlanPtr plan;                   // derived streams only
  FlowTables tables;                   // derived streams only
  bool is_derived() const { return plan != nullptr; }
  std::string statement;  // the SQL that made it, with its later columns
};
using StreamInfoPtr = std::shared_ptr<const StreamInfo>;

struct ViewInfo {
  ViewDefinition definition;
  QueryPlanPtr plan;
  FlowTables tables;
  std::vector<std::string> depends_on;  // views named in its query; its sources are in the plan
  std::string statement;
};
using ViewInfoPtr = std::shared_ptr<const ViewInfo>;

struct CatalogState {
  std::map<std::string, StreamInfoPtr, std::less<>> streams;  // tables and derived streams too
  std::map<std::string, ViewInfoPtr, std::less<>> views;
  // Replacements that are being built: the view serves as `views` has it until they have caught up.
  std::map<std::string, ViewInfoPtr, std::less<>> replacements;
  int32_t next_schema_id = 1;
  uint32_t next_table = 64;

  // Throw Error(kNotFound) naming what exists.
  const StreamInfoPtr& stream(std::string_view name) const;
  const ViewInfoPtr& view(std::string_view name) const;
};
using CatalogStatePtr = std::shared_ptr<const CatalogState>;

// What applying one statement did.
struct Applied {
  enum class What : uint8_t { kCreated, kReplaced, kChanged, kDropped, kUnchanged };
  What what = What::kUnchanged;
  std::string kind;  // "stream", "table", "view"
  std::string name;
};

class Catalog {
 public:
  // Told, on shard 0, after each change is durable, with the state before and after.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual awaitable<void> catalog_changed(CatalogStatePtr before, CatalogStatePtr after) = 0;
  };

  Catalog(Runtime& runtime, Log& log);
  // Replays `_catalog`. Before anything else.
  awaitable<void> open();
  void set_listener(Listener* listener) { listener_ = listener; }

  CatalogStatePtr state() const { return state_.load(); }

  // Applies one DDL statement. Equal to what exists: kUnchanged. Durable on return. From any shard; one at a time.
  // Errors as Error: kConflict (exists and differs), kRefused (would lose data, with the way round), kNotFound.
  awaitable<Applied> apply(Statement statement);
  // The replacement of `view` has caught up: swap it in.
  awaitable<void> finish_replacement(std::string view);

 private:
  awaitable<Applied> apply_here(Statement statement);
  awaitable<void> record(std::string json, CatalogState next);

  Runtime& runtime_;
  Log& log_;
  Published<CatalogState> state_;
  Listener* listener_ = nullptr;
  bool applying_ = false;
  std::unique_ptr<class Signal> applied_;
};

}  // namespace headrace
