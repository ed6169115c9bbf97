// What a producer may not send, as far as the log does not see it itself: in the order, and with the errors, of Kafka's
// broker, whose clients choose by the error whether they try again.
#pragma once

#include <optional>
#include <string_view>

#include "kafka/refusal.h"

namespace headrace::kafka {

// `records` are those of a partition in a Produce request of `version`.
std::optional<Refusal> refuse_batch(std::string_view records, int16_t version, size_t bytes_max);

}  // namespace headrace::kafka
