#include "sql/definition_rules.h"

#include <algorithm>

#include "base/error.h"
#include "fmt/format.h"
#include "sql/nearest.h"

namespace headrace {
namespace {

constexpr size_t kRelationNameBytesMax = 63;  // what PostgreSQL's scanner keeps of a name
constexpr std::string_view kHasNoOrder = "has no order that keys need";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

template <typename... Arguments>
[[noreturn]] void fail_part(std::string_view part, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw Error(Code::kInvalid, fmt::format(format, std::forward<Arguments>(arguments)...),
              Where{.column = std::string(part)});
}

const Column& named_column(const StreamDefinition& definition, std::string_view name, std::string_view part) {
  std::vector<std::string_view> names;
  for (const Column& column : definition.columns) {
    if (column.name == name) return column;
    names.push_back(column.name);
  }
  fail_part(part, "{} column \"{}\" does not exist{}", part, name, suggestion(name, names));
}

void check_key_column(const StreamDefinition& definition, std::string_view name, std::string_view part) {
  const Column& column = named_column(definition, name, part);
  if (column.type.kind == Kind::kJsonb || column.type.kind == Kind::kArray)
    fail_part(part, "{} column \"{}\" is {}, which {}; use text, a number, a time or uuid", part, name,
              column.type.name(), kHasNoOrder);
}

}  // namespace

void check_relation_name(std::string_view name) {
  const bool legal =
      !name.empty() && name.size() <= kRelationNameBytesMax && is_letter(name[0]) &&
      std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; });
  if (!legal)
    throw Error(
        Code::kInvalid,
        fmt::format("\"{}\" cannot be a name: names begin with a letter and have up to {} letters, digits, underscores "
                    "and hyphens",
                    name, kRelationNameBytesMax));
}

void check_column_name(std::string_view name) {
  const bool legal = !name.empty() && name.size() <= kRelationNameBytesMax && (is_letter(name[0]) || name[0] == '_') &&
                     std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
  if (!legal)
    throw Error(
        Code::kInvalid,
        fmt::format("\"{}\" cannot be the name of a column: these are fields of Avro records, with up to {} letters, "
                    "digits and underscores, not beginning with a digit",
                    name, kRelationNameBytesMax));
}

void check_definition(const StreamDefinition& definition) {
  if (definition.columns.empty()) fail_part("", "a {} needs columns", definition.is_table ? "table" : "stream");
  if (definition.columns.size() > kColumnsMax) fail_part("", "there are at most {} columns", kColumnsMax);
  for (const Column& column : definition.columns) check_column_name(column.name);
  for (size_t i = 0; i < definition.key.size(); ++i) {
    check_key_column(definition, definition.key[i], "key");
    if (std::ranges::count(definition.key, definition.key[i]) > 1)
      fail_part("key", "column \"{}\" is in the key twice", definition.key[i]);
  }
  if (!definition.id.empty()) check_key_column(definition, definition.id, "id");
  if (!definition.watermark_column.empty()) {
    if (definition.is_table) fail_part("watermark", "a table has no watermark: its rows are replaced, not late");
    const Column& column = named_column(definition, definition.watermark_column, "watermark");
    if (column.type.kind != Kind::kTimestamptz)
      fail_part("watermark", "watermark column \"{}\" is {}, and must be timestamptz", column.name, column.type.name());
  }
  if (definition.format == ValueFormat::kRaw) {
    const bool one = definition.columns.size() == 1 && (definition.columns[0].type.kind == Kind::kText ||
                                                        definition.columns[0].type.kind == Kind::kBytea);
    if (!one || definition.is_table)
      fail_part("", "FORMAT RAW is for streams with one column, of type text or bytea; use FORMAT JSON for others");
    if (definition.columns[0].nullable)
      fail_part("", "column \"{}\" can be NULL, which FORMAT RAW cannot say; use coalesce(), or FORMAT JSON",
                definition.columns[0].name);
  }
}

}  // namespace headrace
