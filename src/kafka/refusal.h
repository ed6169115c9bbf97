// Why an admin call does not do what it was asked for.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "kafka/error_code.h"
#include "views/catalog.h"

namespace headrace::kafka {

struct Refusal {
  ErrorCode code = ErrorCode::kNone;
  std::string message;
};

Refusal refusal_of(const Error& error);
// Of a topic whose structure and settings clients may not change: Headrace's own, and those that belong to SQL.
// `instead` says what to do.
std::optional<Refusal> guard(const CatalogState& catalog, const std::string& topic, std::string_view instead);

template <typename Answer>
void set(Answer& answer, Refusal refusal) {
  answer.error_code = static_cast<int16_t>(refusal.code);
  if (refusal.code != ErrorCode::kNone) answer.error_message = std::move(refusal.message);
}

}  // namespace headrace::kafka
