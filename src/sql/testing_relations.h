// A catalogue for tests: the streams, tables and views that some statements make.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sql/planner.h"
#include "sql/statements.h"

namespace headrace {

class TestRelations final : public Relations {
 public:
  explicit TestRelations(std::string_view sql) {
    for (const Statement& statement : parse_statements(sql)) {
      if (const auto* view = std::get_if<CreateView>(&statement.body)) add(view->definition);
      if (const auto* stream = std::get_if<CreateStream>(&statement.body)) add(stream->definition);
    }
  }

  std::optional<Relation> find(std::string_view name) const override {
    const auto found = relations_.find(name);
    return found == relations_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> result;
    for (const auto& [name, relation] : relations_) result.push_back(name);
    return result;
  }

 private:
  void add(const ViewDefinition& definition) {
    const QueryPlanPtr plan = plan_query(definition.query, *this, QueryUse::kView);
    relations_[definition.name] = {.kind = Relation::Kind::kView,
                                   .name = definition.name,
                                   .type = plan->root->type,
                                   .key = {},
                                   .id = {},
                                   .plan = plan};
  }
  void add(const StreamDefinition& definition) {
    Relation relation{.kind = definition.is_table ? Relation::Kind::kTable : Relation::Kind::kStream,
                      .name = definition.name,
                      .type = std::make_shared<RowType>(RowType{definition.columns}),
                      .key = {},
                      .id = {},
                      .plan = nullptr};
    for (const std::string& key : definition.key) relation.key.push_back(relation.type->find(key).value());
    if (!definition.id.empty()) relation.id = relation.type->find(definition.id);
    relations_[definition.name] = std::move(relation);
  }

  std::map<std::string, Relation, std::less<>> relations_;
};

inline constexpr std::string_view kTestStatements = R"(
  CREATE STREAM scans (id bigint, parcel text NOT NULL, depot text, n integer, amount numeric(8,2), f double precision,
                       ok boolean, at timestamptz NOT NULL) WITH (id = 'id', key = 'parcel');
  CREATE STREAM plain (a integer, b text);
  CREATE TABLE depots (depot text PRIMARY KEY, city text);
  CREATE MATERIALIZED VIEW by_depot AS SELECT depot, count(*) AS scans, sum(n) AS total FROM scans GROUP BY depot;
)";

}  // namespace headrace
