// A catalogue without a log, for tests of what statements would make of it.
#pragma once

#include <string>
#include <utility>

#include "fmt/format.h"
#include "views/catalog_change.h"

namespace headrace {

// Everything that a state says, as text: two states that say the same are the same catalogue.
inline std::string describe(const CatalogState& state) {
  std::string out = fmt::format("next schema {}, next table {}\n", state.next_schema_id, state.next_table);
  for (const auto& [name, record] : state.records) out += fmt::format("record {}: {}\n", name, record.encode());
  for (const auto& [name, stream] : state.streams) {
    out += fmt::format("stream {} on {}, table {}:", name, stream->definition.topic,
                       static_cast<uint32_t>(stream->tables.first));
    for (const Column& column : stream->type->columns)
      out += fmt::format(" {} {}{}{}", column.name, column.type.name(), column.nullable ? "" : "!",
                         column.default_json.empty() ? "" : "=" + column.default_json);
    for (const SchemaVersion& version : stream->schemas)
      out += fmt::format("\n  schema {} {}", version.id, version.schema->json());
    if (stream->plan) out += "\n  " + to_text(*stream->plan);
    out += "\n";
  }
  auto add = [&](std::string_view kind, const std::string& name, const ViewInfo& view) {
    out += fmt::format("{} {}, table {}:", kind, name, static_cast<uint32_t>(view.tables.first));
    for (const Column& column : view.plan->root->type->columns)
      out += fmt::format(" {} {}", column.name, column.type.name());
    out += "\n  " + to_text(*view.plan) + "\n";
  };
  for (const auto& [name, view] : state.views) add("view", name, *view);
  for (const auto& [name, view] : state.replacements) add("replacement", name, *view);
  return out;
}

class TestCatalog {
 public:
  TestCatalog() = default;
  explicit TestCatalog(std::string_view sql) { apply(sql); }

  // Applies the statements and returns what the last one did.
  Applied apply(std::string_view sql) {
    Applied applied;
    for (const Statement& statement : parse_statements(sql)) {
      CatalogChange change = plan_change(state_, statement);
      applied = std::move(change.applied);
      if (applied.what != Applied::What::kUnchanged) state_ = std::move(change.next);
    }
    return applied;
  }
  // The same as a text: "created view totals".
  std::string did(std::string_view sql) {
    const Applied applied = apply(sql);
    return fmt::format("{} {} {}", to_string(applied.what), applied.kind, applied.name);
  }

  void finish(const std::map<std::string, TableId>& views) { state_ = with_replacements_finished(state_, views); }
  // What a restart would make of the records.
  CatalogState restarted() const {
    CatalogRecords records;
    for (const auto& [name, record] : state_.records) records[name] = CatalogRecord::decode(record.encode());
    return build_catalog(std::move(records), state_.next_schema_id, state_.next_table);
  }

  const CatalogState& state() const { return state_; }
  StreamInfoPtr stream(std::string_view name) const { return state_.stream(name); }
  // The names of a view's columns, with blanks between them.
  std::string columns(std::string_view view) const {
    std::string names;
    for (const Column& column : state_.view(view)->plan->root->type->columns)
      names += (names.empty() ? "" : " ") + column.name;
    return names;
  }

 private:
  CatalogState state_;
};

}  // namespace headrace
