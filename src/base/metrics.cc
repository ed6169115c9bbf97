#include "base/metrics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <variant>

#include "base/check.h"
#include "prometheus/check_names.h"
#include "prometheus/metric_family.h"
#include "prometheus/text_serializer.h"

namespace headrace {
namespace {

constexpr uint64_t kFirstBoundNs = 1024;  // about a microsecond

template <typename T>
constexpr prometheus::MetricType kTypeOf = prometheus::MetricType::Untyped;
template <>
constexpr prometheus::MetricType kTypeOf<Counter> = prometheus::MetricType::Counter;
template <>
constexpr prometheus::MetricType kTypeOf<Gauge> = prometheus::MetricType::Gauge;
template <>
constexpr prometheus::MetricType kTypeOf<Latency> = prometheus::MetricType::Histogram;

using Held = std::variant<std::weak_ptr<Counter>, std::weak_ptr<Gauge>, std::weak_ptr<Latency>>;

struct Family {
  std::string help;
  prometheus::MetricType type = prometheus::MetricType::Untyped;
  std::map<Labels, Held> series;
};

bool is_held(const Held& held) {
  return std::visit([](const auto& weak) { return !weak.expired(); }, held);
}

}  // namespace

size_t Latency::bucket_of(uint64_t nanoseconds) {
  if (nanoseconds <= kFirstBoundNs) return 0;
  // Bounds are inclusive, so what counts is the number before.
  const uint64_t below = nanoseconds - 1;
  const auto doubling = static_cast<size_t>(std::bit_width(below)) - 11;
  const size_t step = (below >> (doubling + 8)) & (kSteps - 1);
  return std::min(1 + doubling * kSteps + step, kBuckets - 1);
}

uint64_t Latency::bound_of(size_t index) {
  const size_t doubling = index / kSteps;
  return (kFirstBoundNs << doubling) + (index % kSteps) * ((kFirstBoundNs / kSteps) << doubling);
}

void Latency::observe(std::chrono::nanoseconds duration) {
  const auto nanoseconds = static_cast<uint64_t>(std::max<int64_t>(0, duration.count()));
  buckets_[bucket_of(nanoseconds)].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(nanoseconds, std::memory_order_relaxed);
}

Latency::Summary Latency::summary() const {
  Summary result;
  for (const auto& bucket : buckets_) result.count += bucket.load(std::memory_order_relaxed);
  result.sum = std::chrono::nanoseconds(sum_ns_.load(std::memory_order_relaxed));
  return result;
}

std::chrono::nanoseconds Latency::quantile(double q) const {
  const uint64_t count = summary().count;
  if (count == 0) return {};
  const auto wanted = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(q * static_cast<double>(count))));
  uint64_t seen = 0;
  size_t index = 0;
  for (; index + 2 < kBuckets; ++index) {
    seen += buckets_[index].load(std::memory_order_relaxed);
    if (seen >= wanted) break;
  }
  return std::chrono::nanoseconds(bound_of(index));
}

struct Metrics::Registry {
  mutable std::mutex mutex;
  std::map<std::string, Family> families;
  size_t series = 0;
  std::shared_ptr<Gauge> hidden;  // metrics that were not registered, because there were too many

  void forget_released() {
    series = 0;
    for (auto& [name, family] : families) {
      std::erase_if(family.series, [](const auto& entry) { return !is_held(entry.second); });
      series += family.series.size();
    }
  }

  template <typename T>
  std::shared_ptr<T> find_or_make(const std::string& name, const std::string& help, Labels labels) {
    check(prometheus::CheckMetricName(name), "a metric's name is one that Prometheus takes");
    std::sort(labels.begin(), labels.end());
    for (const auto& label : labels) {
      check(prometheus::CheckLabelName(label.first), "a label's name is one that Prometheus takes");
    }
    const std::lock_guard lock(mutex);
    Family& family = families[name];
    if (family.help.empty()) {
      family.help = help;
      family.type = kTypeOf<T>;
    }
    check(family.type == kTypeOf<T>, "a metric keeps its kind");
    const auto found = family.series.find(labels);
    if (found != family.series.end()) {
      if (auto held = std::get<std::weak_ptr<T>>(found->second).lock()) return held;
    } else if (series >= kSeriesMax) {
      forget_released();
    }
    auto made = std::make_shared<T>();
    if (found == family.series.end() && series >= kSeriesMax) {
      hidden->add(1);
      return made;
    }
    if (found == family.series.end()) ++series;
    family.series[std::move(labels)] = std::weak_ptr<T>(made);
    return made;
  }
};

namespace {

void fill(prometheus::ClientMetric& metric, const Counter& counter) {
  metric.counter.value = static_cast<double>(counter.value());
}
void fill(prometheus::ClientMetric& metric, const Gauge& gauge) {
  metric.gauge.value = static_cast<double>(gauge.value());
}

}  // namespace

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {
  registry_->hidden = gauge("headrace_metrics_hidden", "Series that are not shown because there are too many.");
}
Metrics::~Metrics() = default;

std::shared_ptr<Counter> Metrics::counter(const std::string& name, const std::string& help, Labels labels) {
  return registry_->find_or_make<Counter>(name, help, std::move(labels));
}
std::shared_ptr<Gauge> Metrics::gauge(const std::string& name, const std::string& help, Labels labels) {
  return registry_->find_or_make<Gauge>(name, help, std::move(labels));
}
std::shared_ptr<Latency> Metrics::latency(const std::string& name, const std::string& help, Labels labels) {
  return registry_->find_or_make<Latency>(name, help, std::move(labels));
}

std::string Metrics::text() const {
  // Shows every second doubling: a scrape need not carry what only quantile() wants.
  const auto fill_latency = [](prometheus::ClientMetric& metric, const Latency& latency) {
    constexpr double kNanosecond = 1e-9;
    uint64_t count = 0;
    for (size_t index = 0; index < Latency::kBuckets; ++index) {
      count += latency.buckets_[index].load(std::memory_order_relaxed);
      const bool last = index + 1 == Latency::kBuckets;
      if (!last && index % (2 * Latency::kSteps) != 0) continue;
      const double bound =
          last ? std::numeric_limits<double>::infinity() : static_cast<double>(Latency::bound_of(index)) * kNanosecond;
      metric.histogram.bucket.push_back({count, bound});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = static_cast<double>(latency.sum_ns_.load(std::memory_order_relaxed)) * kNanosecond;
  };

  std::vector<prometheus::MetricFamily> shown;
  {
    const std::lock_guard lock(registry_->mutex);
    registry_->forget_released();
    for (const auto& [name, family] : registry_->families) {
      if (family.series.empty()) continue;
      prometheus::MetricFamily& out = shown.emplace_back();
      out.name = name;
      out.help = family.help;
      out.type = family.type;
      for (const auto& [labels, held] : family.series) {
        prometheus::ClientMetric metric;
        for (const auto& [label, value] : labels) metric.label.push_back({label, value});
        const bool alive = std::visit(
            [&]<typename T>(const std::weak_ptr<T>& weak) {
              const auto locked = weak.lock();
              if (locked == nullptr) return false;
              if constexpr (std::is_same_v<T, Latency>) {
                fill_latency(metric, *locked);
              } else {
                fill(metric, *locked);
              }
              return true;
            },
            held);
        if (alive) out.metric.push_back(std::move(metric));
      }
    }
  }
  return prometheus::TextSerializer().Serialize(shown);
}

}  // namespace headrace
