// A connection whose client is beyond its quota: until when nothing is read from it. As in Kafka since KIP-219, the
// answer goes out at once and says how long that will be.
#pragma once

#include "kafka/kafka_metrics.h"

namespace headrace::kafka {

class Throttle {
 public:
  Throttle(const Clock& clock, const KafkaMetrics& metrics) : clock_(clock), metrics_(metrics) {}

  // The client is to wait so long from now on, if it has not to wait longer already.
  void extend(std::chrono::nanoseconds wait) {
    if (wait <= std::chrono::nanoseconds(0)) return;
    const SteadyTime now = clock_.steady();
    const SteadyTime before = std::max(until_, now);
    until_ = std::max(before, now + wait);
    metrics_.throttled->add();
    metrics_.throttled_ms->add(static_cast<uint64_t>(ceil_ms(until_ - before)));
  }
  SteadyTime until() const { return until_; }
  bool active() const { return clock_.steady() < until_; }
  // Zero when it may go on.
  int32_t left_ms() const { return active() ? static_cast<int32_t>(ceil_ms(until_ - clock_.steady())) : 0; }

 private:
  static int64_t ceil_ms(std::chrono::nanoseconds duration) {
    return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  }

  const Clock& clock_;
  const KafkaMetrics& metrics_;
  SteadyTime until_{};
};

}  // namespace headrace::kafka
