// Whether data written with one Avro schema can be read with another: the specification's "Schema Resolution", asked of
// the schemas alone, and with all the reasons why not. On it rest a registry's compatibility levels, which say who must
// be able to read what when a schema is replaced by the next: readers that are ahead of the data (BACKWARD), readers
// that are behind it (FORWARD), or both (FULL); of the version before only, or of all of them (TRANSITIVE).
//
// Where specification and practice part: names are compared without their namespaces, as the specification has it since
// 1.11; of logical types only the scale of decimals counts, because only there would the same bytes be another value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/avro.h"

namespace headrace {

enum class IncompatibilityKind : uint8_t {
  kNameMismatch,
  kFixedSizeMismatch,
  kMissingEnumSymbols,
  kReaderFieldMissingDefaultValue,
  kTypeMismatch,
  kMissingUnionBranch,
};
std::string_view to_string(IncompatibilityKind kind);  // "READER_FIELD_MISSING_DEFAULT_VALUE"

struct Incompatibility {
  IncompatibilityKind kind;
  std::string path;  // in the reader's schema, as a JSON pointer: "/fields/1/type"
  std::string description;
};

inline constexpr size_t kIncompatibilitiesMax = 100;  // reported; the rest are left out
// Pairs of types that are looked at before two schemas are too large to compare, and how deeply they may lie.
inline constexpr size_t kComparisonsMax = 500'000;
inline constexpr int kComparisonDepthMax = 500;

// Everything that keeps `reader` from reading what `writer` writes; empty when it can. Throws Error(kTooLarge) beyond
// the limits.
std::vector<Incompatibility> find_incompatibilities(const AvroSchema& reader, const AvroSchema& writer);

enum class CompatibilityLevel : uint8_t {
  kNone,
  kBackward,
  kBackwardTransitive,
  kForward,
  kForwardTransitive,
  kFull,
  kFullTransitive,
};
std::string_view to_string(CompatibilityLevel level);  // "BACKWARD_TRANSITIVE"
std::optional<CompatibilityLevel> compatibility_level(std::string_view name);
// Whether the level is about all earlier versions, and not only about the last.
bool is_transitive(CompatibilityLevel level);

// What speaks against `next` behind one earlier version, by the direction of the level.
std::vector<Incompatibility> find_incompatibilities(CompatibilityLevel level, const AvroSchema& next,
                                                    const AvroSchema& earlier);

}  // namespace headrace
