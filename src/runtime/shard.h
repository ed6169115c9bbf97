// One single-threaded event loop per core. What belongs to a shard (a partition, a view, a connection) is touched by
// that shard's thread only, so it needs no lock. `co_await on(shard, f)` runs f over there and comes back with its
// result; `co_await on_pool(pool, f)` does the same for code that blocks: fsync, RocksDB, long parsing.
//
// Coroutines take parameters by value, or references whose owner awaits them. An exception passes through on() and
// on_pool() to the caller.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "boost/asio/awaitable.hpp"
#include "boost/asio/co_spawn.hpp"
#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/thread_pool.hpp"
#include "boost/asio/use_awaitable.hpp"
#include "boost/asio/use_future.hpp"

namespace headrace {

namespace asio = boost::asio;
using asio::awaitable;

namespace detail {

template <typename T>
struct Awaited {
  using type = T;
  static constexpr bool is_coroutine = false;
};
template <typename T>
struct Awaited<awaitable<T>> {
  using type = T;
  static constexpr bool is_coroutine = true;
};

template <typename F>
using ResultOf = typename Awaited<std::invoke_result_t<F>>::type;

template <typename F>
awaitable<ResultOf<F>> call(F f) {
  if constexpr (Awaited<std::invoke_result_t<F>>::is_coroutine) {
    co_return co_await f();
  } else {
    co_return f();
  }
}

}  // namespace detail

class Shard {
 public:
  explicit Shard(size_t index);

  size_t index() const { return index_; }
  asio::io_context& context() { return context_; }
  asio::io_context::executor_type executor() { return context_.get_executor(); }
  bool is_current() const { return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

  // Starts a coroutine on this shard, from any thread. It owns its errors: one that escapes it is a bug and aborts.
  void spawn(awaitable<void> coroutine);

 private:
  friend class Runtime;
  void run();

  const size_t index_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::atomic<std::thread::id> thread_;
};

// Threads for calls that block.
class Pool {
 public:
  explicit Pool(size_t threads) : pool_(threads) {}
  asio::thread_pool::executor_type executor() { return pool_.get_executor(); }
  void join() { pool_.join(); }

 private:
  asio::thread_pool pool_;
};

// Owns the shards and the pool. Made by main (or a test), outlives everything that runs on it.
class Runtime {
 public:
  struct Options {
    size_t shards = 0;        // 0: one per core
    size_t pool_threads = 0;  // 0: two per core, at least 4
  };

  explicit Runtime(Options options);
  // stop() if it has not been called.
  ~Runtime();

  size_t shard_count() const { return shards_.size(); }
  Shard& shard(size_t index) { return *shards_[index]; }
  // The shard that owns `name`, by rendezvous hashing: a name keeps its shard however names come and go.
  Shard& owner_of(std::string_view name);
  Pool& pool() { return pool_; }

  // Runs `coroutine` on shard 0 and blocks this (foreign) thread until it is done. For main and for tests.
  template <typename F>
  detail::ResultOf<F> block_on(F f);

  // Ends the event loops and joins all threads. What is still suspended is destroyed; components are stopped first.
  void stop();

 private:
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::thread> threads_;
  Pool pool_;
  bool stopped_ = false;
};

template <typename F>
detail::ResultOf<F> Runtime::block_on(F f) {
  return asio::co_spawn(shards_[0]->executor(), detail::call(std::move(f)), asio::use_future).get();
}

template <typename F>
awaitable<detail::ResultOf<F>> on(Shard& shard, F f) {
  if (shard.is_current()) co_return co_await detail::call(std::move(f));
  co_return co_await asio::co_spawn(shard.executor(), detail::call(std::move(f)), asio::use_awaitable);
}

template <typename F>
awaitable<detail::ResultOf<F>> on_pool(Pool& pool, F f) {
  co_return co_await asio::co_spawn(pool.executor(), detail::call(std::move(f)), asio::use_awaitable);
}

}  // namespace headrace
