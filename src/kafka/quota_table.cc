#include "kafka/quota_table.h"

#include "base/bytes.h"

namespace headrace::kafka {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kDefaultKind = 1;
constexpr uint8_t kClientKind = 2;

}  // namespace

std::optional<int64_t> QuotaTable::rate(QuotaKey key, std::string_view client) const {
  const auto own = clients_.find(client);
  if (own != clients_.end() && own->second[key]) return own->second[key];
  return default_[key];
}

Quota QuotaTable::quota_of(const QuotaClient& client) const {
  if (!client) return default_;
  const auto own = clients_.find(*client);
  return own == clients_.end() ? Quota() : own->second;
}

void QuotaTable::set(const QuotaClient& client, const Quota& quota) {
  if (!client) {
    default_ = quota;
  } else if (quota.empty()) {
    clients_.erase(*client);
  } else {
    clients_.insert_or_assign(*client, quota);
  }
}

std::string encode(const QuotaClient& client) {
  std::string out;
  Writer writer(out);
  writer.byte(client ? kClientKind : kDefaultKind);
  if (client) writer.bytes(*client);
  return out;
}

std::string encode(const Quota& quota) {
  std::string out;
  Writer writer(out);
  writer.byte(kVersion);
  for (size_t key = 0; key < kQuotaKeys; ++key) {
    const std::optional<int64_t> rate = quota.rates[key];
    if (!rate) continue;
    writer.byte(static_cast<uint8_t>(key));
    writer.varint(*rate);
  }
  return out;
}

QuotaClient decode_quota_client(std::string_view bytes) {
  Reader reader(bytes);
  const uint8_t kind = reader.byte();
  if (kind == kClientKind) return std::string(reader.bytes(reader.remaining()));
  if (kind != kDefaultKind || !reader.empty()) reader.fail("the key names no client");
  return std::nullopt;
}

Quota decode_quota(std::string_view bytes) {
  Reader reader(bytes);
  if (reader.byte() != kVersion) reader.fail("the record is of a version that this program does not know");
  Quota quota;
  while (!reader.empty()) {
    const size_t key = reader.byte();
    if (key >= kQuotaKeys) reader.fail("there is no quota of that number");
    const int64_t rate = reader.varint();
    if (rate <= 0) reader.fail("a rate is not above 0");
    quota.rates[key] = rate;
  }
  return quota;
}

}  // namespace headrace::kafka
