#include "base/metrics.h"

#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace headrace {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

bool shows(const Metrics& metrics, const std::string& line) {
  return ("\n" + metrics.text()).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, ShowsWhatIsHeld) {
  Metrics metrics;
  auto rows = metrics.counter("headrace_rows_total", "Rows appended.", {{"stream", "sc\"ans\\"}, {"partition", "0"}});
  const auto memory = metrics.gauge("headrace_memory_bytes", "Memory in use.");
  rows->add();
  rows->add(41);
  memory->set(5);
  memory->add(-12);
  EXPECT_TRUE(shows(metrics, "# HELP headrace_rows_total Rows appended."));
  EXPECT_TRUE(shows(metrics, "# TYPE headrace_rows_total counter"));
  EXPECT_TRUE(shows(metrics, R"(headrace_rows_total{partition="0",stream="sc\"ans\\"} 42)")) << metrics.text();
  EXPECT_TRUE(shows(metrics, "headrace_memory_bytes -7")) << metrics.text();
  rows.reset();
  EXPECT_EQ(metrics.text().find("headrace_rows_total"), std::string::npos);
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameMetric) {
  Metrics metrics;
  const auto one = metrics.counter("headrace_a_total", "A.", {{"x", "1"}, {"y", "2"}});
  const auto two = metrics.counter("headrace_a_total", "A.", {{"y", "2"}, {"x", "1"}});
  const auto other = metrics.counter("headrace_a_total", "A.", {{"x", "2"}, {"y", "2"}});
  EXPECT_EQ(one, two);
  EXPECT_NE(one, other);
}

TEST(Metrics, TooManySeriesAreHiddenNotRefused) {
  Metrics metrics;
  std::vector<std::shared_ptr<Counter>> held;
  for (size_t i = 0; i < Metrics::kSeriesMax; ++i) {
    held.push_back(metrics.counter("headrace_many_total", "Many.", {{"i", std::to_string(i)}}));
    held.back()->add();
  }
  EXPECT_TRUE(shows(metrics, "headrace_metrics_hidden 1"));
  held.clear();
  held.push_back(metrics.counter("headrace_few_total", "Few."));
  EXPECT_TRUE(shows(metrics, "headrace_few_total 0")) << "what was let go makes room";
}

TEST(Metrics, LatenciesAsAHistogram) {
  Metrics metrics;
  const auto latency = metrics.latency("headrace_append_seconds", "Appends.");
  latency->observe(microseconds(500));
  latency->observe(milliseconds(3));
  latency->observe(seconds(100));
  latency->observe(nanoseconds(-1));
  EXPECT_TRUE(shows(metrics, "# TYPE headrace_append_seconds histogram"));
  EXPECT_TRUE(shows(metrics, "headrace_append_seconds_count 4")) << metrics.text();
  EXPECT_TRUE(shows(metrics, "headrace_append_seconds_sum 100.0035")) << metrics.text();
  EXPECT_TRUE(shows(metrics, "headrace_append_seconds_bucket{le=\"+Inf\"} 4")) << metrics.text();
  EXPECT_TRUE(shows(metrics, "headrace_append_seconds_bucket{le=\"1.024e-06\"} 1")) << metrics.text();
  EXPECT_TRUE(shows(metrics, "headrace_append_seconds_bucket{le=\"0.004194304\"} 3")) << metrics.text();
}

TEST(Latency, QuantilesAreWithinAQuarter) {
  Latency latency;
  EXPECT_EQ(latency.quantile(0.99), nanoseconds(0));
  for (int i = 1; i <= 10'000; ++i) latency.observe(microseconds(i));
  EXPECT_EQ(latency.summary().count, 10'000U);
  EXPECT_EQ(latency.summary().sum, microseconds(50'005'000));
  for (const double q : {0.01, 0.1, 0.5, 0.9, 0.99, 1.0}) {
    const double exact = q * 1e7;
    const auto found = static_cast<double>(latency.quantile(q).count());
    EXPECT_GE(found, exact * 0.999) << q;
    EXPECT_LE(found, exact * 1.25) << q;
  }
}

// An observation is never above the bound that it is reported under, at any magnitude.
TEST(Latency, EveryDurationIsBounded) {
  for (int64_t duration = 1; duration < 60'000'000'000; duration += 1 + duration / 7) {
    Latency latency;
    latency.observe(nanoseconds(duration));
    const int64_t bound = latency.quantile(1).count();
    ASSERT_GE(bound, duration);
    ASSERT_LE(bound, std::max<int64_t>(1024, duration + duration / 4 + 1));
  }
}

TEST(Metrics, ThreadsCountAtOnce) {
  Metrics metrics;
  const auto held = metrics.counter("headrace_x_total", "X.");
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const auto counter = metrics.counter("headrace_x_total", "X.");
        for (int j = 0; j < 100; ++j) counter->add();
        if (round % 10 == 0) (void)metrics.text();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(held->value(), 20'000U);
}

}  // namespace
}  // namespace headrace
