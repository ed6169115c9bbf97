#include "views/epoch_span.h"

#include <charconv>

#include "base/error.h"
#include "fmt/format.h"
#include "xxhash.h"

namespace headrace {
namespace {

constexpr std::string_view kFlowHeader = "headrace.flow";
constexpr std::string_view kFromHeader = "headrace.from";
constexpr std::string_view kToHeader = "headrace.to";
constexpr std::string_view kBeforeHeader = "headrace.before";

template <typename Number>
Number parse_number(const RecordHeader& header) {
  const std::string_view text = *header.value;
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0)
    throw Error(Code::kCorrupt, fmt::format("the header {} of a record is \"{}\", not a number", header.key, text));
  return number;
}

}  // namespace

std::optional<BatchSpan> span_of(const Record& first) {
  std::optional<uint32_t> flow;
  std::optional<Frontier> from, to;
  std::optional<int64_t> before;
  for (const RecordHeader& header : first.headers) {
    if (!header.value) continue;
    if (header.key == kFlowHeader) flow = parse_number<uint32_t>(header);
    if (header.key == kFromHeader) from = Frontier::decode(*header.value);
    if (header.key == kToHeader) to = Frontier::decode(*header.value);
    if (header.key == kBeforeHeader) before = parse_number<int64_t>(header);
  }
  if (!flow || !from || !to || !before) return std::nullopt;
  return BatchSpan{{TableId{*flow}, std::move(*from), std::move(*to)}, *before};
}

EpochHeaders::EpochHeaders(const EpochSpan& epoch)
    : flow_(fmt::to_string(static_cast<uint32_t>(epoch.flow))), from_(epoch.from.encode()), to_(epoch.to.encode()) {}

std::span<const RecordHeader> EpochHeaders::of_batch(int64_t records_before) {
  records_before_ = fmt::to_string(records_before);
  headers_ = {RecordHeader{kFlowHeader, flow_}, RecordHeader{kFromHeader, from_}, RecordHeader{kToHeader, to_},
              RecordHeader{kBeforeHeader, records_before_}};
  return headers_;
}

uint64_t EpochHeaders::hash() const {
  return XXH3_64bits_withSeed(to_.data(), to_.size(), XXH3_64bits(from_.data(), from_.size()));
}

}  // namespace headrace
