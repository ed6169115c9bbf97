// The one exception type of Headrace. Failures of libraries (RocksDB, asio, OpenSSL) become an Error where they enter,
// and one table maps each Code to what the outside sees: an HTTP status, a Kafka error code, an exit code. Code that
// only passes failures on needs no plumbing; errors are caught at boundaries: a request, a flow's epoch, main.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace headrace {

enum class Code : uint8_t {
  kInvalid,      // the request or the row is wrong; repeating it will not help
  kNotFound,     // no such stream, view, row, file
  kConflict,     // exists already, or contradicts what exists
  kRefused,      // understood, and would lose data or break a promise
  kUnsupported,  // valid, but not something Headrace does
  kTooLarge,     // above a named limit
  kBusy,         // a queue is full; try again later
  kTimeout,      // did not happen within the time given
  kUnavailable,  // starting, stopping, or rebuilding; try again later
  kCorrupt,      // stored bytes fail their check
  kOutOfSpace,   // the disk is full
  kIo,           // the disk or the network failed
  kInternal,     // a bug
};

// How a Code is shown to each kind of client.
struct CodeInfo {
  Code code;
  std::string_view name;  // stable, as in problem documents' "type"
  std::string_view title;
  int http_status;
  int16_t kafka_code;
  int exit_code;
};

const CodeInfo& info(Code code);

// Where in the input an error is, as far as it is known. Rows count from 1; `position` is a byte offset from 0 in the
// text that was given (an SQL statement, a JSON document, a body), -1 if unknown.
struct Where {
  int64_t row = -1;
  std::string column;
  int64_t position = -1;
};

class Error : public std::exception {
 public:
  // `message` is for a person: what was wrong, where, and what to do.
  Error(Code code, std::string message, Where where = {})
      : code_(code), message_(std::move(message)), where_(std::move(where)) {}

  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const Where& where() const { return where_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  Code code_;
  std::string message_;
  Where where_;
};

// Throws an Error for the current `errno`: kOutOfSpace, kNotFound or kIo.
[[noreturn]] void throw_errno(std::string_view doing);

}  // namespace headrace
