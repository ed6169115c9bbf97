#include "views/catalog_change.h"

#include <algorithm>
#include <set>

#include "fmt/ranges.h"

namespace headrace {
namespace {

using What = Applied::What;

class Planner {
 public:
  Planner(const CatalogState& now, const Statement& statement)
      : now_(now),
        statement_(statement),
        records_(now.records),
        next_schema_id_(now.next_schema_id),
        next_table_(now.next_table) {}

  CatalogChange plan() {
    return std::visit([this](const auto& body) { return plan(body); }, statement_.body);
  }

 private:
  CatalogChange plan(const CreateStream& create) {
    StreamDefinition wanted = create.definition;
    if (wanted.topic.empty()) wanted.topic = wanted.name;
    const std::string kind = wanted.is_table ? "table" : "stream";
    check_name(wanted.name, kind);
    if (wanted.topic != wanted.name) check_name(wanted.topic, "topic");
    if (now_.views.contains(wanted.name))
      throw Error(Code::kConflict,
                  fmt::format("there is a view \"{0}\"; give the {1} another name, or DROP MATERIALIZED "
                              "VIEW \"{0}\" first",
                              wanted.name, kind));
    if (!now_.records.contains(wanted.name)) {
      for (const auto& [name, info] : now_.streams) {
        if (info->definition.topic == wanted.topic)
          throw Error(Code::kConflict, fmt::format("the topic \"{}\" belongs to \"{}\"", wanted.topic, name));
      }
      CatalogRecord record;
      record.statement = statement_.text;
      record.table = take_table();
      record.versions = {{next_schema_id_++, wanted.columns.size()}};
      if (!create.partitions_given) record.partitions = wanted.partitions;
      records_[wanted.name] = std::move(record);
      CatalogState next = build(wanted.name);
      if (next.stream(wanted.name)->is_derived()) {
        fix_widths(next, wanted.name);
        next.records[wanted.name].versions[0].second = next.stream(wanted.name)->type->columns.size();
        return {{What::kCreated, kind, wanted.name, {}},
                build_catalog(next.records, next_schema_id_, next_table_, {}, now_.from)};
      }
      return {{What::kCreated, kind, wanted.name, {}}, std::move(next)};
    }
    if (create.if_not_exists) return unchanged(kind, wanted.name);
    return change_stream(*now_.streams.at(wanted.name), wanted, kind);
  }

  // CREATE STREAM of one that exists: only what loses nothing is done.
  CatalogChange change_stream(const StreamInfo& info, const StreamDefinition& wanted, const std::string& kind) {
    const StreamDefinition& has = info.definition;
    auto refuse_if = [&](bool differs, std::string_view what) {
      if (differs)
        throw Error(Code::kRefused,
                    fmt::format("{0} \"{1}\" exists with another {2}, and its rows are laid out by it; create a {0} of "
                                "another name, or DROP {0} \"{1}\" first, which deletes its rows",
                                kind, wanted.name, what));
    };
    refuse_if(has.is_table != wanted.is_table, "kind");
    refuse_if(has.key != wanted.key, "key");
    refuse_if(has.id != wanted.id, "id");
    refuse_if(has.partitions != wanted.partitions, "number of partitions");
    refuse_if(has.format != wanted.format, "format");
    refuse_if(has.topic != wanted.topic, "topic");
    refuse_if(has.query != wanted.query, "query");
    CatalogRecord& record = records_[wanted.name];
    StreamDefinition same_but = wanted;
    same_but.columns = has.columns;
    if (!info.is_derived()) {
      const size_t common = std::min(has.columns.size(), wanted.columns.size());
      for (size_t i = 0; i < common; ++i) {
        const Column &old_column = has.columns[i], &new_column = wanted.columns[i];
        if (old_column == new_column) continue;
        throw Error(Code::kRefused,
                    fmt::format("column {} of {} \"{}\" is \"{}\" {}{}, and the statement has \"{}\" {}{}; columns can "
                                "be added at the end, not changed",
                                i + 1, kind, wanted.name, old_column.name, old_column.type.name(),
                                old_column.nullable ? "" : " NOT NULL", new_column.name, new_column.type.name(),
                                new_column.nullable ? "" : " NOT NULL"),
                    Where{.column = new_column.name});
      }
      if (wanted.columns.size() < has.columns.size()) {
        if (same_but != has)
          throw Error(Code::kRefused,
                      fmt::format("{} \"{}\" also has \"{}\", which the statement lacks; name all of its "
                                  "columns to change its options",
                                  kind, wanted.name, has.columns[wanted.columns.size()].name));
        CatalogChange same = unchanged(kind, wanted.name);
        same.applied.note =
            fmt::format("it also has \"{}\", which the statement lacks", has.columns[wanted.columns.size()].name);
        return same;
      }
      for (size_t i = common; i < wanted.columns.size(); ++i) check_addition(wanted.columns[i]);
      if (wanted.columns.size() > common) record.versions.emplace_back(next_schema_id_++, wanted.columns.size());
    }
    if (same_but == has && wanted.columns.size() <= has.columns.size()) return unchanged(kind, wanted.name);
    record.statement = statement_.text;
    record.additions.clear();
    return {{What::kChanged, kind, wanted.name, {}}, build(wanted.name)};
  }

