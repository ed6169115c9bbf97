// From the records of `_catalog` to the state. Views may name other views, so an object is built when it is first asked
// for; a replacement sees the replacements of the views below it.
#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "boost/json.hpp"
#include "fmt/ranges.h"
#include "sql/definition_rules.h"
#include "sql/planner.h"
#include "views/catalog.h"

namespace headrace {
namespace {

RowTypePtr dead_row_type() {
  static const RowTypePtr type = std::make_shared<RowType>(RowType{{
      {.name = "error", .type = {.kind = Kind::kText}, .nullable = false},
      {.name = "row", .type = {.kind = Kind::kText}, .nullable = true},
  }});
  return type;
}

StreamInfoPtr dead_stream(const std::string& of, const CatalogSchemas& from) {
  auto info = std::make_shared<StreamInfo>();
  info->definition.name = info->definition.topic = of + ".dead";
  info->definition.columns = dead_row_type()->columns;
  info->definition.partitions = 1;
  info->type = dead_row_type();
  info->schemas = {{from.dead_id, AvroSchema::from_columns("dead", *info->type)}};
  info->is_dead_stream = true;
  info->registry = from.registry;
  return info;
}

size_t column_named(const RowType& type, const std::string& name) {
  const auto found = type.find(name);
  if (!found) throw Error(Code::kInvalid, fmt::format("there is no column \"{}\"", name), Where{.column = name});
  return *found;
}

class Builder {
 public:
  Builder(CatalogState& state, std::string_view changed) : state_(state), changed_(changed) {}

  void build_all() {
    for (const auto& [name, record] : state_.records) build(name);
    for (const auto& [name, record] : state_.records)
      if (record.replacement_table != 0) build_replacement(name);
  }

 private:
  // Relations as one query sees them: with the columns they had when it was made.
  class Scope final : public Relations {
   public:
    Scope(Builder& builder, const std::map<std::string, size_t>& widths, bool replacing)
        : builder_(builder), widths_(widths), replacing_(replacing) {}

    std::optional<Relation> find(std::string_view name) const override {
      builder_.build(name);
      if (replacing_) builder_.build_replacement(name);
      auto relation = builder_.state_.relation(name);
      if (!relation) return std::nullopt;
      used.insert(relation->name);
      if (replacing_) {
        if (const auto view = builder_.state_.replacements.find(name); view != builder_.state_.replacements.end()) {
          relation->plan = view->second->plan;
          relation->type = view->second->plan->root->type;
        }
      }
      const auto width = widths_.find(relation->name);
      if (width != widths_.end() && width->second < relation->type->columns.size() &&
          relation->kind != Relation::Kind::kView) {
        auto narrow = std::make_shared<RowType>(*relation->type);
        narrow->columns.resize(width->second);
        relation->type = std::move(narrow);
      }
      return relation;
    }

    std::vector<std::string> names() const override {
      std::vector<std::string> result;
      for (const auto& [name, record] : builder_.state_.records) result.push_back(name);
      return result;
    }

    mutable std::set<std::string> used;

   private:
    Builder& builder_;
    const std::map<std::string, size_t>& widths_;
    bool replacing_;
  };

  // Whoever reads the dead stream of an object needs the object.
  void build(std::string_view name) {
    if (name.ends_with(kDeadSuffix)) name.remove_suffix(kDeadSuffix.size());
    const auto record = state_.records.find(name);
    if (record == state_.records.end() || !started_.insert(record->first).second) return;
    const auto statements = parse_statements(record->second.statement);
    check(statements.size() == 1, "a catalogue record holds one statement");
    if (const auto* stream = std::get_if<CreateStream>(&statements[0].body)) {
      build_stream(record->second, stream->definition);
    } else if (const auto* view = std::get_if<CreateView>(&statements[0].body)) {
      state_.views[record->first] =
          make_view(view->definition, record->second.statement, record->second.table, record->second.widths, false);
    } else {
      throw Error(Code::kCorrupt,
                  fmt::format("the catalogue holds a statement that defines nothing: {}", record->second.statement));
    }
    state_.streams[record->first + ".dead"] = dead_stream(record->first, state_.from);
  }

