#include "views/epoch_span.h"

#include <charconv>

#include "base/error.h"
#include "fmt/format.h"
#include "xxhash.h"

namespace headrace {
namespace {

constexpr std::string_view kFromHeader = "headrace.from";
constexpr std::string_view kToHeader = "headrace.to";
constexpr std::string_view kBeforeHeader = "headrace.before";

int64_t parse_count(std::string_view text) {
  int64_t count = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (problem != std::errc() || end != text.data() + text.size() || count < 0)
    throw Error(Code::kCorrupt, fmt::format("the header {} of a record is \"{}\", not a count", kBeforeHeader, text));
  return count;
}

}  // namespace

std::optional<BatchSpan> span_of(const Record& first) {
  std::optional<Frontier> from, to;
  std::optional<int64_t> before;
  for (const RecordHeader& header : first.headers) {
    if (!header.value) continue;
    if (header.key == kFromHeader) from = Frontier::decode(*header.value);
    if (header.key == kToHeader) to = Frontier::decode(*header.value);
    if (header.key == kBeforeHeader) before = parse_count(*header.value);
  }
  if (!from || !to || !before) return std::nullopt;
  return BatchSpan{{std::move(*from), std::move(*to)}, *before};
}

EpochHeaders::EpochHeaders(const EpochSpan& epoch) : from_(epoch.from.encode()), to_(epoch.to.encode()) {}

std::span<const RecordHeader> EpochHeaders::of_batch(int64_t records_before) {
  records_before_ = fmt::to_string(records_before);
  headers_ = {RecordHeader{kFromHeader, from_}, RecordHeader{kToHeader, to_},
              RecordHeader{kBeforeHeader, records_before_}};
  return headers_;
}

uint64_t EpochHeaders::hash() const {
  return XXH3_64bits_withSeed(to_.data(), to_.size(), XXH3_64bits(from_.data(), from_.size()));
}

}  // namespace headrace
