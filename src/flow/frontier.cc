#include "flow/frontier.h"

#include <charconv>

#include "base/bytes.h"
#include "fmt/format.h"
#include "schema/types.h"

namespace headrace {
namespace {

constexpr uint8_t kFormat = 1;
constexpr int64_t kSourcesMax = 1000;

Error bad_token(std::string_view text, const char* why) {
  return {Code::kInvalid,
          fmt::format("\"{}\" is not a token: {}; send back what an append answered, like flights@0:1200,3:1188",
                      text.substr(0, 100), why)};
}

}  // namespace

bool Frontier::covers(const Frontier& other) const {
  for (size_t source = 0; source < other.offsets.size(); ++source) {
    for (size_t partition = 0; partition < other.offsets[source].size(); ++partition) {
      const bool known = source < offsets.size() && partition < offsets[source].size();
      const Offset mine = known ? offsets[source][partition] : Offset{0};
      if (mine < other.offsets[source][partition]) return false;
    }
  }
  return true;
}

std::string Frontier::encode() const {
  std::string out;
  Writer writer(out);
  writer.byte(kFormat);
  writer.varint(static_cast<int64_t>(offsets.size()));
  for (const auto& partitions : offsets) {
    writer.varint(static_cast<int64_t>(partitions.size()));
    for (const Offset offset : partitions) writer.varint(offset.value);
  }
  return out;
}

Frontier Frontier::decode(std::string_view bytes) {
  Reader reader(bytes);
  if (reader.byte() != kFormat) reader.fail("a frontier has an unknown format");
  const int64_t sources = reader.varint();
  if (sources < 0 || sources > kSourcesMax) reader.fail("a frontier has too many sources");
  Frontier result;
  result.offsets.resize(static_cast<size_t>(sources));
  for (auto& partitions : result.offsets) {
    const int64_t count = reader.varint();
    if (count < 0 || count > kPartitionsMax) reader.fail("a frontier has too many partitions");
    partitions.reserve(static_cast<size_t>(count));
    for (int64_t partition = 0; partition < count; ++partition) {
      const Offset offset{reader.varint()};
      if (offset.value < 0) reader.fail("a frontier has a negative offset");
      partitions.push_back(offset);
    }
  }
  if (!reader.empty()) reader.fail("a frontier is followed by other bytes");
  return result;
}

std::string Token::to_string() const {
  std::string out = stream + "@";
  for (size_t i = 0; i < ends.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}{}:{}", i ? "," : "", ends[i].first, ends[i].second.value);
  if (version) fmt::format_to(std::back_inserter(out), "~{}", *version);
  return out;
}

Token Token::parse(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos) throw bad_token(text, "it has no @");
  if (at == 0) throw bad_token(text, "it does not name a stream");
  if (at > kNameBytesMax) throw bad_token(text, "the name is too long");
  Token token{.stream = std::string(text.substr(0, at)), .ends = {}};
  const char* next = text.data() + at + 1;
  const char* end = text.data() + text.size();
  if (const size_t tilde = text.find('~', at); tilde != std::string_view::npos) {
    const auto parsed = std::from_chars(text.data() + tilde + 1, end, token.version.emplace());
    if (parsed.ec != std::errc() || parsed.ptr != end) throw bad_token(text, "its version is not a number");
    end = text.data() + tilde;
  }
  while (next != end) {
    PartitionId partition = 0;
    int64_t offset = 0;
    auto parsed = std::from_chars(next, end, partition);
    if (parsed.ec != std::errc() || partition < 0 || partition >= kPartitionsMax)
      throw bad_token(text, "a partition is not a number");
    if (parsed.ptr == end || *parsed.ptr != ':') throw bad_token(text, "a partition is not followed by :offset");
    parsed = std::from_chars(parsed.ptr + 1, end, offset);
    if (parsed.ec != std::errc() || offset < 0) throw bad_token(text, "an offset is not a number");
    if (!token.ends.empty() && partition <= token.ends.back().first)
      throw bad_token(text, "the partitions are not in ascending order");
    token.ends.emplace_back(partition, Offset{offset});
    next = parsed.ptr;
    if (next == end) break;
    if (*next != ',' || next + 1 == end) throw bad_token(text, "it does not end after an offset");
    ++next;
  }
  return token;
}

}  // namespace headrace
