#include "runtime/shard.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <string>

#include "base/rendezvous.h"
#include "base/trace.h"
#include "fmt/format.h"

namespace headrace {
namespace {

// Each round frees at least the outermost frame of every chain of calls between shards.
constexpr int kAbandonRoundsMax = 1000;

void name_thread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.c_str());
}

// The cores that this process may use, which can be fewer than there are.
size_t core_count() {
  cpu_set_t cores;
  if (::sched_getaffinity(0, sizeof cores, &cores) == 0) return static_cast<size_t>(CPU_COUNT(&cores));
  return std::max(1U, std::thread::hardware_concurrency());
}

[[noreturn]] void die_of(std::exception_ptr error, const char* where) {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const std::exception& exception) {
    trace::critical("an error escaped {}: {}", where, exception.what());
  } catch (...) {
    trace::critical("something that is no error escaped {}", where);
  }
  check_failed("errors are handled where they can be", std::source_location::current());
}

template <typename Executor>
awaitable<void> run_on(Executor executor, detail::Job job) {
  return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [executor, job](auto handler) {
        asio::post(executor, [job, resume = std::move(handler)]() mutable {
          job.run(job.object);
          auto home = asio::get_associated_executor(resume);
          asio::post(home, std::move(resume));
        });
      },
      asio::use_awaitable);
}

}  // namespace

namespace detail {

awaitable<void> run_job(asio::io_context& context, Job job) {
  return run_on(context.get_executor(), job);
}

awaitable<void> run_job(asio::thread_pool& pool, Job job) {
  return run_on(pool.get_executor(), job);
}

awaitable<void> run_job(asio::io_context& context, CoroutineJob job) {
  return asio::co_spawn(context, job.make(job.object), asio::use_awaitable);
}

awaitable<void> run_job(asio::thread_pool& pool, CoroutineJob job) {
  return asio::co_spawn(pool, job.make(job.object), asio::use_awaitable);
}

}  // namespace detail

// Counts a spawned coroutine from the call of spawn() until its frame is gone.
class Shard::Alive {
 public:
  explicit Alive(std::atomic<size_t>& count) : count_(&count) { count.fetch_add(1, std::memory_order_relaxed); }
  Alive(Alive&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  ~Alive() {
    if (count_ != nullptr) count_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<size_t>* count_;
};

awaitable<void> Shard::run_root(Alive, awaitable<void> coroutine) {
  co_await std::move(coroutine);
}

void Shard::spawn(awaitable<void> coroutine) {
  asio::post(context_, [this, root = run_root(Alive(roots_), std::move(coroutine))]() mutable {
    asio::co_spawn(context_, std::move(root), [](std::exception_ptr error) {
      if (error) die_of(std::move(error), "a spawned coroutine");
    });
  });
}

void Shard::run() {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  name_thread(fmt::format("shard-{}", index_));
  try {
    context_.run();
  } catch (...) {
    die_of(std::current_exception(), "a call on a shard");
  }
}

void Shard::abandon() {
  // Destructors of frames may use what is used on this shard only.
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!waiting_.empty()) {
    detail::Waiting& waiting = waiting_.front();
    waiting.in_signal.unlink();
    waiting.in_shard.unlink();
    // Destroying the handler destroys the coroutine, perhaps before this line ends.
    const auto dropped = std::move(waiting.resume);
  }
  context_.abandon();
  thread_.store(std::thread::id(), std::memory_order_relaxed);
}

Runtime::Runtime(Options options)
    : pool_(options.pool_threads != 0 ? options.pool_threads : std::max<size_t>(4, 2 * core_count())) {
  const size_t count = options.shards != 0 ? options.shards : core_count();
  for (size_t i = 0; i < count; ++i) shards_.push_back(std::make_unique<Shard>(i));
  for (const auto& shard : shards_) threads_.emplace_back([&shard = *shard] { shard.run(); });
}

Runtime::~Runtime() {
  stop();
}

Shard& Runtime::owner_of(std::string_view name) {
  return *shards_[rendezvous_owner(name, shards_.size())];
}

void Runtime::stop() {
  if (stopped_) return;
  stopped_ = true;
  for (const auto& shard : shards_) check(!shard->is_current(), "stop() is not called on a shard");
  for (const auto& shard : shards_) shard->context_.stop();
  for (std::thread& thread : threads_) thread.join();
  // Before the pool is joined, so that a pool thread that blocks on a shard is let go.
  for (const auto& shard : shards_) shard->abandon();
  pool_.pool_.stop();
  pool_.pool_.join();

  // A frame on one shard may hold the handler of a frame on another one, which then is queued there to be destroyed.
  size_t alive = 0;
  for (int round = 0; round < kAbandonRoundsMax; ++round) {
    pool_.pool_.abandon();
    for (const auto& shard : shards_) shard->abandon();
    alive = 0;
    for (const auto& shard : shards_) alive += shard->roots_.load(std::memory_order_relaxed);
    if (alive == 0 && round > 0) return;
  }
  trace::error("{} coroutines could not be destroyed when the runtime stopped: someone else holds them", alive);
}

}  // namespace headrace
