#include "views/registry_change.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "schema/utf8.h"
#include "views/registry_error.h"
#include "views/registry_text.h"

namespace headrace {
namespace {

constexpr size_t kFaultsMax = 200;  // reported

// A schema that was found to be one.
struct Understood {
  std::string text;
  AvroSchemaPtr schema;
  std::vector<SchemaReference> references;
};

void check_subject(std::string_view subject) {
  const bool control = std::ranges::any_of(subject, [](char c) { return static_cast<uint8_t>(c) < 0x20; });
  if (subject.empty() || subject.size() > kSubjectBytesMax || control || !valid_text(subject))
    throw RegistryError(
        RegistryCode::kInvalidSubject,
        fmt::format("a subject's name is a text of 1 to {} bytes without control characters", kSubjectBytesMax));
}

Understood understand(const RegistryState& now, const SchemaRequest& request, bool with_deleted) {
  if (request.type != "AVRO")
    throw RegistryError(RegistryCode::kInvalidSchema,
                        fmt::format("schemas of type \"{}\" are not served here; register Avro schemas (AVRO)",
                                    request.type.substr(0, 100)));
  Understood result;
  result.references = request.references;
  for (SchemaReference& reference : result.references) {
    if (reference.version != -1) continue;
    if (const Subject* subject = now.find_subject(reference.subject, with_deleted))
      reference.version = subject->latest(with_deleted)->version;
  }
  result.schema = now.parse(request.text, result.references, with_deleted);
  try {
    result.text = registry_text(request.text, request.normalize);
  } catch (const Error& error) {
    throw RegistryError(RegistryCode::kInvalidSchema, error.message());
  }
  return result;
}

const SubjectVersion* find_version(const Subject* subject, const Understood& schema, bool normalize,
                                   bool with_deleted) {
  if (subject == nullptr) return nullptr;
  for (auto at = subject->versions.rbegin(); at != subject->versions.rend(); ++at) {
    if (at->deleted && !with_deleted) continue;
    if (at->schema->same_as(schema.text, schema.references)) return &*at;
    // What was registered as it came may be the same once it is put in order, too.
    if (normalize && at->schema->references == schema.references &&
        registry_text(at->schema->text, true) == schema.text)
      return &*at;
  }
  return nullptr;
}

void check_writable(const RegistryState& now, const std::string& subject) {
  if (now.mode(subject) == RegistryMode::kReadOnly)
    throw RegistryError(RegistryCode::kNotPermitted, subject.empty()
                                                         ? "the registry is in mode READONLY"
                                                         : fmt::format("subject \"{}\" is in mode READONLY", subject));
}

// Whether a schema may be registered by its mode: with an id only in IMPORT, without one only in READWRITE.
void check_mode(const RegistryState& now, const std::string& subject, const SchemaRequest& request) {
  check_writable(now, subject);
  const RegistryMode mode = now.mode(subject);
  if (request.version && !request.id)
    throw RegistryError(RegistryCode::kInvalidRequest, "a version is given with an id only");
  if (request.id && mode != RegistryMode::kImport)
    throw RegistryError(RegistryCode::kNotPermitted,
                        fmt::format("subject \"{}\" is in mode {}, and ids are given in mode IMPORT only; leave the id "
                                    "away",
                                    subject, to_string(mode)));
  if (!request.id && mode == RegistryMode::kImport)
    throw RegistryError(RegistryCode::kNotPermitted,
                        fmt::format("subject \"{}\" is in mode IMPORT, in which a schema comes with its id", subject));
}

void check_room(const RegistryState& now, const Subject* subject, const Understood& schema) {
  const auto full = [](std::string_view what, size_t most) {
    throw RegistryError(RegistryCode::kNotPermitted,
                        fmt::format("the registry is full: it holds at most {} {}; remove what is not used any more, "
                                    "permanently",
                                    most, what));
  };
  if (now.versions >= kRegistryVersionsMax) full("versions", kRegistryVersionsMax);
  if (subject != nullptr && subject->versions.size() >= kSubjectVersionsMax)
    full("versions of one subject", kSubjectVersionsMax);
  if (now.text_bytes + schema.text.size() > kRegistryBytesMax) full("bytes of schemas", kRegistryBytesMax);
}

void add_faults(std::vector<std::string>& faults, const RegistryState& now, CompatibilityLevel level,
                const Understood& schema, const SubjectVersion& earlier) {
  const AvroSchemaPtr before = now.parse(earlier.schema->text, earlier.schema->references, true);
  std::vector<Incompatibility> found;
  try {
    found = find_incompatibilities(level, *schema.schema, *before);
  } catch (const Error& error) {
    throw RegistryError(RegistryCode::kInvalidSchema, error.message());
  }
  if (found.empty()) return;
  for (const Incompatibility& each : found)
    faults.push_back(fmt::format("{{errorType:'{}', description:'{}', additionalInfo:'{}'}}", to_string(each.kind),
                                 each.description, each.path));
  faults.push_back(fmt::format("{{oldSchemaVersion: {}}}", earlier.version));
}

// Against the live versions that the level is about, the latest first.
std::vector<std::string> faults_of(const RegistryState& now, const std::string& name, const Understood& schema) {
  std::vector<std::string> faults;
  const CompatibilityLevel level = now.level(name);
  const Subject* const subject = now.find_subject(name, false);
  if (subject == nullptr || level == CompatibilityLevel::kNone) return faults;
  for (auto at = subject->versions.rbegin(); at != subject->versions.rend() && faults.size() < kFaultsMax; ++at) {
    if (at->deleted) continue;
    add_faults(faults, now, level, schema, *at);
    if (!is_transitive(level)) break;
  }
  if (!faults.empty()) faults.push_back(fmt::format("{{compatibility: '{}'}}", to_string(level)));
  return faults;
}

int32_t next_version(const Subject* subject) {
  return subject == nullptr ? 1 : subject->versions.back().version + 1;
}

}  // namespace

Registration plan_registration(const RegistryState& now, const std::string& name, const SchemaRequest& request,
                               Registrant registrant) {
  check_subject(name);
  const Understood schema = understand(now, request, registrant == Registrant::kRestore);
  const Subject* const subject = now.find_subject(name, true);
  Registration result;
  if (const SubjectVersion* known = find_version(subject, schema, request.normalize, false)) {
    if (request.id.value_or(known->schema->id) == known->schema->id &&
        request.version.value_or(known->version) == known->version) {
      result.id = known->schema->id;
      result.version = known->version;
      return result;
    }
  }
  if (registrant != Registrant::kRestore) check_mode(now, name, request);
  check_room(now, subject, schema);

  RegisteredSchemaPtr registered = now.find_schema(schema.text, schema.references);
  if (request.id) {
    if (*request.id <= 0) throw RegistryError(RegistryCode::kInvalidRequest, "an id is a positive number");
    const auto taken = now.schemas.find(*request.id);
    if (taken != now.schemas.end() && !taken->second.schema->same_as(schema.text, schema.references))
      throw RegistryError(RegistryCode::kNotPermitted,
                          fmt::format("id {} stands for another schema already", *request.id));
    if (registered != nullptr && registered->id != *request.id)
      throw RegistryError(
          RegistryCode::kNotPermitted,
          fmt::format("the schema has id {} already and cannot have id {}, too", registered->id, *request.id));
  } else if (registrant == Registrant::kClient) {
    if (const std::vector<std::string> faults = faults_of(now, name, schema); !faults.empty())
      throw RegistryError(RegistryCode::kIncompatible,
                          fmt::format("the schema is incompatible with an earlier one of subject \"{}\": {}", name,
                                      fmt::join(faults, ", ")));
  }

  result.version = next_version(subject);
  if (request.version) {
    if (*request.version <= 0) throw RegistryError(RegistryCode::kInvalidVersion, "a version is a positive number");
    const SubjectVersion* const there = subject == nullptr ? nullptr : subject->find(*request.version);
    if (there != nullptr && !there->schema->same_as(schema.text, schema.references))
      throw RegistryError(
          RegistryCode::kNotPermitted,
          fmt::format("version {} of subject \"{}\" is another schema already", *request.version, name));
    result.version = *request.version;
  }
  if (!request.version && subject != nullptr && subject->versions.back().version == INT32_MAX)
    throw RegistryError(RegistryCode::kNotPermitted, "there are no versions left in this subject");
  if (registered == nullptr) {
    if (!request.id && now.next_id > INT32_MAX)
      throw RegistryError(RegistryCode::kNotPermitted, "there are no ids left: one near the greatest was imported");
    registered = std::make_shared<RegisteredSchema>(
        RegisteredSchema{.id = request.id.value_or(static_cast<int32_t>(std::min<int64_t>(now.next_id, INT32_MAX))),
                         .text = schema.text,
                         .references = schema.references});
  }
  result.id = registered->id;
  result.records.push_back(version_record(name, {.version = result.version, .schema = registered, .deleted = false}));
  return result;
}

Removal plan_removal(const RegistryState& now, const std::string& name, std::optional<int32_t> number, bool permanent) {
  const Subject& subject = now.subject(name, true);
  const bool whole = !number;
  if (whole) {
    if (permanent && subject.live())
      throw RegistryError(RegistryCode::kSubjectNotSoftDeleted,
                          fmt::format("subject \"{}\" is to be deleted softly first, and then permanently", name));
    if (!permanent && !subject.live())
      throw RegistryError(RegistryCode::kSubjectSoftDeleted,
                          fmt::format("subject \"{}\" is deleted softly already; ?permanent=true removes it", name));
  }
  std::vector<const SubjectVersion*> wanted;
  if (whole) {
    for (const SubjectVersion& version : subject.versions)
      if (permanent || !version.deleted) wanted.push_back(&version);
  } else {
    const SubjectVersion* version = *number == -1 ? subject.latest(permanent) : subject.find(*number);
    if (version == nullptr && *number == -1) version = subject.latest(true);
    if (version == nullptr)
      throw RegistryError(RegistryCode::kNoVersion, fmt::format("subject \"{}\" has no version {}", name, *number));
    if (permanent && !version->deleted)
      throw RegistryError(
          RegistryCode::kVersionNotSoftDeleted,
          fmt::format("version {} of subject \"{}\" is to be deleted softly first, and then permanently",
                      version->version, name));
    if (!permanent && version->deleted)
      throw RegistryError(
          RegistryCode::kVersionSoftDeleted,
          fmt::format("version {} of subject \"{}\" is deleted softly already; ?permanent=true removes it",
                      version->version, name));
    wanted.push_back(version);
  }
  check_writable(now, name);

  Removal result;
  for (const SubjectVersion* version : wanted) {
    const auto referrers = now.referrers(name, version->version, permanent, whole ? std::string_view(name) : "");
    if (!referrers.empty())
      throw RegistryError(RegistryCode::kReferenced,
                          fmt::format("version {} of subject \"{}\" is referred to by the schemas with the ids {}",
                                      version->version, name, fmt::join(referrers, ", ")));
  }
  if (permanent && now.next_id <= INT32_MAX)
    result.records.push_back(next_id_record(static_cast<int32_t>(now.next_id)));
  for (const SubjectVersion* version : wanted) {
    SubjectVersion deleted = *version;
    deleted.deleted = true;
    result.records.push_back(permanent ? version_tombstone(name, version->version) : version_record(name, deleted));
    result.versions.push_back(version->version);
  }
  // A subject that nobody sees any more leaves no settings behind for one of the same name.
  const auto live = std::ranges::count_if(subject.versions, [](const SubjectVersion& each) { return !each.deleted; });
  if (permanent || live > static_cast<ptrdiff_t>(wanted.size())) return result;
  if (now.levels.contains(name)) result.records.push_back(level_record(name, std::nullopt));
  if (now.modes.contains(name)) result.records.push_back(mode_record(name, std::nullopt));
  return result;
}

RegistryChange plan_level(const RegistryState& now, const std::string& subject,
                          std::optional<CompatibilityLevel> level) {
  if (!subject.empty()) check_subject(subject);
  const auto found = now.levels.find(subject);
  if (!level && !subject.empty() && found == now.levels.end())
    throw RegistryError(RegistryCode::kNoSubjectLevel,
                        fmt::format("subject \"{}\" has no compatibility level of its own", subject));
  check_writable(now, subject);
  if (found == now.levels.end() ? !level : level == found->second) return {};
  if (level && now.levels.size() >= kRegistrySettingsMax)
    throw RegistryError(RegistryCode::kNotPermitted,
                        fmt::format("at most {} subjects have levels of their own", kRegistrySettingsMax));
  return {{level_record(subject, level)}};
}

RegistryChange plan_mode(const RegistryState& now, const std::string& subject, std::optional<RegistryMode> mode,
                         bool force) {
  if (!subject.empty()) check_subject(subject);
  const auto found = now.modes.find(subject);
  if (!mode && !subject.empty() && found == now.modes.end())
    throw RegistryError(RegistryCode::kNoSubjectMode, fmt::format("subject \"{}\" has no mode of its own", subject));
  if (mode == RegistryMode::kImport && now.mode(subject) != RegistryMode::kImport && !force) {
    const bool used = subject.empty()
                          ? std::ranges::any_of(now.subjects, [](const auto& each) { return each.second->live(); })
                          : now.find_subject(subject, false) != nullptr;
    if (used)
      throw RegistryError(
          RegistryCode::kNotPermitted,
          "mode IMPORT is for what is empty, so that no id is taken; add ?force=true if you know better");
  }
  if (found == now.modes.end() ? !mode : mode == found->second) return {};
  if (mode && now.modes.size() >= kRegistrySettingsMax)
    throw RegistryError(RegistryCode::kNotPermitted,
                        fmt::format("at most {} subjects have modes of their own", kRegistrySettingsMax));
  return {{mode_record(subject, mode)}};
}

const SubjectVersion* find_version(const RegistryState& now, const std::string& name, const SchemaRequest& request,
                                   bool with_deleted) {
  const Subject& subject = now.subject(name, with_deleted);
  return find_version(&subject, understand(now, request, true), request.normalize, with_deleted);
}

std::vector<std::string> compatibility_faults(const RegistryState& now, const std::string& name,
                                              std::optional<int32_t> number, const SchemaRequest& request) {
  const Understood schema = understand(now, request, false);
  if (!number) return faults_of(now, name, schema);
  // Whatever follows nothing is compatible with it.
  if (*number == -1 && now.find_subject(name, false) == nullptr) return {};
  const SubjectVersion& earlier = now.version(name, *number, false);
  std::vector<std::string> faults;
  const CompatibilityLevel level = now.level(name);
  add_faults(faults, now, level, schema, earlier);
  if (!faults.empty()) faults.push_back(fmt::format("{{compatibility: '{}'}}", to_string(level)));
  return faults;
}

}  // namespace headrace
