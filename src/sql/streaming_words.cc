#include "sql/streaming_words.h"

#include <algorithm>

#include "schema/value.h"

namespace headrace {
namespace {

using syntax::fail;
using syntax::Token;

constexpr std::string_view kWatermarkForm = "WATERMARK FOR column AS column - INTERVAL '5 minutes'";

bool starts_with(std::span<const Token> tokens, std::initializer_list<std::string_view> words) {
  return tokens.size() >= words.size() &&
         std::ranges::equal(words, tokens.first(words.size()),
                            [](std::string_view w, const Token& t) { return t.is(w); });
}

void blank(std::string& text, size_t from, size_t to) {
  std::fill(text.begin() + static_cast<ptrdiff_t>(from), text.begin() + static_cast<ptrdiff_t>(to), ' ');
}

int depth_change(const Token& token) {
  if (token.is("(") || token.is("[")) return 1;
  return token.is(")") || token.is("]") ? -1 : 0;
}

// The text of a plain string literal.
std::optional<std::string> unquote_string(const Token& token) {
  if (!token.is_string() || !token.word.starts_with('\'')) return std::nullopt;
  std::string result;
  for (size_t i = 1; i + 1 < token.word.size(); ++i) {
    result += token.word[i];
    if (token.word[i] == '\'') ++i;  // doubled
  }
  return result;
}

// WATERMARK FOR column AS column [- INTERVAL '...' [unit]]
Watermark parse_watermark(std::span<const Token> item) {
  const auto at = static_cast<int64_t>(item[0].start);
  const auto refuse = [&](size_t index) {
    const Token& token = item[std::min(index, item.size() - 1)];
    fail(Code::kInvalid, static_cast<int64_t>(token.start), "a watermark is written {}", kWatermarkForm);
  };
  if (item.size() < 5 || !item[1].is("for")) refuse(1);
  if (!item[3].is("as")) refuse(3);
  Watermark result{.column = unquote_name(item[2]), .delay_us = 0, .position = at};
  if (unquote_name(item[4]) != result.column)
    fail(Code::kUnsupported, static_cast<int64_t>(item[4].start), "a watermark follows its own column: {}",
         kWatermarkForm);
  if (item.size() == 5) return result;
  if (item.size() < 8 || item.size() > 9 || !item[5].is("-") || !item[6].is("interval")) refuse(5);
  std::optional<std::string> text = unquote_string(item[7]);
  if (!text) refuse(7);
  if (item.size() == 9) *text += " " + item[8].word;
  Value value;
  try {
    value = parse_text(*text, Type{.kind = Kind::kInterval});
  } catch (const Error& error) {
    throw Error(error.code(), error.message(), Where{.position = static_cast<int64_t>(item[7].start)});
  }
  const Interval& interval = std::get<Interval>(value);
  const __int128 micros = static_cast<__int128>(interval.days) * 86'400'000'000 + interval.micros;
  if (interval.months != 0 || micros < 0 || micros > INT64_MAX)
    fail(Code::kInvalid, static_cast<int64_t>(item[7].start),
         "the delay of a watermark is a time of zero or more, without months");
  result.delay_us = static_cast<int64_t>(micros);
  return result;
}

// Takes WATERMARK clauses out of the list of columns, each with one of the commas beside it.
void take_watermark(StreamingWords& words, std::span<const Token> tokens) {
  const auto open = std::ranges::find_if(tokens, [](const Token& token) { return token.is("(") || token.is("with"); });
  if (open == tokens.end() || open->is("with")) return;
  const auto first = static_cast<size_t>(open - tokens.begin()) + 1;
  int depth = 1;
  size_t item = first;
  for (size_t i = first; i < tokens.size() && depth > 0; ++i) {
    depth += depth_change(tokens[i]);
    const bool ends = depth == 0 || (depth == 1 && tokens[i].is(","));
    if (!ends) continue;
    const std::span<const Token> clause = tokens.subspan(item, i - item);
    if (starts_with(clause, {"watermark", "for"})) {
      if (words.watermark)
        fail(Code::kInvalid, static_cast<int64_t>(clause[0].start),
             "a stream has one watermark, and this is the second");
      words.watermark = parse_watermark(clause);
      const bool has_before = item > first;
      const size_t from = has_before ? tokens[item - 1].start : clause.front().start;
      const size_t to = !has_before && tokens[i].is(",") ? tokens[i].end : clause.back().end;
      blank(words.text, from, to);
    }
    item = i + 1;
  }
}

void take_format(StreamingWords& words, std::span<const Token> tokens) {
  int depth = 0;
  for (size_t i = 3; i < tokens.size(); ++i) {
    depth += depth_change(tokens[i]);
    if (depth != 0) continue;
    if (tokens[i].is("as")) return;
    if (!tokens[i].is("format")) continue;
    constexpr std::string_view kForms = "FORMAT is AVRO, JSON or RAW";
    if (i + 1 == tokens.size()) fail(Code::kInvalid, static_cast<int64_t>(tokens[i].end), "{}", kForms);
    const Token& name = tokens[i + 1];
    if (name.is("avro"))
      words.format = ValueFormat::kAvro;
    else if (name.is("json"))
      words.format = ValueFormat::kJson;
    else if (name.is("raw"))
      words.format = ValueFormat::kRaw;
    else
      fail(Code::kInvalid, static_cast<int64_t>(name.start), "\"{}\" is not a format; {}", name.word, kForms);
    blank(words.text, tokens[i].start, name.end);
    return;
  }
}

// What follows the first AS outside of parentheses, less WITH [NO] DATA.
void take_query(StreamingWords& words, std::string_view statement, std::span<const Token> tokens) {
  int depth = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    depth += depth_change(tokens[i]);
    if (depth != 0 || !tokens[i].is("as") || i + 1 == tokens.size()) continue;
    size_t end = tokens.size();
    if (end - i > 3 && tokens[end - 1].is("data") && tokens[end - 2].is("with")) end -= 2;
    words.query = statement.substr(tokens[i + 1].start, tokens[end - 1].end - tokens[i + 1].start);
    words.query_position = static_cast<int64_t>(tokens[i + 1].start);
    for (size_t j = i; j + 2 < tokens.size(); ++j) {
      if (starts_with(tokens.subspan(j), {"emit", "on", "window"}))
        fail(Code::kUnsupported, static_cast<int64_t>(tokens[j].start),
             "EMIT ON WINDOW CLOSE is not supported yet; views show each window as it fills");
    }
    return;
  }
}

void take_create(StreamingWords& words, std::string_view statement, std::span<const Token> tokens) {
  size_t at = 1;
  const auto start = static_cast<int64_t>(tokens[0].start);
  if (starts_with(tokens, {"create", "or", "replace"})) {
    if (!starts_with(tokens, {"create", "or", "replace", "materialized", "view"}))
      fail(Code::kUnsupported, start,
           "OR REPLACE only goes with MATERIALIZED VIEW; streams and tables are changed by ALTER ... ADD COLUMN");
    words.or_replace = true;
    blank(words.text, tokens[1].start, tokens[2].end);
    at = 3;
  }
  if (at >= tokens.size()) return;
  const std::string& what = tokens[at].word;
  if (what == "queue" || what == "sink")
    fail(Code::kUnsupported, start, "CREATE {} is not supported yet; consume a derived stream with any Kafka client",
         what == "queue" ? "QUEUE" : "SINK");
  if (what == "view")
    fail(Code::kUnsupported, start,
         "CREATE VIEW is not supported; write CREATE MATERIALIZED VIEW: it is kept up to date");
  if (what == "stream") {
    words.is_stream = true;
    words.text.replace(tokens[at].start, 6, "TABLE ");
  }
  if (what == "stream" || what == "table") {
    take_watermark(words, tokens.subspan(at + 1));
    take_format(words, tokens);
  }
  if (what == "stream" || what == "table" || what == "materialized") take_query(words, statement, tokens);
}

}  // namespace

std::string unquote_name(const Token& token) {
  if (!token.word.starts_with('"')) return token.word;
  std::string result;
  for (size_t i = 1; i + 1 < token.word.size(); ++i) {
    result += token.word[i];
    if (token.word[i] == '"') ++i;  // doubled
  }
  return result;
}

StreamingWords take_streaming_words(std::string_view statement, std::span<const Token> tokens) {
  StreamingWords words{.text = std::string(statement)};
  if (tokens.size() < 2) return words;
  if (tokens[0].is("create")) {
    take_create(words, statement, tokens);
  } else if ((tokens[0].is("drop") || tokens[0].is("alter")) && tokens[1].is("stream")) {
    words.is_stream = true;
    words.text.replace(tokens[1].start, 6, "TABLE ");
  }
  return words;
}

}  // namespace headrace
