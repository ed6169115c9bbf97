// Text into values and back. The messages are PostgreSQL's, whose users know them.
#include <algorithm>

#include "flow/functions_cast.h"
#include "flow/functions_document.h"
#include "fmt/format.h"
#include "schema/json_form.h"
#include "schema/json_text.h"
#include "schema/text_form.h"
#include "schema/timestamp.h"

namespace headrace {

using enum Kind;

namespace {

using Text = std::string_view;

constexpr Text kSpaces = " \t\n\v\f\r";

Text trimmed(Text text) {
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == Text::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) + 1 - first);
}

// Long enough to recognise a value, short enough for a log.
Text shown(Text text) {
  constexpr size_t kShownBytesMax = 200;
  if (text.size() <= kShownBytesMax) return text;
  size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

// The type as PostgreSQL's messages name it.
std::string spelled(const Type& type) {
  switch (type.kind) {
    case kNumeric: return "numeric";
    case kJsonb: return "json";
    case kTimestamptz: return "timestamp with time zone";
    default: return type.name();
  }
}

std::string invalid(const Type& type, Text text) {
  return fmt::format("invalid input syntax for type {}: \"{}\"", spelled(type), shown(text));
}

std::string invalid_or_out_of_range(const Type& type, Text text, Text bare) {
  const size_t digits = bare.find_first_of("0123456789");
  const bool is_integer = digits <= 1 && digits != Text::npos && (digits == 0 || bare[0] == '-' || bare[0] == '+') &&
                          bare.find_first_not_of("0123456789", digits) == Text::npos;
  if (!is_integer) return invalid(type, text);
  return fmt::format("value \"{}\" is out of range for type {}", shown(text), type.name());
}

void parse_integers(const Type& to, const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    const Text bare = trimmed(texts[row]);
    const std::optional<int64_t> value = parse_integer(bare);
    if (value && in_range(*value, to.kind)) [[likely]] {
      result.ints[row] = *value;
    } else {
      fail(call, result, row, invalid_or_out_of_range(to, texts[row], bare));
    }
  }
}

// Whether a text is written like a number. One that was refused all the same is beyond the range of the type.
bool looks_like_number(Text text) {
  const auto take_digits = [&] {
    const size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  const auto take_any = [&](Text characters) {
    const bool found = !text.empty() && characters.find(text[0]) != Text::npos;
    if (found) text.remove_prefix(1);
    return found;
  };
  take_any("+-");
  size_t digits = take_digits();
  if (take_any(".")) digits += take_digits();
  if (digits > 0 && take_any("eE")) {
    take_any("+-");
    digits = take_digits();
  }
  return digits > 0 && text.empty();
}

void parse_floats(const Type& to, const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    const Text bare = trimmed(texts[row]);
    if (const std::optional<double> value = to.kind == kReal ? parse_real(bare) : parse_double(bare)) {
      result.floats[row] = *value;
    } else if (looks_like_number(bare)) {
      fail(call, result, row, fmt::format("\"{}\" is out of range for type {}", shown(bare), to.name()));
    } else {
      fail(call, result, row, invalid(to, texts[row]));
    }
  }
}

void parse_decimals(const Type& to, const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    const Text bare = trimmed(texts[row]);
    if (const std::optional<Decimal> value = Decimal::parse(bare)) {
      put_numeric(call, result, row, *value);
    } else if (looks_like_number(bare)) {
      fail(call, result, row, fmt::format("numeric \"{}\" has more than {} digits", shown(bare), Decimal::kDigitsMax));
    } else {
      fail(call, result, row, invalid(to, texts[row]));
    }
  }
}

// Types whose text form is read by parse_text: nothing to gain from a loop of their own.
void parse_others(const Type& to, const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  Arena arena;
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    Value value;
    try {
      value = parse_text(texts[row], to);
    } catch (const Error&) {
      const Text bare = trimmed(texts[row]);
      const bool is_time = to.kind == kDate || to.kind == kTimestamptz;
      const bool is_out_of_range =
          is_time && bare.find_first_not_of("0123456789-:+. TZ") == Text::npos && bare.find('-', 1) != Text::npos;
      if (to.kind == kJsonb || to.kind == kBytea) {
        fail(call, result, row, fmt::format("invalid input syntax for type {}", spelled(to)));
      } else if (to.kind == kArray) {
        fail(call, result, row, fmt::format("malformed array literal: \"{}\"", shown(texts[row])));
      } else if (is_out_of_range) {
        fail(call, result, row, fmt::format("date/time field value out of range: \"{}\"", shown(texts[row])));
      } else {
        fail(call, result, row, invalid(to, texts[row]));
      }
      continue;
    }
    if (const auto* number = std::get_if<int64_t>(&value)) result.ints[row] = *number;
    if (const auto* interval = std::get_if<Interval>(&value)) result.intervals[row] = *interval;
    if (const auto* bytes = std::get_if<std::string>(&value)) result.bytes[row] = arena.add(*bytes);
  }
  if (result.type.form() == Form::kBytes) result.buffers.push_back(arena.buffer());
}

}  // namespace

void append_cell_text(std::string& out, const ColumnData& column, size_t row, const Type& type) {
  switch (type.kind) {
    case kText: out.append(column.bytes[row]); return;
    case kSmallint:
    case kInteger:
    case kBigint: append_integer(out, column.ints[row]); return;
    case kJsonb: append_document_text(out, column.bytes[row]); return;
    default: out += to_text(column.value_at(row), type);
  }
}

void cast_from_text(const Type& to, const Call& call, ColumnData& result) {
  if (to.is_integer()) return parse_integers(to, call, result);
  if (to.kind == kNumeric) return parse_decimals(to, call, result);
  if (to.form() == Form::kFloat) return parse_floats(to, call, result);
  parse_others(to, call, result);
}

void cast_to_text(const Type& from, const Call& call, ColumnData& result) {
  Arena arena;
  std::string text;
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    if (from.kind == kBoolean) {
      result.bytes[row] = call.arguments[0]->ints[row] != 0 ? "true" : "false";  // never freed
      continue;
    }
    text.clear();
    append_cell_text(text, *call.arguments[0], row, from);
    if (text.size() > kValueBytesMax) {
      fail(call, result, row, kTooLong);
    } else {
      result.bytes[row] = arena.add(text);
    }
  }
  result.buffers.push_back(arena.buffer());
}

}  // namespace headrace
