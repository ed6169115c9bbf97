// What one call would change in a registry: decided from its state without touching anything, so that all refusals come
// before the first effect. The result is the records to write; the state follows from them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "views/registry_state.h"

namespace headrace {

// A schema as a client sends it.
struct SchemaRequest {
  std::string text;
  std::string type = "AVRO";
  std::vector<SchemaReference> references;
  // Only in mode IMPORT: the id, and perhaps the version, that the schema has elsewhere.
  std::optional<int32_t> id;
  std::optional<int32_t> version;
  bool normalize = false;
};

struct RegistryChange {
  std::vector<RegistryRecord> records;
};

struct Registration : RegistryChange {
  int32_t id = 0;
  int32_t version = 0;
};

// Who asks: clients are held to mode and level; the catalogue, whose own rules say what a stream may become, to the
// mode; what puts back a schema that was given out before, to neither.
enum class Registrant : uint8_t { kClient, kCatalog, kRestore };

// RegistryErrors of all these are in docs/registry.md.
Registration plan_registration(const RegistryState& now, const std::string& subject, const SchemaRequest& request,
                               Registrant registrant);

struct Removal : RegistryChange {
  std::vector<int32_t> versions;
};
// Of all versions or, when `version` is given (-1 is the latest), of one. Softly first, and then `permanent`.
Removal plan_removal(const RegistryState& now, const std::string& subject, std::optional<int32_t> version,
                     bool permanent);

// An empty subject stands for all. No level or mode: the one it has is removed.
RegistryChange plan_level(const RegistryState& now, const std::string& subject,
                          std::optional<CompatibilityLevel> level);
RegistryChange plan_mode(const RegistryState& now, const std::string& subject, std::optional<RegistryMode> mode,
                         bool force);

// The version of the subject that has this schema, or nullptr. Throws kInvalidSchema when it is none, kNoSubject.
const SubjectVersion* find_version(const RegistryState& now, const std::string& subject, const SchemaRequest& request,
                                   bool with_deleted);

// What speaks against the schema as the subject's next version, by its level: against one version (-1: the latest), or
// against those that the level is about. Empty when nothing does.
std::vector<std::string> compatibility_faults(const RegistryState& now, const std::string& subject,
                                              std::optional<int32_t> version, const SchemaRequest& request);

}  // namespace headrace
