#include "base/error.h"

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "fmt/format.h"

namespace headrace {
namespace {

// Kafka codes: org.apache.kafka.common.protocol.Errors. Exit codes follow sysexits.h where one fits.
constexpr CodeInfo kCodes[] = {
    {Code::kInvalid, "invalid", "The request is not valid", 422, 87, 65},
    {Code::kNotFound, "not-found", "There is no such thing", 404, 3, 66},
    {Code::kConflict, "conflict", "This contradicts what exists", 409, 36, 73},
    {Code::kRefused, "refused", "This would lose data", 409, 44, 77},
    {Code::kUnsupported, "unsupported", "Headrace does not do this", 501, 35, 64},
    {Code::kTooLarge, "too-large", "This is above a limit", 413, 10, 65},
    {Code::kBusy, "busy", "Too much at once; try again later", 429, 7, 75},
    {Code::kTimeout, "timeout", "This did not happen in time", 504, 7, 75},
    {Code::kUnavailable, "unavailable", "Not ready; try again later", 503, 8, 69},
    {Code::kCorrupt, "corrupt", "Stored data failed its check", 500, 2, 74},
    {Code::kOutOfSpace, "out-of-space", "The disk is full", 507, 56, 74},
    {Code::kIo, "io", "Input or output failed", 500, 56, 74},
    {Code::kInternal, "internal", "This is a bug in Headrace", 500, -1, 70},
};

}  // namespace

const CodeInfo& info(Code code) {
  const CodeInfo& entry = kCodes[static_cast<size_t>(code)];
  check(entry.code == code, "the table of codes is in the order of the enum");
  return entry;
}

void throw_errno(std::string_view doing) {
  const int error = errno;
  const Code code = error == ENOSPC || error == EDQUOT ? Code::kOutOfSpace
                    : error == ENOENT                  ? Code::kNotFound
                                                       : Code::kIo;
  throw Error(code, fmt::format("{}: {}", doing, std::strerror(error)));
}

}  // namespace headrace
