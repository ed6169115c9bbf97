// What streaming adds to PostgreSQL's grammar, taken off a statement before it is parsed: CREATE STREAM becomes CREATE
// TABLE, and OR REPLACE, WATERMARK clauses and FORMAT become blanks. Every other byte stays where it was, so the
// positions in the parser's errors are those of the text that the user wrote. Works on tokens, never on text, so that
// strings and comments are not touched.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sql/definitions.h"
#include "sql/syntax.h"

namespace headrace {

struct Watermark {
  std::string column;
  int64_t delay_us = 0;
  int64_t position = 0;
};

struct StreamingWords {
  std::string text;  // what PostgreSQL's parser takes, as long as the statement
  bool is_stream = false;
  bool or_replace = false;
  std::optional<Watermark> watermark;
  std::optional<ValueFormat> format;
  std::string query;           // what follows AS
  int64_t query_position = 0;  // of it in the statement
};

// `tokens` are those of `statement`. Throws Error with positions in it.
StreamingWords take_streaming_words(std::string_view statement, std::span<const syntax::Token> tokens);

// The name that a word stands for: without its double quotes.
std::string unquote_name(const syntax::Token& token);

}  // namespace headrace
