// Functions that make new text. Every result is bounded by kValueBytesMax, and is not even begun if it would be longer.
#include <cstring>

#include "flow/functions_characters.h"
#include "flow/functions_kernel.h"

namespace headrace {

using enum Kind;

namespace {

using Text = std::string_view;
using Evaluate = void (*)(const Call& call, ColumnData& result);

constexpr const char* kRequestedTooLong = "requested length too large";

// Collects results in an arena. `make(row, out)` appends to an empty string and returns an error or null.
template <typename Make>
void each_text(const Call& call, ColumnData& result, Make make) {
  Arena arena;
  std::string text;
  for_each_row(call, result, [&](size_t row) -> const char* {
    text.clear();
    if (const char* error = make(row, text)) return error;
    if (text.size() > kValueBytesMax) return kTooLong;
    result.bytes[row] = arena.add(text);
    return nullptr;
  });
  result.buffers.push_back(arena.buffer());
}

void join(const Call& call, ColumnData& result) {
  const Argument<Text> left(call, 0);
  const Argument<Text> right(call, 1);
  Arena arena;
  for_each_row(call, result, [&](size_t row) -> const char* {
    const size_t size = left[row].size() + right[row].size();
    if (size > kValueBytesMax) return kTooLong;
    if (size == 0) return nullptr;
    char* to = arena.take(size);
    std::ranges::copy(right[row], std::ranges::copy(left[row], to).out);
    result.bytes[row] = {to, size};
    return nullptr;
  });
  result.buffers.push_back(arena.buffer());
}

template <void (*append)(std::string& out, Text text)>
void change_case(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  each_text(call, result, [&](size_t row, std::string& out) -> const char* {
    append(out, texts[row]);
    return nullptr;
  });
}

void replace(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<Text> olds(call, 1);
  const Argument<Text> news(call, 2);
  each_text(call, result, [&](size_t row, std::string& out) -> const char* {
    Text rest = texts[row];
    const Text old = olds[row];
    while (!old.empty() && old.size() <= rest.size()) {
      const void* found = memmem(rest.data(), rest.size(), old.data(), old.size());
      if (found == nullptr) break;
      const auto before = static_cast<size_t>(static_cast<const char*>(found) - rest.data());
      out.append(rest.substr(0, before)).append(news[row]);
      if (out.size() > kValueBytesMax) return kTooLong;
      rest.remove_prefix(before + old.size());
    }
    out.append(rest);
    return nullptr;
  });
}

void reverse(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  each_text(call, result, [&](size_t row, std::string& out) -> const char* {
    Text rest = texts[row];
    out.resize(rest.size());
    size_t end = rest.size();
    while (!rest.empty()) {
      const Text character = first_character(rest);
      end -= character.size();
      std::memcpy(out.data() + end, character.data(), character.size());
      rest.remove_prefix(character.size());
    }
    return nullptr;
  });
}

void repeat(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<int64_t> counts(call, 1);
  each_text(call, result, [&](size_t row, std::string& out) -> const char* {
    if (counts[row] <= 0 || texts[row].empty()) return nullptr;
    const auto count = static_cast<size_t>(counts[row]);
    if (count > kValueBytesMax / texts[row].size()) return kRequestedTooLong;
    out.reserve(count * texts[row].size());
    for (size_t i = 0; i < count; ++i) out.append(texts[row]);
    return nullptr;
  });
}

template <bool left>
const char* append_padded(std::string& out, Text text, int64_t length, Text fill) {
  const int64_t characters = count_characters(text);
  if (length <= characters || fill.empty()) {
    out.append(text.substr(0, after_characters(text, std::max<int64_t>(length, 0))));
    return nullptr;
  }
  // A character has a byte or more, so this many would be too long in any case.
  if (length > static_cast<int64_t>(kValueBytesMax)) return kRequestedTooLong;
  if (!left) out.append(text);
  const int64_t fill_characters = count_characters(fill);
  int64_t missing = length - characters;
  for (; missing >= fill_characters; missing -= fill_characters) {
    out.append(fill);
    if (out.size() > kValueBytesMax) return kRequestedTooLong;
  }
  out.append(fill.substr(0, after_characters(fill, missing)));
  if (left) out.append(text);
  return nullptr;
}

template <bool left, bool filled>
void pad(const Call& call, ColumnData& result) {
  const Argument<Text> texts(call, 0);
  const Argument<int64_t> lengths(call, 1);
  const std::optional<Argument<Text>> fills = filled ? std::optional(Argument<Text>(call, 2)) : std::nullopt;
  each_text(call, result, [&](size_t row, std::string& out) {
    return append_padded<left>(out, texts[row], lengths[row], fills ? (*fills)[row] : Text(" "));
  });
}

const char* append_argument(std::string& out, const Call& call, size_t argument, size_t row) {
  const ColumnData& column = *call.arguments[argument];
  append_cell_text(out, column, call.is_constant(argument) ? 0 : row, column.type);
  return out.size() > kValueBytesMax ? kTooLong : nullptr;
}

void concat(const Call& call, ColumnData& result) {
  each_text(call, result, [&](size_t row, std::string& out) -> const char* {
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      if (null_at(call, i, row)) continue;
      if (const char* error = append_argument(out, call, i, row)) return error;
    }
    return nullptr;
  });
}

void concat_with_separator(const Call& call, ColumnData& result) {
  std::string separator;
  each_text(call, result, [&](size_t row, std::string& out) -> const char* {
    if (null_at(call, 0, row)) {
      result.set_null(row);
      return nullptr;
    }
    separator.clear();
    if (const char* error = append_argument(separator, call, 0, row)) return error;
    bool first = true;
    for (size_t i = 1; i < call.arguments.size(); ++i) {
      if (null_at(call, i, row)) continue;
      if (!first) out.append(separator);
      first = false;
      if (const char* error = append_argument(out, call, i, row)) return error;
    }
    return nullptr;
  });
}

}  // namespace

