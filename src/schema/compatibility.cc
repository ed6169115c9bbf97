#include "schema/compatibility.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "schema/avro_node.h"

namespace headrace {
namespace {

constexpr std::string_view kKindNames[] = {"NAME_MISMATCH",        "FIXED_SIZE_MISMATCH",
                                           "MISSING_ENUM_SYMBOLS", "READER_FIELD_MISSING_DEFAULT_VALUE",
                                           "TYPE_MISMATCH",        "MISSING_UNION_BRANCH"};
constexpr std::string_view kLevelNames[] = {
    "NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"};

std::string_view simple_name(std::string_view full) {
  const size_t dot = full.rfind('.');
  return dot == std::string_view::npos ? full : full.substr(dot + 1);
}

bool same_name(const AvroNode& reader, const AvroNode& writer) {
  return simple_name(reader.name) == simple_name(writer.name) ||
         std::ranges::find(reader.aliases, writer.name) != reader.aliases.end();
}

// What a type is called in a message.
std::string shown(const AvroNode& node) {
  if (node.named()) return fmt::format("{} {}", name_of(node.kind), node.name);
  if (node.kind != AvroKind::kUnion) return std::string(name_of(node.kind));
  constexpr size_t kShownMax = 20;
  std::vector<std::string> branches;
  for (const AvroNode* branch : node.branches) {
    branches.push_back(branches.size() < kShownMax ? shown(*branch) : "...");
    if (branches.size() > kShownMax) break;
  }
  return fmt::format("union [{}]", fmt::join(branches, ", "));
}

bool promotes(AvroKind writer, AvroKind reader) {
  switch (writer) {
    case AvroKind::kInt: return reader == AvroKind::kLong || reader == AvroKind::kFloat || reader == AvroKind::kDouble;
    case AvroKind::kLong: return reader == AvroKind::kFloat || reader == AvroKind::kDouble;
    case AvroKind::kFloat: return reader == AvroKind::kDouble;
    case AvroKind::kString: return reader == AvroKind::kBytes;
    case AvroKind::kBytes: return reader == AvroKind::kString;
    default: return false;
  }
}

bool scales_differ(const AvroNode& reader, const AvroNode& writer) {
  return reader.logical == AvroLogical::kDecimal && writer.logical == AvroLogical::kDecimal &&
         reader.scale != writer.scale;
}

// The writer's field that fills a field of the reader: by name, else by one of the reader's aliases.
const AvroField* field_for(const std::vector<AvroField>& written, const AvroField& field) {
  for (const AvroField& candidate : written)
    if (candidate.name == field.name) return &candidate;
  for (const std::string& alias : field.aliases)
    for (const AvroField& candidate : written)
      if (candidate.name == alias) return &candidate;
  return nullptr;
}

// Types may contain themselves, so whether one pair fits can depend on itself. All pairs that can be met are taken to
// fit at first; pairs that cannot, given what is known of the others, are refuted until nothing changes any more. Then
// the report is written from what was refuted.
class Comparison {
 public:
  std::vector<Incompatibility> run(const AvroNode& reader, const AvroNode& writer) {
    fits(reader, writer);
    // The list grows while it is gone through for the first time.
    for (size_t at = 0; at < pairs_.size(); ++at) refute_if_needed(pairs_[at]);
    for (bool changed = true; changed;) {
      changed = false;
      // What a pair depends on was met after it.
      for (size_t at = pairs_.size(); at-- > 0;) changed |= refute_if_needed(pairs_[at]);
    }
    report(reader, writer, "", 0);
    return std::move(result_);
  }

 private:
  using Pair = std::pair<const AvroNode*, const AvroNode*>;

  void count(int depth) {
    if (++comparisons_ > kComparisonsMax || depth > kComparisonDepthMax)
      throw Error(Code::kTooLarge, "the schemas are too large or too deeply nested to be compared");
  }

  static bool leaf(const AvroNode& node) { return node.kind <= AvroKind::kString; }

  // As far as is known.
  bool fits(const AvroNode& reader, const AvroNode& writer) {
    count(0);
    if (leaf(reader) && leaf(writer)) return fits_plainly(reader, writer);
    const Pair pair(&reader, &writer);
    if (known_.insert(pair).second) pairs_.push_back(pair);
    return !refuted_.contains(pair);
  }

