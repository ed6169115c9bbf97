#include "runtime/shard.h"

#include <array>
#include <future>
#include <memory>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "runtime/signal.h"

namespace headrace {
namespace {

// Has no default constructor, cannot be copied.
struct Heavy {
  explicit Heavy(int number) : value(std::make_unique<int>(number)) {}
  std::unique_ptr<int> value;
};

TEST(Shard, CallsCrossOverAndComeBack) {
  Runtime runtime({.shards = 2, .pool_threads = 2});
  runtime.block_on([&]() -> awaitable<void> {
    EXPECT_TRUE(runtime.shard(0).is_current());
    const int seven = co_await on(runtime.shard(1), [&] {
      EXPECT_TRUE(runtime.shard(1).is_current());
      EXPECT_FALSE(runtime.shard(0).is_current());
      return 7;
    });
    EXPECT_EQ(seven, 7);
    EXPECT_TRUE(runtime.shard(0).is_current());

    const Heavy heavy = co_await on(runtime.shard(1), [&]() -> awaitable<Heavy> {
      const int inner = co_await on(runtime.shard(0), [&] { return runtime.shard(0).is_current() ? 1 : 0; });
      EXPECT_TRUE(runtime.shard(1).is_current());
      co_return Heavy(inner + 41);
    });
    EXPECT_EQ(*heavy.value, 42);
    EXPECT_TRUE(runtime.shard(0).is_current());
  });
}

TEST(Shard, CallsToTheOwnShardRunAtOnce) {
  Runtime runtime({.shards = 1, .pool_threads = 1});
  runtime.block_on([&]() -> awaitable<void> {
    const auto other_ran = std::make_shared<bool>(false);
    asio::post(runtime.shard(0).context(), [other_ran] { *other_ran = true; });
    co_await on(runtime.shard(0), [] {});
    co_await on(runtime.shard(0), []() -> awaitable<void> { co_return; });
    EXPECT_FALSE(*other_ran);
  });
}

TEST(Shard, PoolCallsRunElsewhere) {
  Runtime runtime({.shards = 1, .pool_threads = 2});
  runtime.block_on([&]() -> awaitable<void> {
    const auto here = std::this_thread::get_id();
    const auto there = co_await on_pool(runtime.pool(), [] { return std::this_thread::get_id(); });
    EXPECT_NE(here, there);
    EXPECT_EQ(here, std::this_thread::get_id());
    const auto back = co_await on_pool(runtime.pool(), [&]() -> awaitable<std::thread::id> {
      co_return co_await on(runtime.shard(0), [] { return std::this_thread::get_id(); });
    });
    EXPECT_EQ(back, here);
  });
}

TEST(Shard, ErrorsComeBack) {
  Runtime runtime({.shards = 2, .pool_threads = 2});
  const auto message_of = [](auto f) {
    try {
      f();
    } catch (const Error& error) {
      return error.message();
    }
    return std::string("no error");
  };
  const auto fails = [] { throw Error(Code::kRefused, "as told"); };
  const auto fails_later = []() -> awaitable<int> {
    throw Error(Code::kRefused, "as told");
    co_return 1;
  };
  EXPECT_EQ(message_of([&] { runtime.block_on(fails); }), "as told");
  EXPECT_EQ(message_of([&] { runtime.block_on(fails_later); }), "as told");
  EXPECT_EQ(message_of([&] { runtime.block_on([&] { return on(runtime.shard(1), fails); }); }), "as told");
  EXPECT_EQ(message_of([&] { runtime.block_on([&] { return on(runtime.shard(1), fails_later); }); }), "as told");
  EXPECT_EQ(message_of([&] { runtime.block_on([&] { return on_pool(runtime.pool(), fails); }); }), "as told");
  EXPECT_EQ(message_of([&] { runtime.block_on([&] { return on_pool(runtime.pool(), fails_later); }); }), "as told");
}

awaitable<void> many_calls(Runtime& runtime, size_t from, std::array<uint64_t, 2>& sums, std::promise<void>& done) {
  for (int i = 0; i < 2000; ++i) {
    co_await on(runtime.shard(1 - from), [&] { ++sums[1 - from]; });
    ++sums[from];
    if (i % 50 == 0) co_await on_pool(runtime.pool(), [] {});
  }
  done.set_value();
}

// Each sum is touched by its own shard only: ThreadSanitizer would see if calls ran anywhere else.
TEST(Shard, ShardsCallEachOtherAtOnce) {
  Runtime runtime({.shards = 2, .pool_threads = 2});
  std::array<uint64_t, 2> sums{};
  std::array<std::promise<void>, 8> done;
  for (size_t i = 0; i < done.size(); ++i) runtime.shard(i % 2).spawn(many_calls(runtime, i % 2, sums, done[i]));
  for (auto& promise : done) promise.get_future().get();
  runtime.stop();
  EXPECT_EQ(sums[0], 16'000U);
  EXPECT_EQ(sums[1], 16'000U);
}

TEST(Shard, SpawnNeverRunsInsideTheCall) {
  Runtime runtime({.shards = 1, .pool_threads = 1});
  runtime.block_on([&]() -> awaitable<void> {
    Signal ran(runtime.shard(0));
    bool done = false;
    const auto set = [&]() -> awaitable<void> {
      done = true;
      ran.notify_all();
      co_return;
    };
    runtime.shard(0).spawn(set());
    EXPECT_FALSE(done);
    while (!done) co_await ran.wait();
  });
}

TEST(Shard, NamesSpreadAndStay) {
  Runtime runtime({.shards = 2, .pool_threads = 1});
  std::array<int, 2> count{};
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "stream/" + std::to_string(i);
    ++count[runtime.owner_of(name).index()];
    EXPECT_EQ(&runtime.owner_of(name), &runtime.owner_of(name));
  }
  EXPECT_GT(count[0], 400);
  EXPECT_GT(count[1], 400);
}

// Tells when the frame that holds it is destroyed, and by then its component must still be there.
struct Witness {
  explicit Witness(std::set<const Witness*>& alive_set) : alive(alive_set) { alive.insert(this); }
  Witness(const Witness&) = delete;
  ~Witness() { alive.erase(this); }
  std::set<const Witness*>& alive;
};

struct Component {
  explicit Component(Shard& home) : shard(home), never(home), gate(home) {}
  awaitable<void> wait_for_ever() {
    const Witness witness(alive);
    const Gate::Pass pass = gate.enter();
    started.set_value();
    co_await never.wait();
  }
  Shard& shard;
  Signal never;
  Gate gate;
  std::promise<void> started;
  std::set<const Witness*> alive;
};

awaitable<void> call_each_other(Runtime& runtime, Component& component, int depth) {
  const Witness witness(component.alive);
  if (depth == 0) co_return co_await on(component.shard, [&] { return component.wait_for_ever(); });
  co_await on(runtime.shard(0), [&]() -> awaitable<void> {
    co_await on(runtime.shard(1), [&] { return call_each_other(runtime, component, depth - 1); });
  });
}

TEST(Runtime, StopDestroysSuspendedCallsWhileComponentsLive) {
  for (const size_t home : {0, 1}) {
    for (const int depth : {0, 1, 5, 40}) {
      Runtime runtime({.shards = 2, .pool_threads = 1});
      Component component(runtime.shard(home));
      // Witnesses are made one after the other along the chain of calls, so their set needs no lock.
      runtime.shard(0).spawn(call_each_other(runtime, component, depth));
      component.started.get_future().get();
      EXPECT_EQ(component.alive.size(), static_cast<size_t>(depth) + 2);
      runtime.stop();
      EXPECT_TRUE(component.alive.empty());
      EXPECT_EQ(component.never.waiting(), 0U);
    }
  }
}

TEST(Runtime, StopDestroysWhatHasNotStarted) {
  auto runtime = std::make_unique<Runtime>(Runtime::Options{.shards = 2, .pool_threads = 1});
  const auto held = std::make_shared<int>(1);
  const auto hold = [](std::shared_ptr<int> kept, Runtime& of) -> awaitable<void> {
    for (;;) {
      co_await on(of.shard(1), [kept] { return *kept; });
      co_await on_pool(of.pool(), [kept] { return *kept; });
    }
  };
  for (int i = 0; i < 100; ++i) runtime->shard(static_cast<size_t>(i) % 2).spawn(hold(held, *runtime));
  runtime->stop();
  EXPECT_EQ(held.use_count(), 1);
  runtime.reset();
}

TEST(Runtime, StopLetsBlockedCallersGo) {
  Runtime runtime({.shards = 1, .pool_threads = 1});
  Signal never(runtime.shard(0));
  std::promise<void> waiting;
  std::thread caller([&] {
    try {
      runtime.block_on([&]() -> awaitable<void> {
        waiting.set_value();
        co_await never.wait();
      });
      ADD_FAILURE() << "nobody woke it";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kUnavailable);
    }
  });
  waiting.get_future().get();
  runtime.stop();
  caller.join();
}

TEST(Runtime, StopFinishesThePoolJobThatRuns) {
  Runtime runtime({.shards = 1, .pool_threads = 1});
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<bool> finished = false;
  const auto work = [&]() -> awaitable<void> {
    co_await on_pool(runtime.pool(), [&] {
      begun.set_value();
      go_on.get_future().get();
      finished = true;
    });
  };
  runtime.shard(0).spawn(work());
  begun.get_future().get();
  std::thread stopper([&] { runtime.stop(); });
  go_on.set_value();
  stopper.join();
  EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace headrace