  CatalogChange plan(const CreateView& create) {
    const std::string& name = create.definition.name;
    check_name(name, "view");
    if (const auto stream = now_.streams.find(name); stream != now_.streams.end())
      throw Error(Code::kConflict, fmt::format("there is a {} \"{}\"; give the view another name",
                                               stream->second->definition.is_table ? "table" : "stream", name));
    const auto existing = now_.views.find(name);
    if (existing == now_.views.end()) {
      CatalogRecord record;
      record.statement = statement_.text;
      record.table = take_table();
      records_[name] = std::move(record);
      CatalogState next = build(name);
      fix_widths(next, name);
      return {{What::kCreated, "view", name, {}}, std::move(next)};
    }
    if (create.if_not_exists) return unchanged("view", name);
    const auto pending = now_.replacements.find(name);
    const ViewInfo& latest = pending != now_.replacements.end() ? *pending->second : *existing->second;
    if (!create.or_replace && latest.definition == create.definition) return unchanged("view", name);
    replace(name, statement_.text);
    const std::set<std::string> readers = dependents(name, false);
    for (const std::string& reader : readers)
      if (now_.views.contains(reader)) replace(reader, now_.records.at(reader).statement);
    CatalogState next = build(name);
    const ViewInfo& replacement = *next.replacements.at(name);
    if (to_text(*replacement.plan) == to_text(*latest.plan) &&
        *replacement.plan->root->type == *latest.plan->root->type)
      return unchanged("view", name);
    for (const std::string& reader : readers)
      if (now_.streams.contains(reader))
        throw Error(Code::kRefused,
                    fmt::format("the stream \"{0}\" is made from the view \"{1}\", and its rows are on the "
                                "log; drop \"{0}\" first, or make a view of another name",
                                reader, name));
    fix_widths(next, name);
    return {{What::kReplaced, "view", name, "the old one serves until the new one has caught up"}, std::move(next)};
  }

  CatalogChange plan(const Drop& drop) {
    const std::string kind = drop.what == Drop::What::kView    ? "view"
                             : drop.what == Drop::What::kTable ? "table"
                                                               : "stream";
    const auto record = now_.records.find(drop.name);
    bool exists = record != now_.records.end();
    if (exists) {
      const auto stream = now_.streams.find(drop.name);
      const bool is_stream = stream != now_.streams.end();
      const bool is_table = is_stream && stream->second->definition.is_table;
      exists = drop.what == Drop::What::kView ? !is_stream : is_stream && is_table == (drop.what == Drop::What::kTable);
    }
    if (!exists) {
      if (drop.if_exists) return unchanged(kind, drop.name);
      throw Error(Code::kNotFound, fmt::format("there is no {} \"{}\"", kind, drop.name));
    }
    const std::set<std::string> others = dependents(drop.name, true);
    if (!others.empty() && !drop.cascade)
      throw Error(Code::kRefused, fmt::format("{} \"{}\" is read by {}; drop what reads it first, or add CASCADE", kind,
                                              drop.name, fmt::join(others, ", ")));
    records_.erase(drop.name);
    for (const std::string& other : others) records_.erase(other);
    std::string note = others.empty() ? "" : fmt::format("with {}", fmt::join(others, ", "));
    return {{What::kDropped, kind, drop.name, std::move(note)}, build(drop.name)};
  }

  CatalogChange plan(const AlterAddColumn& alter) {
    const StreamInfo& info = *now_.stream(alter.name);
    const std::string kind = info.definition.is_table ? "table" : "stream";
    if (!info.is_writable())
      throw Error(Code::kRefused, fmt::format("the columns of \"{}\" come from its query", alter.name));
    if (info.type->find(alter.column.name)) {
      if (alter.if_not_exists) return unchanged(kind, alter.name);
      throw Error(Code::kConflict, fmt::format("\"{}\" has a column \"{}\" already", alter.name, alter.column.name),
                  Where{.column = alter.column.name});
    }
    check_addition(alter.column);
    CatalogRecord& record = records_[alter.name];
    record.additions.push_back(statement_.text);
    record.versions.emplace_back(next_schema_id_++, info.type->columns.size() + 1);
    return {{What::kChanged, kind, alter.name, {}}, build(alter.name)};
  }