  bool refute_if_needed(Pair pair) {
    return !refuted_.contains(pair) && !compare(*pair.first, *pair.second) && refuted_.insert(pair).second;
  }

  static bool fits_plainly(const AvroNode& reader, const AvroNode& writer) {
    return (reader.kind == writer.kind || promotes(writer.kind, reader.kind)) && !scales_differ(reader, writer);
  }

  // Nothing is cut short: all pairs are to be met.
  bool compare(const AvroNode& reader, const AvroNode& writer) {
    if (writer.kind == AvroKind::kUnion) {
      bool all = true;
      for (const AvroNode* branch : writer.branches) all &= fits(reader, *branch);
      return all;
    }
    if (reader.kind == AvroKind::kUnion) {
      bool any = false;
      for (const AvroNode* branch : reader.branches) any |= fits(*branch, writer);
      return any;
    }
    if (reader.kind != writer.kind) return false;
    switch (reader.kind) {
      case AvroKind::kArray:
      case AvroKind::kMap: return fits(*reader.items, *writer.items);
      case AvroKind::kFixed:
        return same_name(reader, writer) && reader.size == writer.size && !scales_differ(reader, writer);
      case AvroKind::kEnum: return same_name(reader, writer) && missing_symbols(reader, writer).empty();
      case AvroKind::kRecord: {
        bool all = same_name(reader, writer);
        for (const AvroField& field : reader.fields) {
          const AvroField* written = field_for(writer.fields, field);
          all &= written != nullptr ? fits(*field.type, *written->type) : field.default_json.has_value();
        }
        return all;
      }
      default: return fits_plainly(reader, writer);
    }
  }

  // The writer's symbols that the reader neither has nor has a default for.
  static std::vector<std::string> missing_symbols(const AvroNode& reader, const AvroNode& writer) {
    if (!reader.default_symbol.empty()) return {};
    const std::set<std::string_view> known(reader.symbols.begin(), reader.symbols.end());
    std::vector<std::string> missing;
    for (const std::string& symbol : writer.symbols)
      if (!known.contains(symbol)) missing.push_back(symbol);
    return missing;
  }

  void add(IncompatibilityKind kind, const std::string& path, std::string description) {
    constexpr size_t kDescriptionBytesMax = 1000;
    if (description.size() > kDescriptionBytesMax) {
      description.resize(kDescriptionBytesMax);
      while (!description.empty() && (static_cast<uint8_t>(description.back()) & 0x80) != 0) description.pop_back();
      description += "...";
    }
    if (result_.size() < kIncompatibilitiesMax)
      result_.push_back({kind, path.empty() ? "/" : path, std::move(description)});
  }

  // Each pair is reported where it is met first.
  void report(const AvroNode& reader, const AvroNode& writer, const std::string& path, int depth) {
    count(depth);
    if (leaf(reader) && leaf(writer)) {
      if (!fits_plainly(reader, writer)) report_type(reader, writer, path);
      return;
    }
    if (!refuted_.contains({&reader, &writer}) || !reported_.insert({&reader, &writer}).second) return;
    if (writer.kind == AvroKind::kUnion) return report_written_union(reader, writer, path, depth);
    if (reader.kind == AvroKind::kUnion) return report_branch(reader, writer, path, depth);
    if (reader.kind != writer.kind) return report_type(reader, writer, path);
    switch (reader.kind) {
      case AvroKind::kArray: return report(*reader.items, *writer.items, path + "/items", depth + 1);
      case AvroKind::kMap: return report(*reader.items, *writer.items, path + "/values", depth + 1);
      case AvroKind::kFixed:
        report_name(reader, writer, path);
        if (reader.size != writer.size)
          add(IncompatibilityKind::kFixedSizeMismatch, path + "/size",
              fmt::format("{} has {} bytes and is written with {}", shown(reader), reader.size, writer.size));
        if (scales_differ(reader, writer)) report_type(reader, writer, path);
        return;
      case AvroKind::kEnum:
        report_name(reader, writer, path);
        if (const auto missing = missing_symbols(reader, writer); !missing.empty())
          add(IncompatibilityKind::kMissingEnumSymbols, path + "/symbols",
              fmt::format("{} lacks what may have been written, and has no default: {}", shown(reader),
                          fmt::join(missing, ", ")));
        return;
      case AvroKind::kRecord:
        report_name(reader, writer, path);
        for (size_t index = 0; index < reader.fields.size(); ++index) {
          const AvroField& field = reader.fields[index];
          const std::string here = fmt::format("{}/fields/{}", path, index);
          if (const AvroField* written = field_for(writer.fields, field)) {
            report(*field.type, *written->type, here + "/type", depth + 1);
          } else if (!field.default_json) {
            add(IncompatibilityKind::kReaderFieldMissingDefaultValue, here,
                fmt::format("field \"{}\" is not in what is written, and has no default", field.name));
          }
        }
        return;
      default: report_type(reader, writer, path);
    }
  }

