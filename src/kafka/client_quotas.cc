// The calls that set and show quotas (KIP-546). Quotas here are by client id, or the default one for all client ids;
// there are no users and no quotas by address. A request may change several clients: each that is in order is changed,
// and each other one is told what is wrong.
#include <cmath>
#include <set>

#include "fmt/format.h"
#include "kafka/apis.h"
#include "kafka/messages/alter_client_quotas.h"
#include "kafka/messages/describe_client_quotas.h"
#include "kafka/refusal.h"

namespace headrace::kafka {
namespace {

constexpr std::string_view kClientId = "client-id";
constexpr double kRateMax = 1e15;  // bytes a second; doubles are exact up to there

using Entry = AlterClientQuotasRequest::Entry;
using Described = DescribeClientQuotasResponse::Entry;

[[noreturn]] void refuse(std::string message) {
  throw Error(Code::kInvalid, std::move(message));
}

QuotaClient client_of(const Entry& entry) {
  if (entry.entity.empty()) refuse("the entity is empty; name a client id");
  QuotaClient client;
  for (const auto& part : entry.entity) {
    if (part.entity_type != kClientId) {
      refuse(fmt::format("quotas are by client-id, or by its default; \"{}\" is not served", part.entity_type));
    }
    if (part.entity_name) client.emplace(*part.entity_name);
  }
  if (entry.entity.size() > 1) refuse("an entity has one client-id");
  if (client && (client->empty() || client->size() > kClientIdBytesMax)) {
    refuse(fmt::format("a client id in a quota has 1 to {} bytes; leave it out for the default", kClientIdBytesMax));
  }
  return client;
}

QuotaKey key_of(std::string_view name) {
  for (size_t key = 0; key < kQuotaKeys; ++key) {
    if (kQuotaNames[key] == name) return static_cast<QuotaKey>(key);
  }
  refuse(fmt::format("there is no quota \"{}\" here; there are {} and {}", name, kQuotaNames[0], kQuotaNames[1]));
}

QuotaChange change_of(const Entry& entry) {
  QuotaChange change{.client = client_of(entry), .rates = {}};
  for (const auto& op : entry.ops) {
    const QuotaKey key = key_of(op.key);
    if (!op.remove && !(op.value >= 1 && op.value <= kRateMax && std::floor(op.value) == op.value)) {
      refuse(
          fmt::format("{}: {} is not a whole number of bytes a second from 1 to {:.0f}", op.key, op.value, kRateMax));
    }
    change.rates.emplace_back(key, op.remove ? std::nullopt : std::optional(static_cast<int64_t>(op.value)));
  }
  return change;
}

// A storage failure is no fault of the request's.
Refusal alteration_refusal(const Error& error) {
  if (error.code() == Code::kInvalid) return {ErrorCode::kInvalidRequest, error.message()};
  return refusal_of(error);
}

awaitable<void> alter(Call& call, const AlterClientQuotasRequest& request, AlterClientQuotasResponse& response) {
  std::set<QuotaClient> seen;
  for (const Entry& entry : request.entries) {
    auto& answer = response.entries.emplace_back();
    for (const auto& part : entry.entity) {
      auto& told = answer.entity.emplace_back();
      told.entity_type = part.entity_type;
      if (part.entity_name) told.entity_name.emplace(*part.entity_name);
    }
    try {
      QuotaChange change = change_of(entry);
      if (!seen.insert(change.client).second) refuse("the request has this entity twice");
      if (!request.validate_only) co_await call.broker.quotas.alter(std::move(change));
    } catch (const Error& error) {
      set(answer, alteration_refusal(error));
    }
  }
}

void add_entry(std::vector<Described>& entries, const QuotaClient& client, const Quota& quota) {
  if (quota.empty()) return;
  Described& entry = entries.emplace_back();
  auto& entity = entry.entity.emplace_back();
  entity.entity_type = kClientId;
  entity.entity_name = client;
  for (size_t key = 0; key < kQuotaKeys; ++key) {
    const std::optional<int64_t> rate = quota.rates[key];
    if (!rate) continue;
    auto& value = entry.values.emplace_back();
    value.key = kQuotaNames[key];
    value.value = static_cast<double>(*rate);
  }
}

// Which of our entities, which all consist of a client-id alone, a filter asks for.
std::vector<Described> matching(const QuotaTable& table, const DescribeClientQuotasRequest& request) {
  enum Match : int8_t { kExact = 0, kDefault = 1, kAny = 2 };
  std::vector<Described> entries;
  const DescribeClientQuotasRequest::Component* wanted = nullptr;
  bool of_others = false;
  std::set<std::string_view> types;
  for (const auto& component : request.components) {
    if (component.match_type < kExact || component.match_type > kAny) {
      refuse(fmt::format("{} is not a kind of match", component.match_type));
    }
    if (component.match_type == kExact && !component.match) refuse("a match of a name needs the name");
    if (!types.insert(component.entity_type).second) {
      refuse(fmt::format("the filter has \"{}\" twice", component.entity_type));
    }
    if (component.entity_type == kClientId) {
      wanted = &component;
    } else {
      of_others = true;
    }
  }
  if (of_others || (request.strict && wanted == nullptr)) return entries;
  if (wanted != nullptr && wanted->match_type == kExact) {
    const std::string name(*wanted->match);
    add_entry(entries, name, table.quota_of(name));
    return entries;
  }
  add_entry(entries, std::nullopt, table.quota_of(std::nullopt));
  if (wanted != nullptr && wanted->match_type == kDefault) return entries;
  for (const auto& [client, quota] : table.clients()) add_entry(entries, client, quota);
  return entries;
}

}  // namespace

awaitable<void> answer_alter_client_quotas(Call& call) {
  const auto request = call.read<AlterClientQuotasRequest>();
  AlterClientQuotasResponse response;
  co_await alter(call, request, response);
  call.write(response);
}

awaitable<void> answer_describe_client_quotas(Call& call) {
  const auto request = call.read<DescribeClientQuotasRequest>();
  DescribeClientQuotasResponse response;
  try {
    response.entries = matching(*call.broker.quotas.table(), request);
  } catch (const Error& error) {
    set(response, {ErrorCode::kInvalidRequest, error.message()});
  }
  call.write(response);
  co_return;
}

}  // namespace headrace::kafka
