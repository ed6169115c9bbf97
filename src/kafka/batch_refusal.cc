#include "kafka/batch_refusal.h"

#include "base/bytes.h"
#include "fmt/format.h"
#include "log/record_batch.h"

namespace headrace::kafka {
namespace {

using namespace batch_layout;

constexpr int16_t kFirstWithZstd = 7;
constexpr int64_t kSmallestBytes = 14;  // of any format's batch, after its length

Refusal refusal(ErrorCode code, std::string message) {
  return {code, std::move(message)};
}

}  // namespace

std::optional<Refusal> refuse_batch(std::string_view records, int16_t version, size_t bytes_max) {
  const char* const at = records.data();
  if (records.size() <= kMagicAt) return refusal(ErrorCode::kInvalidRecord, "there is no record batch");
  const int64_t length = load_big_endian<int32_t>(at + kLengthAt);
  const int8_t magic = static_cast<int8_t>(at[kMagicAt]);
  if (length < kSmallestBytes) {
    return refusal(ErrorCode::kCorruptMessage, fmt::format("a batch has the impossible length {}", length));
  }
  if (magic < 0 || magic > kMagic) {
    return refusal(ErrorCode::kCorruptMessage, fmt::format("a batch has the unknown version {}", magic));
  }
  const int64_t extra = static_cast<int64_t>(records.size() - kLengthEnd) - length;
  if (extra < 0) {
    return refusal(ErrorCode::kInvalidRecord, fmt::format("{} bytes of the record batch are missing", -extra));
  }
  if (magic != kMagic) return refusal(ErrorCode::kInvalidRecord, "only record batches of version 2 are taken");
  if (records.size() < kBatchHeaderBytes) {
    return refusal(ErrorCode::kCorruptMessage, fmt::format("{} bytes are too few for a batch", records.size()));
  }
  const auto attributes = load_big_endian<int16_t>(at + kAttributesAt);
  if ((attributes & kCompressionMask) == static_cast<int>(Compression::kZstd) && version < kFirstWithZstd) {
    return refusal(ErrorCode::kUnsupportedCompressionType,
                   fmt::format("zstd needs version {} of Produce", kFirstWithZstd));
  }
  if (extra > 0) return refusal(ErrorCode::kInvalidRecord, "there is more than one record batch");
  if ((attributes & kTransactionalBit) != 0) {
    return refusal(ErrorCode::kTransactionalIdAuthorizationFailed, "transactions are not served");
  }
  if (const auto base = load_big_endian<int64_t>(at + kBaseOffsetAt); base != 0) {
    return refusal(ErrorCode::kInvalidRecord, fmt::format("the batch has the base offset {} instead of 0", base));
  }
  if (records.size() > bytes_max) {
    return refusal(ErrorCode::kMessageTooLarge,
                   fmt::format("a batch has {} bytes and may have {}", records.size(), bytes_max));
  }
  // Control batches are made by brokers. A damaged one may have been none.
  if ((attributes & kControlBit) != 0 && !is_damaged(records)) {
    return refusal(ErrorCode::kInvalidRecord, "clients may not write control records");
  }
  return std::nullopt;
}

}  // namespace headrace::kafka
