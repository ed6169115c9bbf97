#include "schema/types.h"

#include <algorithm>
#include <unordered_map>

#include "base/check.h"
#include "fmt/format.h"

namespace headrace {
namespace {

struct KindInfo {
  Kind kind;
  Form form;
  std::string_view name;
};

constexpr KindInfo kKinds[] = {
    {Kind::kBoolean, Form::kInt, "boolean"},
    {Kind::kSmallint, Form::kInt, "smallint"},
    {Kind::kInteger, Form::kInt, "integer"},
    {Kind::kBigint, Form::kInt, "bigint"},
    {Kind::kReal, Form::kFloat, "real"},
    {Kind::kDouble, Form::kFloat, "double precision"},
    {Kind::kNumeric, Form::kDecimal, "numeric"},
    {Kind::kText, Form::kBytes, "text"},
    {Kind::kBytea, Form::kBytes, "bytea"},
    {Kind::kUuid, Form::kBytes, "uuid"},
    {Kind::kDate, Form::kInt, "date"},
    {Kind::kTimestamptz, Form::kInt, "timestamptz"},
    {Kind::kInterval, Form::kInterval, "interval"},
    {Kind::kJsonb, Form::kBytes, "jsonb"},
    {Kind::kArray, Form::kBytes, "array"},
};

// Arrays have no name of their own: they are an element and "[]".
const std::unordered_map<std::string_view, Kind>& spellings() {
  static const std::unordered_map<std::string_view, Kind> table = {
      {"boolean", Kind::kBoolean},
      {"bool", Kind::kBoolean},
      {"smallint", Kind::kSmallint},
      {"int2", Kind::kSmallint},
      {"integer", Kind::kInteger},
      {"int", Kind::kInteger},
      {"int4", Kind::kInteger},
      {"bigint", Kind::kBigint},
      {"int8", Kind::kBigint},
      {"real", Kind::kReal},
      {"float4", Kind::kReal},
      {"double precision", Kind::kDouble},
      {"float8", Kind::kDouble},
      {"float", Kind::kDouble},
      {"numeric", Kind::kNumeric},
      {"decimal", Kind::kNumeric},
      {"text", Kind::kText},
      {"varchar", Kind::kText},
      {"character varying", Kind::kText},
      {"bytea", Kind::kBytea},
      {"uuid", Kind::kUuid},
      {"date", Kind::kDate},
      {"timestamptz", Kind::kTimestamptz},
      {"timestamp with time zone", Kind::kTimestamptz},
      {"interval", Kind::kInterval},
      {"jsonb", Kind::kJsonb},
      {"json", Kind::kJsonb},
  };
  return table;
}

const KindInfo& info_of(Kind kind) {
  check(static_cast<size_t>(kind) < std::size(kKinds), "a kind is one of the enum");
  const KindInfo& entry = kKinds[static_cast<size_t>(kind)];
  check(entry.kind == kind, "the table of kinds is in the order of the enum");
  return entry;
}

}  // namespace

Form Type::form() const {
  return info_of(kind).form;
}

std::string Type::name() const {
  if (kind == Kind::kArray) return fmt::format("{}[]", info_of(element).name);
  if (kind == Kind::kNumeric && precision != 0) return fmt::format("numeric({},{})", precision, scale);
  return std::string(info_of(kind).name);
}

std::optional<Kind> kind_named(std::string_view name) {
  constexpr size_t kLongestName = 24;
  if (name.size() > kLongestName) return std::nullopt;
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  const auto found = spellings().find(lower);
  if (found == spellings().end()) return std::nullopt;
  return found->second;
}

std::optional<size_t> RowType::find(std::string_view name) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace headrace
