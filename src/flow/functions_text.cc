// Functions of text that make a part of it or measure it. They count characters, not bytes. Parts are views into the
// argument; nothing is copied.
#include <cstring>
#include <limits>

#include "flow/functions_characters.h"
#include "flow/functions_kernel.h"

namespace headrace {

using enum Kind;

namespace {

using Text = std::string_view;
using Evaluate = void (*)(const Call& call, ColumnData& result);

constexpr auto kLength = [](Text text) { return count_characters(text); };
constexpr auto kBytes = [](Text text) { return static_cast<int64_t>(text.size()); };
constexpr auto kStartsWith = [](Text text, Text prefix) { return int64_t{text.starts_with(prefix)}; };

constexpr auto kPosition = [](Text text, Text part) -> int64_t {
  if (part.empty()) return 1;
  if (part.size() > text.size()) return 0;
  const void* found = memmem(text.data(), text.size(), part.data(), part.size());
  if (found == nullptr) return 0;
  return count_characters(text.substr(0, static_cast<size_t>(static_cast<const char*>(found) - text.data()))) + 1;
};

bool contains_character(Text set, Text character) {
  for (Text rest = set; !rest.empty();) {
    const Text next = first_character(rest);
    if (next == character) return true;
    rest.remove_prefix(next.size());
  }
  return false;
}

struct Trim {
  bool left;
  bool right;

  Text operator()(Text text, Text set) const {
    while (left && !text.empty() && contains_character(set, first_character(text))) {
      text.remove_prefix(first_character(text).size());
    }
    while (right && !text.empty()) {
      size_t last = text.size() - 1;
      while (last > 0 && is_continuation(text[last])) --last;
      if (!contains_character(set, text.substr(last))) break;
      text.remove_suffix(text.size() - last);
    }
    return text;
  }
};

Text first_characters(Text text, int64_t count) {
  if (count < 0) count = std::max<int64_t>(count_characters(text) + count, 0);
  return text.substr(0, after_characters(text, count));
}

Text last_characters(Text text, int64_t count) {
  const int64_t length = count_characters(text);
  return text.substr(after_characters(text, count < 0 ? -count : length - count));
}

// A part of a text as a view: `part` of the arguments of a row.
template <typename Part>
void each_part(const Call& call, ColumnData& result, Part part) {
  for_each_row(call, result, [&](size_t row) { return part(row, result.bytes[row]); });
  keep_buffers(call, result);
}

template <Trim trim>
void trim_spaces(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  each_part(call, result, [&](size_t row, Text& out) -> const char* {
    out = trim(texts[row], " ");
    return nullptr;
  });
}

template <Trim trim>
void trim_set(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<Text> sets(call, 1);
  each_part(call, result, [&](size_t row, Text& out) -> const char* {
    out = trim(texts[row], sets[row]);
    return nullptr;
  });
}

template <auto part>
void end_of_text(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<int64_t> counts(call, 1);
  each_part(call, result, [&](size_t row, Text& out) -> const char* {
    out = part(texts[row], counts[row]);
    return nullptr;
  });
}

void substring_from(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<int64_t> starts(call, 1);
  each_part(call, result, [&](size_t row, Text& out) -> const char* {
    out = texts[row].substr(after_characters(texts[row], starts[row] - 1));
    return nullptr;
  });
}

// Positions before the first character count too: substring('abc', -1, 3) is 'a'.
void substring_from_for(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<int64_t> starts(call, 1);
  const Argument<int64_t> counts(call, 2);
  each_part(call, result, [&](size_t row, Text& out) -> const char* {
    if (counts[row] < 0) return "negative substring length not allowed";
    const int64_t first = std::max<int64_t>(starts[row], 1);
    const int64_t end = starts[row] + counts[row];
    const Text rest = texts[row].substr(after_characters(texts[row], first - 1));
    out = rest.substr(0, after_characters(rest, end - first));
    return nullptr;
  });
}

// The n-th field, from 1 or, if negative, from the end.
Text field(Text text, Text delimiter, int64_t n) {
  if (delimiter.empty()) return n == 1 || n == -1 ? text : Text();
  if (n > 0) {
    for (; n > 1; --n) {
      const size_t at = text.find(delimiter);
      if (at == Text::npos) return {};
      text.remove_prefix(at + delimiter.size());
    }
    return text.substr(0, text.find(delimiter));
  }
  for (; n < -1; ++n) {
    const size_t at = text.rfind(delimiter);
    if (at == Text::npos) return {};
    text = text.substr(0, at);
  }
  const size_t at = text.rfind(delimiter);
  return at == Text::npos ? text : text.substr(at + delimiter.size());
}

void split_part(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<Text> delimiters(call, 1);
  const Argument<int64_t> numbers(call, 2);
  each_part(call, result, [&](size_t row, Text& out) -> const char* {
    if (numbers[row] == 0) return "field position must not be zero";
    out = field(texts[row], delimiters[row], numbers[row]);
    return nullptr;
  });
}

}  // namespace

void add_text_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, std::vector<Kind> parameters, Kind result, Evaluate evaluate,
                       std::string_view description) {
    table.push_back({.name = name,
                     .parameters = std::move(parameters),
                     .result = result,
                     .evaluate = evaluate,
                     .description = description});
  };
  for (const std::string_view name : {"length", "char_length", "character_length"}) {
    add(name, {kText}, kInteger, map_one<Text, int64_t, kLength>, "number of characters");
  }
  add("length", {kBytea}, kInteger, map_one<Text, int64_t, kBytes>, "number of bytes");
  add("octet_length", {kText}, kInteger, map_one<Text, int64_t, kBytes>, "number of bytes");
  add("octet_length", {kBytea}, kInteger, map_one<Text, int64_t, kBytes>, "number of bytes");
  add("btrim", {kText}, kText, trim_spaces<Trim{true, true}>, "without spaces at both ends; also trim(text)");
  add("btrim", {kText, kText}, kText, trim_set<Trim{true, true}>, "without the given characters at both ends");
  add("ltrim", {kText}, kText, trim_spaces<Trim{true, false}>, "without spaces at the beginning");
  add("ltrim", {kText, kText}, kText, trim_set<Trim{true, false}>, "without the given characters at the beginning");
  add("rtrim", {kText}, kText, trim_spaces<Trim{false, true}>, "without spaces at the end");
  add("rtrim", {kText, kText}, kText, trim_set<Trim{false, true}>, "without the given characters at the end");
  for (const std::string_view name : {"substring", "substr"}) {
    add(name, {kText, kInteger}, kText, substring_from, "from a character, counted from 1, to the end");
    add(name, {kText, kInteger, kInteger}, kText, substring_from_for,
        "from a character, counted from 1, so many characters");
  }
  add("left", {kText, kInteger}, kText, end_of_text<first_characters>,
      "the first characters; negative: all but so many at the end");
  add("right", {kText, kInteger}, kText, end_of_text<last_characters>,
      "the last characters; negative: all but so many at the beginning");
  add("split_part", {kText, kText, kInteger}, kText, split_part,
      "the n-th field between delimiters, from 1; negative: from the end");
  for (const std::string_view name : {"position", "strpos"}) {
    add(name, {kText, kText}, kInteger, map_two<Text, Text, int64_t, kPosition>,
        "where the second text begins in the first, from 1; 0: it does not");
  }
  add("starts_with", {kText, kText}, kBoolean, map_two<Text, Text, int64_t, kStartsWith>,
      "whether the first text begins with the second");
  add_text_making_functions(table);
}

}  // namespace headrace
