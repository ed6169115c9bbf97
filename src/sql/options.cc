#include "sql/options.h"

#include <algorithm>
#include <charconv>

#include "log/log.h"
#include "schema/text_form.h"
#include "schema/value.h"
#include "sql/nearest.h"

namespace headrace {
namespace {

using syntax::fail;

// An option's value, however it was written: 'text', name or number.
std::string option_text(const PgQuery__DefElem& option) {
  const PgQuery__Node* value = option.arg;
  if (value == nullptr)
    fail(Code::kInvalid, option.location, "option \"{}\" needs a value: {} = ...", option.defname, option.defname);
  switch (value->node_case) {
    case PG_QUERY__NODE__NODE_STRING: return std::string(syntax::text(value->string->sval));
    case PG_QUERY__NODE__NODE_INTEGER: return std::to_string(value->integer->ival);
    case PG_QUERY__NODE__NODE_FLOAT: return std::string(syntax::text(value->float_->fval));
    case PG_QUERY__NODE__NODE_TYPE_NAME:
      return std::string(syntax::last_name(syntax::list(value->type_name->names, value->type_name->n_names)));
    default:
      fail(Code::kInvalid, option.location, "option \"{}\" takes a text or a number: {} = '...'", option.defname,
           option.defname);
  }
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// "a, b" as names.
std::vector<std::string> read_names(const PgQuery__DefElem& option) {
  const std::string text = option_text(option);
  std::vector<std::string> names;
  std::string_view rest = text;
  while (true) {
    const size_t comma = rest.find(',');
    const std::string_view name = trim(rest.substr(0, comma));
    if (name.empty())
      fail(Code::kInvalid, option.location, "option \"{}\" takes names of columns, as in {} = 'a, b'", option.defname,
           option.defname);
    names.emplace_back(name);
    if (comma == std::string_view::npos) return names;
    rest.remove_prefix(comma + 1);
  }
}

// '30 days' in milliseconds; a month counts as 30 days. 'forever' is -1.
int64_t read_duration_ms(const PgQuery__DefElem& option) {
  const std::string text = option_text(option);
  if (text == "forever") return -1;
  const auto refuse = [&] {
    fail(Code::kInvalid, option.location,
         "{} is not a time for option \"{}\"; write '30 days', '12 hours' or 'forever'", quoted(text), option.defname);
  };
  if (text.find_first_not_of("+-.0123456789 ") == std::string::npos) refuse();  // no unit
  Interval interval;
  try {
    interval = std::get<Interval>(parse_text(text, Type{.kind = Kind::kInterval}));
  } catch (const Error&) {
    refuse();
  }
  constexpr int64_t kDayMs = 24 * 3600 * 1000;
  const int64_t days = int64_t{interval.months} * 30 + interval.days;
  const __int128 milliseconds = static_cast<__int128>(days) * kDayMs + interval.micros / 1000;
  if (milliseconds < 1 || milliseconds > INT64_MAX / 1000)
    fail(Code::kInvalid, option.location, "option \"{}\" must be a time of a millisecond or more", option.defname);
  return static_cast<int64_t>(milliseconds);
}

struct SizeUnit {
  std::string_view name;
  int64_t bytes;
};
constexpr SizeUnit kSizeUnits[] = {
    {"", 1},           {"b", 1},           {"bytes", 1},      {"kb", 1LL << 10},  {"kib", 1LL << 10},
    {"mb", 1LL << 20}, {"mib", 1LL << 20}, {"gb", 1LL << 30}, {"gib", 1LL << 30}, {"tb", 1LL << 40},
    {"tib", 1LL << 40}};

// '1 GB' in bytes; units are powers of 1024, as PostgreSQL's.
int64_t read_size(const PgQuery__DefElem& option) {
  const std::string text = option_text(option);
  if (text == "forever" || text == "unlimited") return -1;
  const std::string_view trimmed = trim(text);
  const size_t digits = std::min(trimmed.find_first_not_of("0123456789"), trimmed.size());
  const std::optional<int64_t> number = parse_integer(trimmed.substr(0, digits));
  std::string unit(trim(trimmed.substr(digits)));
  std::ranges::transform(unit, unit.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto* found = std::ranges::find(kSizeUnits, unit, &SizeUnit::name);
  if (!number || found == std::end(kSizeUnits))
    fail(Code::kInvalid, option.location, "{} is not a size for option \"{}\"; write '512 MB' or '1 GB'", quoted(text),
         option.defname);
  if (*number < 1 || *number > INT64_MAX / found->bytes)
    fail(Code::kInvalid, option.location, "option \"{}\" must be between one byte and {} bytes", option.defname,
         INT64_MAX);
  return *number * found->bytes;
}

int32_t read_partitions(const PgQuery__DefElem& option) {
  const std::string text = option_text(option);
  const std::optional<int64_t> number = parse_integer(text);
  if (!number || *number < 1 || *number > kPartitionsMax)
    fail(Code::kInvalid, option.location, "option \"partitions\" must be a number from 1 to {}, and {} is not",
         kPartitionsMax, quoted(text));
  return static_cast<int32_t>(*number);
}

std::string read_topic(const PgQuery__DefElem& option) {
  std::string text = option_text(option);
  const bool legal = !text.empty() && text.size() <= kNameBytesMax && text != "." && text != ".." &&
                     std::ranges::all_of(text, [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                              c == '_' || c == '-';
                     });
  if (!legal)
    fail(Code::kInvalid, option.location,
         "{} cannot be the name of a topic: that has 1 to {} letters, digits, points, underscores and hyphens",
         quoted(text), kNameBytesMax);
  return text;
}

constexpr uint8_t kForStream = 1;
constexpr uint8_t kForTable = 2;

struct StreamOption {
  std::string_view name;
  uint8_t of;
  void (*read)(const PgQuery__DefElem& option, StreamDefinition& definition, OptionPositions& positions);
};

constexpr StreamOption kStreamOptions[] = {
    {"key", kForStream,
     [](const PgQuery__DefElem& option, StreamDefinition& definition, OptionPositions& positions) {
       definition.key = read_names(option);
       positions.key = option.location;
     }},
    {"id", kForStream,
     [](const PgQuery__DefElem& option, StreamDefinition& definition, OptionPositions& positions) {
       const std::vector<std::string> names = read_names(option);
       if (names.size() != 1) fail(Code::kInvalid, option.location, "option \"id\" takes the name of one column");
       definition.id = names[0];
       positions.id = option.location;
     }},
    {"partitions", kForStream | kForTable,
     [](const PgQuery__DefElem& option, StreamDefinition& definition, OptionPositions& positions) {
       definition.partitions = read_partitions(option);
       positions.partitions = option.location;
     }},
    {"retention", kForStream,
     [](const PgQuery__DefElem& option, StreamDefinition& definition, OptionPositions&) {
       definition.retention_ms = read_duration_ms(option);
     }},
    {"retention_bytes", kForStream,
     [](const PgQuery__DefElem& option, StreamDefinition& definition, OptionPositions&) {
       definition.retention_bytes = read_size(option);
     }},
    {"topic", kForStream | kForTable,
     [](const PgQuery__DefElem& option, StreamDefinition& definition, OptionPositions&) {
       definition.topic = read_topic(option);
     }},
};

// What every option has in common: no namespace, known, given once.
void check_option(const PgQuery__DefElem& option, std::span<const std::string_view> known, std::string_view what,
                  std::vector<std::string_view>& seen) {
  const std::string_view name = syntax::text(option.defname);
  if (!syntax::text(option.defnamespace).empty() || std::ranges::find(known, name) == known.end()) {
    std::string names;
    for (std::string_view each : known) names += (names.empty() ? "" : ", ") + std::string(each);
    fail(Code::kInvalid, option.location, "a {} has no option \"{}\"{} It has: {}", what, name,
         nearest(name, known).empty() ? "." : suggestion(name, known), names);
  }
  if (std::ranges::find(seen, name) != seen.end())
    fail(Code::kInvalid, option.location, "option \"{}\" is given twice", name);
  seen.push_back(name);
}

}  // namespace

OptionPositions read_stream_options(std::span<PgQuery__Node* const> options, StreamDefinition& definition) {
  const uint8_t of = definition.is_table ? kForTable : kForStream;
  std::vector<std::string_view> known;
  for (const StreamOption& option : kStreamOptions)
    if (option.of & of) known.push_back(option.name);
  OptionPositions positions;
  std::vector<std::string_view> seen;
  for (const PgQuery__Node* node : options) {
    const PgQuery__DefElem& given = *node->def_elem;
    if (definition.is_table && syntax::text(given.defname) == "key")
      fail(Code::kInvalid, given.location, "the key of a table is its PRIMARY KEY; leave this option out");
    check_option(given, known, definition.is_table ? "table" : "stream", seen);
    std::ranges::find(kStreamOptions, syntax::text(given.defname), &StreamOption::name)
        ->read(given, definition, positions);
  }
  return positions;
}

void read_view_options(std::span<PgQuery__Node* const> options, ViewDefinition& definition) {
  constexpr std::string_view kKnown[] = {"retention"};
  std::vector<std::string_view> seen;
  for (const PgQuery__Node* node : options) {
    check_option(*node->def_elem, kKnown, "view", seen);
    definition.retention_ms = read_duration_ms(*node->def_elem);
  }
}

}  // namespace headrace