  template <typename Other>
  CatalogChange plan(const Other&) {
    throw Error(Code::kInvalid, "this statement does not change the catalogue");
  }

  static void check_name(std::string_view name, std::string_view kind) {
    if (name.ends_with(kDeadSuffix) || name.starts_with('_'))
      throw Error(Code::kInvalid, fmt::format("a {} cannot be called \"{}\": names that start with _ or end in .dead "
                                              "are Headrace's own",
                                              kind, name));
    if (name.empty() || name.size() > kNameBytesMax - 5 ||
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
                               "KLMNOPQRSTUVWXYZ0123456789_-.") != std::string_view::npos)
      throw Error(Code::kInvalid, fmt::format("a {} cannot be called \"{}\": use up to {} letters, digits, _ and -",
                                              kind, name, kNameBytesMax - 5));
  }

  static void check_addition(const Column& column) {
    if (!column.nullable && column.default_json.empty())
      throw Error(Code::kRefused,
                  fmt::format("the new column \"{}\" is NOT NULL and the rows that exist have no value for it; give it "
                              "a DEFAULT or leave NOT NULL away",
                              column.name),
                  Where{.column = column.name});
  }

  // Everything that reads `name` or, if `dead` says so, its dead stream: directly or through others.
  std::set<std::string> dependents(const std::string& name, bool dead) const {
    std::set<std::string> result;
    auto reads = [&](const std::vector<std::string>& sources) {
      return std::ranges::any_of(sources, [&](std::string_view source) {
        if (dead && source.ends_with(kDeadSuffix)) source.remove_suffix(kDeadSuffix.size());
        return source == name || result.contains(std::string(source));
      });
    };
    for (bool grown = true; grown;) {
      grown = false;
      for (const auto& [other, view] : now_.views)
        if (reads(view->depends_on)) grown |= result.insert(other).second;
      for (const auto& [other, view] : now_.replacements)
        if (reads(view->depends_on)) grown |= result.insert(other).second;
      for (const auto& [other, stream] : now_.streams)
        if (reads(stream->depends_on)) grown |= result.insert(other).second;
    }
    result.erase(name);
    return result;
  }

  void replace(const std::string& name, const std::string& statement) {
    CatalogRecord& record = records_[name];
    record.replacement_statement = statement;
    record.replacement_table = take_table();
    record.replacement_widths = name == statement_name() ? std::map<std::string, size_t>() : record.widths;
  }

  std::string statement_name() const { return std::get<CreateView>(statement_.body).definition.name; }

  // Writes down how wide the relations of a new query are now.
  void fix_widths(CatalogState& state, const std::string& name) const {
    auto fill = [&](const std::vector<std::string>& relations, std::map<std::string, size_t>& widths) {
      for (const std::string& relation : relations) {
        const auto stream = state.streams.find(relation);
        if (stream != state.streams.end()) widths[relation] = stream->second->type->columns.size();
      }
    };
    CatalogRecord& record = state.records[name];
    if (const auto replacement = state.replacements.find(name); replacement != state.replacements.end()) {
      fill(replacement->second->depends_on, record.replacement_widths);
    } else if (const auto view = state.views.find(name); view != state.views.end()) {
      fill(view->second->depends_on, record.widths);
    } else {
      fill(state.streams.at(name)->depends_on, record.widths);
    }
  }

  uint32_t take_table() {
    const uint32_t table = next_table_;
    next_table_ += kTablesPerFlow;
    return table;
  }

  CatalogState build(std::string_view changed) {
    return build_catalog(records_, next_schema_id_, next_table_, changed, now_.from);
  }
  CatalogChange unchanged(std::string kind, std::string name) {
    return {{What::kUnchanged, std::move(kind), std::move(name), {}}, {}};
  }

  const CatalogState& now_;
  const Statement& statement_;
  CatalogRecords records_;
  int32_t next_schema_id_;
  uint32_t next_table_;
};

}  // namespace

CatalogChange plan_change(const CatalogState& now, const Statement& statement) {
  return Planner(now, statement).plan();
}

CatalogState with_replacements_finished(const CatalogState& now, const std::map<std::string, TableId>& views) {
  CatalogRecords records = now.records;
  for (const auto& [name, table] : views) {
    const auto latest = now.replacements.find(name);
    if (latest == now.replacements.end() || latest->second->tables.first != table)
      throw Error(Code::kConflict, fmt::format("the replacement of view \"{}\" was itself replaced", name));
    CatalogRecord& record = records.at(name);
    record.statement = std::move(record.replacement_statement);
    record.table = record.replacement_table;
    record.widths = std::move(record.replacement_widths);
    record.replacement_statement.clear();
    record.replacement_table = 0;
    record.replacement_widths.clear();
  }
  return build_catalog(std::move(records), now.next_schema_id, now.next_table, {}, now.from);
}

}  // namespace headrace
