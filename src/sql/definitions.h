// What the statements of an app file define. The catalogue keeps these; the binder looks them up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flow/plan.h"
#include "schema/types.h"

namespace headrace {

enum class ValueFormat : uint8_t { kAvro, kJson, kRaw };

// CREATE STREAM, CREATE TABLE.
struct StreamDefinition {
  std::string name;
  std::vector<Column> columns;
  bool is_table = false;
  std::vector<std::string> key;  // decides the partition; of a table: its primary key. Empty: round robin
  std::string id;                // column whose value is unique per event: repeats are dropped. Empty: none
  std::string watermark_column;  // empty: none
  int64_t watermark_delay_us = 0;
  int32_t partitions = 4;
  int64_t retention_ms = -1;
  int64_t retention_bytes = -1;
  ValueFormat format = ValueFormat::kAvro;
  std::string topic;  // the same as `name` unless given
  // CREATE STREAM ... AS SELECT: the query's text. Empty for a stream that is appended to.
  std::string query;

  bool operator==(const StreamDefinition&) const = default;
};

// CREATE MATERIALIZED VIEW.
struct ViewDefinition {
  std::string name;
  std::string query;  // the SELECT's text, as written
  int64_t retention_ms = -1;

  bool operator==(const ViewDefinition&) const = default;
};

// What a name in FROM stands for.
struct Relation {
  enum class Kind : uint8_t { kStream, kTable, kView };

  Kind kind = Kind::kStream;
  std::string name;
  RowTypePtr type;
  std::vector<size_t> key;   // table: primary key
  std::optional<size_t> id;  // stream: the column that identifies a row
  QueryPlanPtr plan;         // view: its query, which is expanded in place
};

// Where the binder finds relations.
class Relations {
 public:
  virtual ~Relations() = default;
  virtual std::optional<Relation> find(std::string_view name) const = 0;
  virtual std::vector<std::string> names() const = 0;
};

}  // namespace headrace
