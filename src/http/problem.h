// Failures as HTTP clients see them: RFC 9457 problem documents. Most come from an Error and its Code; the rest are
// HTTP's own (an unknown route, a body that is too slow) and have a row in the table here. The types are listed in
// docs/http.md.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/response.h"

namespace headrace {

// A failure that only HTTP knows.
struct ProblemKind {
  std::string_view name;
  std::string_view title;
  int status;
};

namespace problems {
inline constexpr ProblemKind kBadRequest{"bad-request", "This is not a valid HTTP request", 400};
inline constexpr ProblemKind kForbiddenOrigin{"forbidden-origin", "Another site may not do this", 403};
inline constexpr ProblemKind kNoRoute{"no-route", "There is no such call", 404};
inline constexpr ProblemKind kMethod{"method-not-allowed", "This address has other methods", 405};
inline constexpr ProblemKind kSlowRequest{"slow-request", "The request took too long to arrive", 408};
inline constexpr ProblemKind kMediaType{"media-type", "The body's type is not one that this call takes", 415};
inline constexpr ProblemKind kExpectation{"expectation", "Only Expect: 100-continue is known", 417};
inline constexpr ProblemKind kHeaderTooLarge{"header-too-large", "The header is above a limit", 431};
inline constexpr ProblemKind kTransferCoding{"transfer-coding", "Only chunked is known", 501};
inline constexpr ProblemKind kVersion{"http-version", "HTTP/1.1 is spoken here", 505};
}  // namespace problems

// Each fills `response` with a problem document, replacing what was in it; header fields set before stay out.
void respond_problem(Response& response, const ProblemKind& kind, std::string_view detail);
// With row, column and position where they are known. When `source` is the text that the position is in, its line and
// the column in it are told too. 429, 503 and 504 get a Retry-After.
void respond_problem(Response& response, const Error& error, std::string_view source = {});
// For any exception: an Error as above, memory that ran out as 503, everything else as an internal error whose trace
// id is in the document and on standard error.
void respond_exception(Response& response, const std::exception_ptr& exception, std::string_view source = {});

// Appends `text` as a JSON string; bytes that are not UTF-8 become U+FFFD, so that what a client sent can be shown.
void append_json_text(std::string& out, std::string_view text);

}  // namespace headrace