  void report_written_union(const AvroNode& reader, const AvroNode& writer, const std::string& path, int depth) {
    for (const AvroNode* branch : writer.branches) report(reader, *branch, path, depth + 1);
  }

  // Of the branches only one can have been meant when it is of the same kind and name: then its own faults say more.
  void report_branch(const AvroNode& reader, const AvroNode& writer, const std::string& path, int depth) {
    add(IncompatibilityKind::kMissingUnionBranch, path,
        fmt::format("{} has no branch for {}", shown(reader), shown(writer)));
    if (!writer.named()) return;
    for (size_t index = 0; index < reader.branches.size(); ++index) {
      const AvroNode& branch = *reader.branches[index];
      if (branch.kind == writer.kind && same_name(branch, writer))
        report(branch, writer, fmt::format("{}/{}", path, index), depth + 1);
    }
  }

  void report_name(const AvroNode& reader, const AvroNode& writer, const std::string& path) {
    if (same_name(reader, writer)) return;
    add(IncompatibilityKind::kNameMismatch, path + "/name",
        fmt::format("{} is not {}, which is written, and has no such alias", shown(reader), shown(writer)));
  }

  void report_type(const AvroNode& reader, const AvroNode& writer, const std::string& path) {
    add(IncompatibilityKind::kTypeMismatch, path,
        scales_differ(reader, writer)
            ? fmt::format("a decimal of scale {} cannot be read from one of scale {}", reader.scale, writer.scale)
            : fmt::format("{} cannot be read from {}", shown(reader), shown(writer)));
  }

  std::vector<Pair> pairs_;  // in the order in which they were met
  std::set<Pair> known_;
  std::set<Pair> refuted_;
  std::set<Pair> reported_;
  std::vector<Incompatibility> result_;
  size_t comparisons_ = 0;
};

}  // namespace

std::string_view to_string(IncompatibilityKind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

std::vector<Incompatibility> find_incompatibilities(const AvroSchema& reader, const AvroSchema& writer) {
  return Comparison().run(reader.root(), writer.root());
}

std::string_view to_string(CompatibilityLevel level) {
  return kLevelNames[static_cast<size_t>(level)];
}

std::optional<CompatibilityLevel> compatibility_level(std::string_view name) {
  const auto found = std::ranges::find(kLevelNames, name);
  if (found == std::end(kLevelNames)) return std::nullopt;
  return static_cast<CompatibilityLevel>(found - std::begin(kLevelNames));
}

bool is_transitive(CompatibilityLevel level) {
  return level == CompatibilityLevel::kBackwardTransitive || level == CompatibilityLevel::kForwardTransitive ||
         level == CompatibilityLevel::kFullTransitive;
}

std::vector<Incompatibility> find_incompatibilities(CompatibilityLevel level, const AvroSchema& next,
                                                    const AvroSchema& earlier) {
  std::vector<Incompatibility> result;
  const auto add = [&](const AvroSchema& reader, const AvroSchema& writer) {
    for (Incompatibility& found : find_incompatibilities(reader, writer)) result.push_back(std::move(found));
  };
  switch (level) {
    case CompatibilityLevel::kNone: break;
    case CompatibilityLevel::kBackward:
    case CompatibilityLevel::kBackwardTransitive: add(next, earlier); break;
    case CompatibilityLevel::kForward:
    case CompatibilityLevel::kForwardTransitive: add(earlier, next); break;
    case CompatibilityLevel::kFull:
    case CompatibilityLevel::kFullTransitive:
      add(next, earlier);
      add(earlier, next);
      break;
  }
  return result;
}

}  // namespace headrace