void add_text_making_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, std::vector<Kind> parameters, Evaluate evaluate,
                       std::string_view description) {
    const Kind result = parameters[0];
    table.push_back({.name = name,
                     .parameters = std::move(parameters),
                     .result = result,
                     .evaluate = evaluate,
                     .description = description});
  };
  add("||", {kText, kText}, join, "both texts, one after the other; what is not text is cast to it");
  add("||", {kBytea, kBytea}, join, "both byte strings, one after the other");
  add("lower", {kText}, change_case<append_lower>, "in lower case");
  add("upper", {kText}, change_case<append_upper>, "in upper case");
  add("replace", {kText, kText, kText}, replace, "with every occurrence of the second argument replaced by the third");
  add("reverse", {kText}, reverse, "the characters in reverse order");
  add("repeat", {kText, kInteger}, repeat, "so many times, one after the other");
  add("lpad", {kText, kInteger}, pad<true, false>,
      "filled with spaces at the beginning, or cut, to so many characters");
  add("lpad", {kText, kInteger, kText}, pad<true, true>,
      "filled with a text at the beginning, or cut, to so many characters");
  add("rpad", {kText, kInteger}, pad<false, false>, "filled with spaces at the end, or cut, to so many characters");
  add("rpad", {kText, kInteger, kText}, pad<false, true>,
      "filled with a text at the end, or cut, to so many characters");
  const auto add_any = [&](std::string_view name, size_t parameters, Evaluate evaluate, std::string_view description) {
    table.push_back({.name = name,
                     .parameters = std::vector<Kind>(parameters, kText),
                     .result = kText,
                     .strict = false,
                     .evaluate = evaluate,
                     .description = description,
                     .variadic = true,
                     .polymorphic = Function::Polymorphic::kAny});
  };
  add_any("concat", 1, concat, "the texts of all arguments, one after the other; NULLs are left out");
  add_any("concat_ws", 2, concat_with_separator,
          "the texts of all arguments but the first, with the first between them; NULLs are left out");
}

}  // namespace headrace
