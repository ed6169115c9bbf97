#include "runtime/signal.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/queue.h"

namespace headrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SignalTest : public testing::Test {
 protected:
  ManualTime time_{WallTime{}};
  Runtime runtime_{{.shards = 1, .pool_threads = 1}};
  Shard& shard_ = runtime_.shard(0);

  // Lets every coroutine of the shard run that can.
  awaitable<void> settle() {
    for (int i = 0; i < 20; ++i) co_await asio::post(shard_.executor(), asio::use_awaitable);
  }
};

TEST_F(SignalTest, WakesAllInOrder) {
  std::vector<int> woken;
  Signal signal(shard_);
  const auto waiter = [&](int number) -> awaitable<void> {
    co_await signal.wait();
    woken.push_back(number);
  };
  runtime_.block_on([&]() -> awaitable<void> {
    for (int i = 0; i < 5; ++i) shard_.spawn(waiter(i));
    co_await settle();
    EXPECT_EQ(signal.waiting(), 5U);
    signal.notify_all();
    EXPECT_TRUE(woken.empty());
    co_await settle();
    EXPECT_EQ(woken, (std::vector<int>{0, 1, 2, 3, 4}));
    EXPECT_EQ(signal.waiting(), 0U);
    signal.notify_all();
  });
}

TEST_F(SignalTest, WhoWaitsAgainIsNotWokenTwice) {
  int wakes = 0;
  Signal signal(shard_);
  const auto waiter = [&]() -> awaitable<void> {
    for (;;) {
      co_await signal.wait();
      ++wakes;
    }
  };
  runtime_.block_on([&]() -> awaitable<void> {
    shard_.spawn(waiter());
    co_await settle();
    signal.notify_all();
    signal.notify_all();
    co_await settle();
    EXPECT_EQ(wakes, 1);
  });
  runtime_.stop();
}

TEST_F(SignalTest, WaitsUntilTheDeadline) {
  Signal signal(shard_);
  std::optional<bool> notified;
  const auto waiter = [&]() -> awaitable<void> {
    notified = co_await signal.wait_until(time_, SteadyTime{} + seconds(5));
  };
  runtime_.block_on([&]() -> awaitable<void> {
    shard_.spawn(waiter());
    co_await settle();
    time_.advance(milliseconds(4999));
    co_await settle();
    EXPECT_FALSE(notified.has_value());
    time_.advance(milliseconds(1));
    co_await settle();
    EXPECT_EQ(notified, false);
    EXPECT_EQ(signal.waiting(), 0U);

    notified.reset();
    shard_.spawn(waiter());  // the deadline has passed: it returns at once
    co_await settle();
    EXPECT_EQ(notified, false);
  });
}

TEST_F(SignalTest, ANotificationBeforeTheDeadlineWins) {
  Signal signal(shard_);
  std::optional<bool> notified;
  const auto waiter = [&]() -> awaitable<void> {
    notified = co_await signal.wait_until(time_, SteadyTime{} + seconds(5));
  };
  runtime_.block_on([&]() -> awaitable<void> {
    shard_.spawn(waiter());
    co_await settle();
    signal.notify_all();
    time_.advance(seconds(10));  // fires between the notification and the wake
    co_await settle();
    EXPECT_EQ(notified, true);
    EXPECT_EQ(time_.waiting(), 0U);
  });
}

TEST_F(SignalTest, AGateWaitsForWorkInFlight) {
  Gate gate(shard_);
  bool closed = false;
  const auto closer = [&]() -> awaitable<void> {
    co_await gate.close();
    closed = true;
  };
  runtime_.block_on([&]() -> awaitable<void> {
    {
      Gate::Pass first = gate.enter();
      std::optional<Gate::Pass> second(gate.enter());
      shard_.spawn(closer());
      shard_.spawn(closer());
      co_await settle();
      EXPECT_TRUE(gate.closed());
      try {
        (void)gate.enter();
        ADD_FAILURE() << "a closed gate lets nobody in";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::kUnavailable);
      }
      second.reset();
      const Gate::Pass moved = std::move(first);
      co_await settle();
      EXPECT_FALSE(closed);
    }
    co_await settle();
    EXPECT_TRUE(closed);
    co_await gate.close();
  });
}

TEST_F(SignalTest, AQueueHoldsBackWhoPuts) {
  Queue<std::string> queue(shard_, 2);
  int put = 0;
  const auto producer = [&]() -> awaitable<void> {
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(co_await queue.put(std::to_string(i)));
      ++put;
    }
    queue.close();
    EXPECT_FALSE(co_await queue.put("late"));
  };
  runtime_.block_on([&]() -> awaitable<void> {
    shard_.spawn(producer());
    co_await settle();
    EXPECT_EQ(put, 2);
    EXPECT_FALSE(queue.try_put("more"));
    std::vector<std::string> taken;
    while (std::optional<std::string> item = co_await queue.take()) taken.push_back(std::move(*item));
    EXPECT_EQ(taken, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
    EXPECT_TRUE(queue.closed());
  });
}

}  // namespace
}  // namespace headrace
