// Which client may move how many bytes a second: quotas as they were set, and as records of the topic `_quotas`. A
// client's own quota counts before the default one, for each of the keys by itself. The format is in docs/formats.md.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace headrace::kafka {

// What is limited, under the names that Kafka's tools know.
enum class QuotaKey : uint8_t { kProducerByteRate, kConsumerByteRate };
inline constexpr size_t kQuotaKeys = 2;
inline constexpr std::array<std::string_view, kQuotaKeys> kQuotaNames = {"producer_byte_rate", "consumer_byte_rate"};

// Of a client id in a quota. Longer ids fall under the default one.
inline constexpr size_t kClientIdBytesMax = 255;

struct Quota {
  std::array<std::optional<int64_t>, kQuotaKeys> rates;  // bytes a second, above 0; without: no limit

  std::optional<int64_t>& operator[](QuotaKey key) { return rates[static_cast<size_t>(key)]; }
  const std::optional<int64_t>& operator[](QuotaKey key) const { return rates[static_cast<size_t>(key)]; }
  bool empty() const { return *this == Quota(); }
  bool operator==(const Quota&) const = default;
};

// A client id, or none for the default of all that have no quota of their own.
using QuotaClient = std::optional<std::string>;

class QuotaTable {
 public:
  // Nothing where there is no limit.
  std::optional<int64_t> rate(QuotaKey key, std::string_view client) const;
  // As it was set.
  Quota quota_of(const QuotaClient& client) const;
  // An empty quota removes what is there.
  void set(const QuotaClient& client, const Quota& quota);

  const std::map<std::string, Quota, std::less<>>& clients() const { return clients_; }
  bool empty() const { return clients_.empty() && default_.empty(); }

 private:
  std::map<std::string, Quota, std::less<>> clients_;
  Quota default_;
};

std::string encode(const QuotaClient& client);
std::string encode(const Quota& quota);
// Throw Error(kCorrupt).
QuotaClient decode_quota_client(std::string_view bytes);
Quota decode_quota(std::string_view bytes);

}  // namespace headrace::kafka
