// One single-threaded event loop per core. What belongs to a shard (a partition, a view, a connection) is touched by
// that shard's thread only, so it needs no lock. `co_await on(shard, f)` runs f over there and comes back with its
// result; `co_await on_pool(pool, f)` does the same for code that blocks: fsync, RocksDB, long parsing.
//
// Coroutines take parameters by value, or references whose owner awaits them. An exception passes through on() and
// on_pool() to the caller. `f` and what it captured live in the caller's coroutine until the result is there, so it may
// be a lambda that captures by reference, also one that is itself a coroutine.
#pragma once

#include <atomic>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "boost/asio/awaitable.hpp"
#include "boost/asio/co_spawn.hpp"
#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/thread_pool.hpp"
#include "boost/asio/use_awaitable.hpp"
#include "boost/asio/use_future.hpp"
#include "runtime/waiting.h"

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

// What a call in another thread came to: a value or an exception.
template <typename T>
class Outcome {
 public:
  static_assert(!std::is_reference_v<T>, "a result that crosses threads is a value");

  template <typename F>
  void run(F& f) noexcept {
    try {
      if constexpr (std::is_void_v<T>) {
        f();
      } else {
        value_.emplace(f());
      }
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  template <typename F>
  awaitable<void> run_coroutine(F& f) {
    try {
      if constexpr (std::is_void_v<T>) {
        co_await f();
      } else {
        value_.emplace(co_await f());
      }
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  T take() {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

 private:
  std::exception_ptr error_;
  std::optional<std::conditional_t<std::is_void_v<T>, bool, T>> value_;
};

// A function, or a maker of a coroutine, that lives in the frame of who waits for it. Without its type, so that Asio's
// templates are instantiated once (shard.cc) and not for each call.
struct Job {
  void* object;
  void (*run)(void* object);
};
struct CoroutineJob {
  void* object;
  awaitable<void> (*make)(void* object);
};

// Runs the job over there and resumes the calling coroutine on its own executor. The job throws nothing.
awaitable<void> run_job(asio::io_context& context, Job job);
awaitable<void> run_job(asio::thread_pool& pool, Job job);
awaitable<void> run_job(asio::io_context& context, CoroutineJob job);
awaitable<void> run_job(asio::thread_pool& pool, CoroutineJob job);

template <typename Context, typename F>
awaitable<ResultOf<F>> cross(Context& context, F f) {
  struct Call {
    F& f;
    Outcome<ResultOf<F>> outcome;
  } call{f, {}};
  if constexpr (Awaited<std::invoke_result_t<F>>::is_coroutine) {
    co_await run_job(context, CoroutineJob{&call, [](void* object) {
                                             auto& call = *static_cast<Call*>(object);
                                             return call.outcome.run_coroutine(call.f);
                                           }});
  } else {
    co_await run_job(context, Job{&call, [](void* object) {
                                    auto& call = *static_cast<Call*>(object);
                                    call.outcome.run(call.f);
                                  }});
  }
  co_return call.outcome.take();
}

// Asio lets only a context itself destroy what is queued in it; Runtime::stop() has to do it earlier than its
// destructor.
template <typename Context>
class Abandonable : public Context {
 public:
  using Context::Context;
  void abandon() { this->shutdown(); }
};

}  // namespace detail

class Shard {
 public:
  explicit Shard(size_t index) : index_(index) {}

  size_t index() const { return index_; }
  asio::io_context& context() { return context_; }
  asio::io_context::executor_type executor() { return context_.get_executor(); }
  bool is_current() const { return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

  // Starts a coroutine on this shard, from any thread; it never runs before spawn() returns on the same thread. It owns
  // its errors: one that escapes it is a bug and aborts.
  void spawn(awaitable<void> coroutine);

 private:
  friend class Runtime;
  friend class Signal;
  class Alive;

  void run();
  // Destroys what is suspended or queued here; frames that this frees may queue more.
  void abandon();
  static awaitable<void> run_root(Alive alive, awaitable<void> coroutine);

  const size_t index_;
  detail::Abandonable<asio::io_context> context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::atomic<std::thread::id> thread_;
  std::atomic<size_t> roots_{0};  // coroutines that spawn() started and that still exist
  detail::WaitingList waiting_;   // coroutines suspended on any Signal of this shard
};

// Threads for calls that block.
class Pool {
 public:
  explicit Pool(size_t threads) : pool_(threads) {}
  asio::thread_pool& context() { return pool_; }
  asio::thread_pool::executor_type executor() { return pool_.get_executor(); }

 private:
  friend class Runtime;
  detail::Abandonable<asio::thread_pool> pool_;
};

// Owns the shards and the pool. Made by main (or a test), outlives everything that runs on it.
class Runtime {
 public:
  struct Options {
    size_t shards = 0;        // 0: one per core that the process may use
    size_t pool_threads = 0;  // 0: two per core, at least 4
  };

  explicit Runtime(Options options);
  // stop() if it has not been called.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  size_t shard_count() const { return shards_.size(); }
  Shard& shard(size_t index) { return *shards_[index]; }
  // The shard that owns `name`, by rendezvous hashing: a name keeps its shard however names come and go.
  Shard& owner_of(std::string_view name);
  Pool& pool() { return pool_; }

  // Runs `f` (which may return an awaitable) on shard 0 and blocks this (foreign) thread until it is done. For main and
  // for tests. Error(kUnavailable) when the runtime is stopped before it is done.
  template <typename F>
  detail::ResultOf<F> block_on(F f);

  // Ends the event loops, joins all threads, and destroys what is still suspended or queued, so that no coroutine
  // outlives this call: what suspended coroutines refer to must live until it returns, and may be destroyed after it.
  // Jobs that a pool thread has begun are finished, others are dropped. Call it from a thread of one's own.
  void stop();

 private:
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::thread> threads_;
  Pool pool_;
  bool stopped_ = false;
};

template <typename F>
detail::ResultOf<F> Runtime::block_on(F f) {
  for (const auto& shard : shards_) check(!shard->is_current(), "block_on() is not called on a shard");
  detail::Outcome<detail::ResultOf<F>> outcome;
  auto call = [&]() -> awaitable<detail::ResultOf<F>> {
    if constexpr (detail::Awaited<std::invoke_result_t<F>>::is_coroutine) {
      co_return co_await f();
    } else {
      co_return f();
    }
  };
  try {
    asio::co_spawn(shards_[0]->executor(), outcome.run_coroutine(call), asio::use_future).get();
  } catch (const std::future_error&) {
    throw Error(Code::kUnavailable, "the runtime was stopped before this call was done");
  }
  return outcome.take();
}

template <typename F>
awaitable<detail::ResultOf<F>> on(Shard& shard, F f) {
  if (!shard.is_current()) co_return co_await detail::cross(shard.context(), std::move(f));
  if constexpr (detail::Awaited<std::invoke_result_t<F>>::is_coroutine) {
    co_return co_await f();
  } else {
    co_return f();
  }
}

template <typename F>
awaitable<detail::ResultOf<F>> on_pool(Pool& pool, F f) {
  return detail::cross(pool.context(), std::move(f));
}

}  // namespace headrace