  void build_replacement(std::string_view name) {
    const auto record = state_.records.find(name);
    if (record == state_.records.end() || record->second.replacement_table == 0 ||
        !started_replacements_.insert(record->first).second)
      return;
    const auto statements = parse_statements(record->second.replacement_statement);
    state_.replacements[record->first] =
        make_view(std::get<CreateView>(statements.at(0).body).definition, record->second.replacement_statement,
                  record->second.replacement_table, record->second.replacement_widths, true);
  }

  void build_stream(const CatalogRecord& record, StreamDefinition definition) {
    auto info = std::make_shared<StreamInfo>();
    info->statement = record.statement;
    info->registry = state_.from.registry;
    info->tables = {TableId{record.table}};
    if (!definition.query.empty()) {
      const Scope scope(*this, record.widths, false);
      info->plan = plan(definition.name, record.statement, definition.query, scope, QueryUse::kStream);
      info->depends_on.assign(scope.used.begin(), scope.used.end());
      definition.columns = info->plan->root->type->columns;
      check_definition(definition);
    }
    // One ALTER may add several columns; each was applied as a statement of its own, up to the width it reached.
    for (const std::string& addition : record.additions) {
      for (const Statement& statement : parse_statements(addition)) {
        const Column& column = std::get<AlterAddColumn>(statement.body).column;
        const bool known = RowType{definition.columns}.find(column.name).has_value();
        if (!known && definition.columns.size() < record.versions.back().second) definition.columns.push_back(column);
      }
    }
    for (const auto& [id, width] : record.versions) {
      check(width <= definition.columns.size(), "a schema version has a prefix of the columns");
      const RowType prefix{{definition.columns.begin(), definition.columns.begin() + static_cast<ptrdiff_t>(width)}};
      info->schemas.push_back({id, AvroSchema::from_columns(definition.name, prefix)});
    }
    if (definition.topic.empty()) definition.topic = definition.name;
    if (record.partitions > 0) definition.partitions = record.partitions;
    info->type = std::make_shared<RowType>(RowType{definition.columns});
    for (const std::string& name : definition.key) info->key.push_back(column_named(*info->type, name));
    if (!definition.id.empty()) info->id = column_named(*info->type, definition.id);
    info->definition = std::move(definition);
    state_.streams[info->definition.name] = std::move(info);
  }

  ViewInfoPtr make_view(const ViewDefinition& definition, const std::string& statement, uint32_t table,
                        const std::map<std::string, size_t>& widths, bool replacing) {
    auto info = std::make_shared<ViewInfo>();
    const Scope scope(*this, widths, replacing);
    info->definition = definition;
    info->plan = plan(definition.name, statement, definition.query, scope, QueryUse::kView);
    info->tables = {TableId{table}};
    info->depends_on.assign(scope.used.begin(), scope.used.end());
    info->statement = statement;
    return info;
  }

  QueryPlanPtr plan(const std::string& name, const std::string& statement, const std::string& query, const Scope& scope,
                    QueryUse use) {
    try {
      return plan_query(query, scope, use);
    } catch (const Error& error) {
      if (std::exchange(failed_, true)) throw;  // one that it reads failed, and has said so
      Where where = error.where();
      const size_t begins = statement.find(query);
      const bool known = name == changed_ && begins != std::string::npos;
      where.position = known && where.position >= 0 ? where.position + static_cast<int64_t>(begins) : -1;
      if (name == changed_ || changed_.empty()) throw Error(error.code(), error.message(), std::move(where));
      throw Error(error.code(), fmt::format("\"{}\", which reads it, would no longer work: {}", name, error.message()),
                  std::move(where));
    }
  }

  CatalogState& state_;
  const std::string_view changed_;
  bool failed_ = false;
  std::set<std::string> started_;
  std::set<std::string> started_replacements_;
};

std::string names_of(const auto& map, size_t most = 20) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : map) {
    if (name.ends_with(kDeadSuffix)) continue;
    names.push_back(name);
    if (names.size() == most) break;
  }
  return names.empty() ? std::string("there are none yet") : fmt::format("there are: {}", fmt::join(names, ", "));
}

