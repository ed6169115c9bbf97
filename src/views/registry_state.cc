#include "views/registry_state.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "boost/json.hpp"
#include "fmt/format.h"
#include "views/registry_error.h"

namespace headrace {
namespace {

namespace json = boost::json;

constexpr std::string_view kModeNames[] = {"READWRITE", "READONLY", "IMPORT"};
constexpr std::string_view kNextIdKey = "NEXT_ID";

std::string key_of(std::string_view type, std::string_view subject) {
  json::object key{{"keytype", json::string(type)}};
  if (!subject.empty()) key["subject"] = json::string(subject);
  key["magic"] = 0;
  return json::serialize(key);
}

std::string version_key(std::string_view subject, int32_t version) {
  return json::serialize(
      json::object{{"keytype", "SCHEMA"}, {"subject", json::string(subject)}, {"version", version}, {"magic", 1}});
}

size_t hash_of(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

std::string text_of(const json::object& object, std::string_view member) {
  return json::value_to<std::string>(object.at(member));
}

int32_t positive(const json::object& object, std::string_view member) {
  const auto number = object.at(member).to_number<int32_t>();
  if (number <= 0) throw Error(Code::kCorrupt, fmt::format("\"{}\" is not positive", member));
  return number;
}

RegisteredSchema schema_of(const json::object& value) {
  RegisteredSchema schema{.id = positive(value, "id"), .text = text_of(value, "schema"), .references = {}};
  if (const json::value* references = value.if_contains("references")) {
    for (const json::value& reference : references->as_array()) {
      const json::object& object = reference.as_object();
      schema.references.push_back({text_of(object, "name"), text_of(object, "subject"), positive(object, "version")});
    }
  }
  return schema;
}

}  // namespace

std::string_view to_string(RegistryMode mode) {
  return kModeNames[static_cast<size_t>(mode)];
}

std::optional<RegistryMode> registry_mode(std::string_view name) {
  const auto found = std::ranges::find(kModeNames, name);
  if (found == std::end(kModeNames)) return std::nullopt;
  return static_cast<RegistryMode>(found - std::begin(kModeNames));
}

RegistryRecord version_record(std::string_view subject, const SubjectVersion& version) {
  json::object value{{"subject", json::string(subject)},
                     {"version", version.version},
                     {"id", version.schema->id},
                     {"schema", version.schema->text},
                     {"deleted", version.deleted}};
  if (!version.schema->references.empty()) {
    json::array references;
    for (const SchemaReference& reference : version.schema->references)
      references.push_back({{"name", reference.name}, {"subject", reference.subject}, {"version", reference.version}});
    value["references"] = std::move(references);
  }
  return {version_key(subject, version.version), json::serialize(value)};
}

RegistryRecord version_tombstone(std::string_view subject, int32_t version) {
  return {version_key(subject, version), std::nullopt};
}

RegistryRecord level_record(std::string_view subject, std::optional<CompatibilityLevel> level) {
  RegistryRecord record{key_of("CONFIG", subject), std::nullopt};
  if (level) record.value = json::serialize(json::object{{"compatibilityLevel", json::string(to_string(*level))}});
  return record;
}

RegistryRecord mode_record(std::string_view subject, std::optional<RegistryMode> mode) {
  RegistryRecord record{key_of("MODE", subject), std::nullopt};
  if (mode) record.value = json::serialize(json::object{{"mode", json::string(to_string(*mode))}});
  return record;
}

RegistryRecord next_id_record(int32_t next_id) {
  return {key_of(kNextIdKey, ""), json::serialize(json::object{{"id", next_id}})};
}

const SubjectVersion* Subject::find(int32_t version) const {
  const auto found = std::ranges::lower_bound(versions, version, {}, &SubjectVersion::version);
  return found != versions.end() && found->version == version ? &*found : nullptr;
}

const SubjectVersion* Subject::latest(bool with_deleted) const {
  for (auto at = versions.rbegin(); at != versions.rend(); ++at)
    if (with_deleted || !at->deleted) return &*at;
  return nullptr;
}

void RegistryState::apply(const RegistryRecord& record) {
  try {
    const json::value key_json = json::parse(record.key);
    const json::object& key = key_json.as_object();
    const std::string type = text_of(key, "keytype");
    const json::value* named = key.if_contains("subject");
    const std::string subject = named == nullptr || named->is_null() ? "" : json::value_to<std::string>(*named);
    const json::value value_json = record.value ? json::parse(*record.value) : json::value();
    const json::object* value = value_json.if_object();
    if (type == "SCHEMA") {
      const int32_t version = positive(key, "version");
      if (value == nullptr) return remove_version(subject, version);
      const json::value* deleted = value->if_contains("deleted");
      const RegisteredSchema schema = schema_of(*value);
      put_version(subject, {.version = version, .schema = {}, .deleted = deleted != nullptr && deleted->as_bool()},
                  schema);
    } else if (type == "CONFIG") {
      if (value == nullptr) {
        levels.erase(subject);
      } else if (const auto level = compatibility_level(text_of(*value, "compatibilityLevel"))) {
        levels[subject] = *level;
      } else {
        throw Error(Code::kCorrupt, "it has no known level");
      }
    } else if (type == "MODE") {
      if (value == nullptr) {
        modes.erase(subject);
      } else if (const auto mode = registry_mode(text_of(*value, "mode"))) {
        modes[subject] = *mode;
      } else {
        throw Error(Code::kCorrupt, "it has no known mode");
      }
    } else if (type == kNextIdKey && value != nullptr) {
      next_id = std::max<int64_t>(next_id, positive(*value, "id"));
    }
  } catch (const std::exception& error) {
    throw Error(Code::kCorrupt, fmt::format("a record of the registry is not readable: {}", error.what()));
  }
}

void RegistryState::put_version(const std::string& name, SubjectVersion version, const RegisteredSchema& schema) {
  Known& known = schemas[schema.id];
  if (known.versions == 0) {
    known.schema = std::make_shared<RegisteredSchema>(schema);
    ids_by_hash.emplace(hash_of(schema.text), schema.id);
    text_bytes += schema.text.size();
  } else if (!known.schema->same_as(schema.text, schema.references)) {
    throw Error(Code::kCorrupt, fmt::format("id {} stands for another schema already", schema.id));
  }
  ++known.versions;
  next_id = std::max(next_id, int64_t{schema.id} + 1);
  version.schema = known.schema;

  const auto found = subjects.find(name);
  auto subject = found == subjects.end() ? std::make_shared<Subject>() : std::make_shared<Subject>(*found->second);
  subject->name = name;
  auto place = std::ranges::lower_bound(subject->versions, version.version, {}, &SubjectVersion::version);
  if (place != subject->versions.end() && place->version == version.version) {
    const RegisteredSchemaPtr before = std::exchange(*place, std::move(version)).schema;
    release(before);
  } else {
    subject->versions.insert(place, std::move(version));
    ++versions;
  }
  subjects[name] = std::move(subject);
}

void RegistryState::remove_version(const std::string& name, int32_t version) {
  const auto found = subjects.find(name);
  if (found == subjects.end()) return;
  const SubjectVersion* const existing = found->second->find(version);
  if (existing == nullptr) return;
  auto subject = std::make_shared<Subject>(*found->second);
  const RegisteredSchemaPtr schema = existing->schema;
  std::erase_if(subject->versions, [&](const SubjectVersion& each) { return each.version == version; });
  --versions;
  if (subject->versions.empty()) {
    subjects.erase(found);
  } else {
    found->second = std::move(subject);
  }
  release(schema);
}

void RegistryState::release(const RegisteredSchemaPtr& schema) {
  const auto known = schemas.find(schema->id);
  if (--known->second.versions > 0) return;
  schemas.erase(known);
  text_bytes -= schema->text.size();
  const auto [begin, end] = ids_by_hash.equal_range(hash_of(schema->text));
  for (auto at = begin; at != end; ++at) {
    if (at->second != schema->id) continue;
    ids_by_hash.erase(at);
    return;
  }
}

const Subject* RegistryState::find_subject(std::string_view name, bool with_deleted) const {
  const auto found = subjects.find(name);
  if (found == subjects.end()) return nullptr;
  return with_deleted || found->second->live() ? found->second.get() : nullptr;
}

const Subject& RegistryState::subject(std::string_view name, bool with_deleted) const {
  const Subject* const found = find_subject(name, with_deleted);
  if (found == nullptr) throw RegistryError(RegistryCode::kNoSubject, fmt::format("there is no subject \"{}\"", name));
  return *found;
}

const SubjectVersion& RegistryState::version(std::string_view name, int32_t number, bool with_deleted) const {
  const Subject& found = subject(name, with_deleted);
  const SubjectVersion* const version = number == -1 ? found.latest(with_deleted) : found.find(number);
  if (version == nullptr || (version->deleted && !with_deleted))
    throw RegistryError(RegistryCode::kNoVersion, fmt::format("subject \"{}\" has no version {}", name, number));
  return *version;
}

const RegisteredSchemaPtr& RegistryState::schema(int32_t id) const {
  const auto found = schemas.find(id);
  if (found == schemas.end()) throw RegistryError(RegistryCode::kNoSchema, fmt::format("there is no schema {}", id));
  return found->second.schema;
}

RegisteredSchemaPtr RegistryState::find_schema(std::string_view text,
                                               const std::vector<SchemaReference>& references) const {
  const auto [begin, end] = ids_by_hash.equal_range(hash_of(text));
  for (auto at = begin; at != end; ++at) {
    const RegisteredSchemaPtr& candidate = schemas.at(at->second).schema;
    if (candidate->same_as(text, references)) return candidate;
  }
  return nullptr;
}

CompatibilityLevel RegistryState::level(std::string_view subject) const {
  for (const std::string_view name : {subject, std::string_view()})
    if (const auto found = levels.find(name); found != levels.end()) return found->second;
  return CompatibilityLevel::kBackward;
}

RegistryMode RegistryState::mode(std::string_view subject) const {
  for (const std::string_view name : {subject, std::string_view()})
    if (const auto found = modes.find(name); found != modes.end()) return found->second;
  return RegistryMode::kReadWrite;
}

std::vector<int32_t> RegistryState::referrers(std::string_view subject, int32_t version, bool with_deleted,
                                              std::string_view except) const {
  std::set<int32_t> ids;
  for (const auto& [name, each] : subjects) {
    if (name == except) continue;
    for (const SubjectVersion& candidate : each->versions) {
      if (candidate.deleted && !with_deleted) continue;
      const auto& references = candidate.schema->references;
      if (std::ranges::any_of(references, [&](const SchemaReference& reference) {
            return reference.subject == subject && reference.version == version;
          }))
        ids.insert(candidate.schema->id);
    }
  }
  return {ids.begin(), ids.end()};
}

AvroSchemaPtr RegistryState::parse(std::string_view text, const std::vector<SchemaReference>& references,
                                   bool with_deleted) const {
  std::vector<std::string> texts;
  std::set<std::pair<std::string_view, int32_t>> seen;
  // Each behind those that it uses. There are no cycles: a version exists before it can be referred to.
  const std::function<void(const std::vector<SchemaReference>&)> collect = [&](const auto& wanted) {
    for (const SchemaReference& reference : wanted) {
      if (!seen.emplace(reference.subject, reference.version).second) continue;
      if (seen.size() > kSchemaReferencesMax)
        throw RegistryError(RegistryCode::kInvalidSchema,
                            fmt::format("the schema refers to more than {} others", kSchemaReferencesMax));
      const Subject* const subject = find_subject(reference.subject, with_deleted);
      const SubjectVersion* found = nullptr;
      if (subject != nullptr)
        found = reference.version == -1 ? subject->latest(with_deleted) : subject->find(reference.version);
      if (found == nullptr || (found->deleted && !with_deleted))
        throw RegistryError(RegistryCode::kInvalidSchema,
                            fmt::format("the reference \"{}\" leads nowhere: there is no version {} of subject \"{}\"",
                                        reference.name, reference.version, reference.subject));
      collect(found->schema->references);
      texts.push_back(found->schema->text);
    }
  };
  collect(references);
  try {
    return AvroSchema::parse_any(text, texts);
  } catch (const Error& error) {
    throw RegistryError(RegistryCode::kInvalidSchema, error.message());
  }
}

}  // namespace headrace
