// What a registry knows: subjects with their versions, the schemas behind the ids, levels and modes. It follows from
// the records of `_schemas` alone, one per version, level and mode, the last one of each key; their form is that of
// Confluent's registry (docs/registry.md).
//
// A schema has one id, whatever subjects it is in; ids are never given out twice, also when their schema is gone.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/avro.h"
#include "schema/compatibility.h"

namespace headrace {

inline constexpr size_t kSubjectBytesMax = 512;
inline constexpr size_t kRegistryVersionsMax = 100'000;         // of all subjects together
inline constexpr size_t kSubjectVersionsMax = 10'000;           // of one
inline constexpr size_t kRegistryBytesMax = 128 * 1024 * 1024;  // of all schemas' texts
inline constexpr size_t kRegistrySettingsMax = 100'000;         // levels and modes of subjects
inline constexpr size_t kSchemaReferencesMax = 100;             // of one schema, with those of its references

// "The type `name` is defined in this version of that subject."
struct SchemaReference {
  std::string name;
  std::string subject;
  int32_t version = 0;

  bool operator==(const SchemaReference&) const = default;
};

struct RegisteredSchema {
  int32_t id = 0;
  std::string text;  // registry_text()
  std::vector<SchemaReference> references;

  bool same_as(std::string_view other, const std::vector<SchemaReference>& others) const {
    return text == other && references == others;
  }
};
using RegisteredSchemaPtr = std::shared_ptr<const RegisteredSchema>;

struct SubjectVersion {
  int32_t version = 0;
  RegisteredSchemaPtr schema;
  bool deleted = false;  // softly: it can still be found by id and when asked for
};

struct Subject {
  std::string name;
  std::vector<SubjectVersion> versions;  // ascending; never empty

  const SubjectVersion* find(int32_t version) const;
  const SubjectVersion* latest(bool with_deleted) const;
  bool live() const { return latest(false) != nullptr; }
};
using SubjectPtr = std::shared_ptr<const Subject>;

enum class RegistryMode : uint8_t { kReadWrite, kReadOnly, kImport };
std::string_view to_string(RegistryMode mode);  // "READWRITE"
std::optional<RegistryMode> registry_mode(std::string_view name);

// One record of `_schemas`; no value is a tombstone.
struct RegistryRecord {
  std::string key;
  std::optional<std::string> value;
};

RegistryRecord version_record(std::string_view subject, const SubjectVersion& version);
RegistryRecord version_tombstone(std::string_view subject, int32_t version);
// Of one subject or, when it is empty, of all that have none of their own; nullopt removes it.
RegistryRecord level_record(std::string_view subject, std::optional<CompatibilityLevel> level);
RegistryRecord mode_record(std::string_view subject, std::optional<RegistryMode> mode);
// Ids below were given out: written when the version that shows it goes away for good.
RegistryRecord next_id_record(int32_t next_id);

struct RegistryState {
  struct Known {
    RegisteredSchemaPtr schema;
    size_t versions = 0;  // of any subject that have it
  };

  std::map<std::string, SubjectPtr, std::less<>> subjects;
  std::map<int32_t, Known> schemas;  // by id
  std::multimap<size_t, int32_t> ids_by_hash;
  std::map<std::string, CompatibilityLevel, std::less<>> levels;  // "" is for all
  std::map<std::string, RegistryMode, std::less<>> modes;         // likewise
  int64_t next_id = 1;
  size_t versions = 0;
  size_t text_bytes = 0;

  // Takes one record over. Throws Error(kCorrupt) for one that says nothing sensible, and is then unchanged.
  void apply(const RegistryRecord& record);

  // Subject, version, schema or nullptr. A subject whose versions are all softly deleted is found only `with_deleted`.
  const Subject* find_subject(std::string_view name, bool with_deleted) const;
  // Throws RegistryError kNoSubject.
  const Subject& subject(std::string_view name, bool with_deleted) const;
  // `version` -1 is the latest. Throws RegistryError kNoSubject, kNoVersion.
  const SubjectVersion& version(std::string_view subject, int32_t version, bool with_deleted) const;
  // Throws RegistryError kNoSchema.
  const RegisteredSchemaPtr& schema(int32_t id) const;
  RegisteredSchemaPtr find_schema(std::string_view text, const std::vector<SchemaReference>& references) const;

  CompatibilityLevel level(std::string_view subject) const;  // its own or that of all
  RegistryMode mode(std::string_view subject) const;

  // Which schemas refer to a version; those that are only in softly deleted versions when asked for, and none that are
  // only in the subject `except`.
  std::vector<int32_t> referrers(std::string_view subject, int32_t version, bool with_deleted,
                                 std::string_view except = {}) const;

  // The schema with all that it refers to. Throws RegistryError kInvalidSchema for text that is none, or for references
  // that lead nowhere: to what is softly deleted, too, unless `with_deleted`.
  AvroSchemaPtr parse(std::string_view text, const std::vector<SchemaReference>& references, bool with_deleted) const;

 private:
  void put_version(const std::string& subject, SubjectVersion version, const RegisteredSchema& schema);
  void remove_version(const std::string& subject, int32_t version);
  void release(const RegisteredSchemaPtr& schema);
};
using RegistryStatePtr = std::shared_ptr<const RegistryState>;

}  // namespace headrace