boost::json::object widths_json(const std::map<std::string, size_t>& widths) {
  boost::json::object result;
  for (const auto& [name, width] : widths) result[name] = width;
  return result;
}

boost::json::array versions_json(const std::vector<std::pair<int32_t, size_t>>& versions) {
  boost::json::array result;
  for (const auto& [id, width] : versions) result.push_back({{"id", id}, {"columns", width}});
  return result;
}

std::map<std::string, size_t> widths_from(const boost::json::value& json) {
  std::map<std::string, size_t> result;
  for (const auto& [name, width] : json.as_object()) result[name] = width.to_number<size_t>();
  return result;
}

}  // namespace

CatalogState build_catalog(CatalogRecords records, int32_t next_schema_id, uint32_t next_table,
                           std::string_view changed, CatalogSchemas from) {
  CatalogState state;
  state.records = std::move(records);
  state.next_schema_id = next_schema_id;
  state.next_table = next_table;
  state.from = from;
  Builder(state, changed).build_all();
  return state;
}

std::optional<Relation> CatalogState::relation(std::string_view name) const {
  Relation result;
  if (const auto found = streams.find(name); found != streams.end()) {
    const StreamInfo& info = *found->second;
    result.kind = info.definition.is_table ? Relation::Kind::kTable : Relation::Kind::kStream;
    result.name = info.definition.name;
    result.type = info.type;
    if (info.definition.is_table) result.key = info.key;
    result.id = info.id;
    return result;
  }
  if (const auto found = views.find(name); found != views.end()) {
    result.kind = Relation::Kind::kView;
    result.name = found->first;
    result.plan = found->second->plan;
    result.type = found->second->plan->root->type;
    return result;
  }
  return std::nullopt;
}

const StreamInfoPtr& CatalogState::stream(std::string_view name) const {
  const auto found = streams.find(name);
  if (found == streams.end())
    throw Error(Code::kNotFound, fmt::format("there is no stream or table \"{}\"; {}", name, names_of(streams)));
  return found->second;
}

const ViewInfoPtr& CatalogState::view(std::string_view name) const {
  const auto found = views.find(name);
  if (found == views.end())
    throw Error(Code::kNotFound, fmt::format("there is no view \"{}\"; {}", name, names_of(views)));
  return found->second;
}

std::string CatalogRecord::encode() const {
  boost::json::object json{{"statement", statement},
                           {"additions", boost::json::value_from(additions)},
                           {"versions", versions_json(versions)},
                           {"table", table},
                           {"widths", widths_json(widths)}};
  if (partitions != 0) json["partitions"] = partitions;
  if (replacement_table != 0) {
    json["replacement"] = {{"statement", replacement_statement},
                           {"table", replacement_table},
                           {"widths", widths_json(replacement_widths)}};
  }
  return boost::json::serialize(json);
}

CatalogRecord CatalogRecord::decode(std::string_view text) {
  try {
    const auto parsed = boost::json::parse({text.data(), text.size()});
    const auto& json = parsed.as_object();
    CatalogRecord record;
    record.statement = boost::json::value_to<std::string>(json.at("statement"));
    record.additions = boost::json::value_to<std::vector<std::string>>(json.at("additions"));
    for (const auto& version : json.at("versions").as_array())
      record.versions.emplace_back(version.at("id").to_number<int32_t>(), version.at("columns").to_number<size_t>());
    record.table = json.at("table").to_number<uint32_t>();
    record.widths = widths_from(json.at("widths"));
    if (const auto* partitions = json.if_contains("partitions"))
      record.partitions = partitions->to_number<PartitionId>();
    if (const auto* replacement = json.if_contains("replacement")) {
      const auto& object = replacement->as_object();
      record.replacement_statement = boost::json::value_to<std::string>(object.at("statement"));
      record.replacement_table = object.at("table").to_number<uint32_t>();
      record.replacement_widths = widths_from(object.at("widths"));
    }
    return record;
  } catch (const std::exception& error) {
    throw Error(Code::kCorrupt, fmt::format("a record of the catalogue is not readable: {}", error.what()));
  }
}

}  // namespace headrace
