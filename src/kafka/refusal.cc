#include "kafka/refusal.h"

#include "fmt/format.h"
#include "kafka/broker.h"

namespace headrace::kafka {

Refusal refusal_of(const Error& error) {
  switch (error.code()) {
    case Code::kNotFound: return {ErrorCode::kUnknownTopicOrPartition, error.message()};
    case Code::kConflict: return {ErrorCode::kTopicAlreadyExists, error.message()};
    case Code::kInvalid: return {ErrorCode::kInvalidConfig, error.message()};
    case Code::kRefused: return {ErrorCode::kPolicyViolation, error.message()};
    default: return {static_cast<ErrorCode>(info(error.code()).kafka_code), error.message()};
  }
}

std::optional<Refusal> guard(const CatalogState& catalog, const std::string& topic, std::string_view instead) {
  if (is_internal(topic)) return Refusal{ErrorCode::kTopicAuthorizationFailed, "the topic is Headrace's own"};
  const StreamInfoPtr stream = stream_of(catalog, topic);
  if (!stream) return std::nullopt;
  return Refusal{ErrorCode::kPolicyViolation,
                 fmt::format("the topic belongs to \"{}\" of SQL; {}", stream->definition.name, instead)};
}

}  // namespace headrace::kafka
