// What Headrace counts about itself, for GET /metrics. A component asks its Metrics for each counter, gauge and
// histogram once, with a name, a sentence for people and labels, keeps the shared pointer, and updates it on hot paths
// with one relaxed atomic operation. A metric is shown for as long as someone holds it: dropping a view drops its
// series. Names follow Prometheus: headrace_<noun>_<unit>, counters end in _total.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace headrace {

// Only grows.
class Counter {
 public:
  void add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<uint64_t> value_{0};
};

// A level, such as bytes in a buffer.
class Gauge {
 public:
  void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(int64_t change) { value_.fetch_add(change, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<int64_t> value_{0};
};

// Durations from a microsecond to about a minute, in buckets that are a quarter of a power of two wide: a quantile is
// right within 25 %.
class Latency {
 public:
  void observe(std::chrono::nanoseconds duration);

  struct Summary {
    uint64_t count = 0;
    std::chrono::nanoseconds sum{};
  };
  Summary summary() const;
  // The duration that the fraction `q` of all observations does not exceed; zero when there are none.
  std::chrono::nanoseconds quantile(double q) const;

 private:
  friend class Metrics;
  static constexpr size_t kSteps = 4;                          // buckets per power of two
  static constexpr size_t kDoublings = 26;                     // of a microsecond
  static constexpr size_t kBuckets = kSteps * kDoublings + 2;  // and what is shorter, and what is longer

  static size_t bucket_of(uint64_t nanoseconds);
  // What bucket `index` holds is at most this; of the last bucket, there is no bound.
  static uint64_t bound_of(size_t index);

  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<uint64_t> sum_ns_{0};
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// From any thread.
class Metrics {
 public:
  static constexpr size_t kSeriesMax = 100'000;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The metric of that name and those labels, which is made when nobody holds it. Beyond kSeriesMax the result works,
  // but is not shown. `name` must be a valid Prometheus name and keep its kind: anything else is a bug.
  std::shared_ptr<Counter> counter(const std::string& name, const std::string& help, Labels labels = {});
  std::shared_ptr<Gauge> gauge(const std::string& name, const std::string& help, Labels labels = {});
  // In seconds, as Prometheus wants it.
  std::shared_ptr<Latency> latency(const std::string& name, const std::string& help, Labels labels = {});

  // Prometheus' text exposition format, version 0.0.4.
  std::string text() const;

 private:
  struct Registry;
  const std::unique_ptr<Registry> registry_;
};

}  // namespace headrace
