#include "runtime/timers.h"

#include <chrono>
#include <future>
#include <vector>

#include "gtest/gtest.h"

namespace headrace {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ManualTime, FiresInOrderOfDeadline) {
  ManualTime time(WallTime(hours(1)));
  Runtime runtime({.shards = 1, .pool_threads = 1});
  Shard& shard = runtime.shard(0);
  std::vector<int> fired;
  std::vector<std::unique_ptr<Timers::Handle>> handles;
  const auto at = [&](seconds after, int number) {
    handles.push_back(time.call_at(shard, SteadyTime{} + after, [&fired, number] { fired.push_back(number); }));
  };
  runtime.block_on([&] {
    at(seconds(3), 3);
    at(seconds(1), 1);
    at(seconds(2), 20);
    at(seconds(2), 21);
    at(seconds(9), 9);
  });
  EXPECT_EQ(time.waiting(), 5U);
  time.advance(seconds(5));
  runtime.block_on([&] {
    EXPECT_EQ(fired, (std::vector<int>{1, 20, 21, 3}));
    at(seconds(4), 4);  // due already
  });
  runtime.block_on([&] { EXPECT_EQ(fired.back(), 4); });
  EXPECT_EQ(time.steady(), SteadyTime{} + seconds(5));
  EXPECT_EQ(time.wall(), WallTime(hours(1) + seconds(5)));
  EXPECT_EQ(time.wall_ms(), 3'605'000);
  runtime.block_on([&] { handles.clear(); });
  EXPECT_EQ(time.waiting(), 0U);
}

TEST(ManualTime, ACancelledCallIsNotMadeEvenWhenQueued) {
  ManualTime time(WallTime{});
  Runtime runtime({.shards = 1, .pool_threads = 1});
  bool called = false;
  runtime.block_on([&] {
    auto handle = time.call_at(runtime.shard(0), SteadyTime{} + seconds(1), [&] { called = true; });
    time.advance(seconds(2));
    handle.reset();
  });
  runtime.block_on([&] { EXPECT_FALSE(called); });
}

TEST(ManualTime, SleepersWakeWhenTheClockMoves) {
  ManualTime time(WallTime{});
  Runtime runtime({.shards = 2, .pool_threads = 1});
  std::promise<SteadyTime> woken;
  const auto sleeper = [&]() -> awaitable<void> {
    co_await time.sleep(runtime.shard(1), hours(24 * 365));
    woken.set_value(time.steady());
  };
  runtime.shard(1).spawn(sleeper());
  while (time.waiting() == 0) std::this_thread::yield();
  time.advance(hours(24 * 365));
  EXPECT_EQ(woken.get_future().get(), SteadyTime{} + hours(24 * 365));
}

TEST(ManualTime, StopForgetsSleepers) {
  ManualTime time(WallTime{});
  {
    Runtime runtime({.shards = 1, .pool_threads = 1});
    runtime.shard(0).spawn(time.sleep(runtime.shard(0), seconds(1)));
    while (time.waiting() == 0) std::this_thread::yield();
  }
  EXPECT_EQ(time.waiting(), 0U);
  time.advance(seconds(2));
}

TEST(SystemTimers, WaitForReal) {
  SystemTimers timers;
  Runtime runtime({.shards = 1, .pool_threads = 1});
  runtime.block_on([&]() -> awaitable<void> {
    Shard& shard = runtime.shard(0);
    const SteadyTime before = timers.clock().steady();
    co_await timers.sleep(shard, milliseconds(3));
    EXPECT_GE(timers.clock().steady() - before, milliseconds(3));

    bool cancelled_ran = false;
    auto cancelled = timers.call_at(shard, timers.clock().steady() + microseconds(10), [&] { cancelled_ran = true; });
    cancelled.reset();
    co_await timers.sleep(shard, milliseconds(1));
    EXPECT_FALSE(cancelled_ran);
  });
}

}  // namespace
}  // namespace headrace
