// Runs several coroutines of one shard at the same time and waits for all of them.
#pragma once

#include <exception>
#include <optional>
#include <vector>

#include "runtime/signal.h"

namespace headrace {

namespace detail {

template <typename T>
struct Joined {
  explicit Joined(Shard& shard) : done(shard) {}
  std::vector<std::optional<T>> results;
  std::exception_ptr failure;
  size_t left = 0;
  Signal done;
};

template <typename T>
awaitable<void> run_joined(awaitable<T> coroutine, size_t index, Joined<T>* joined) {
  try {
    joined->results[index].emplace(co_await std::move(coroutine));
  } catch (...) {
    if (!joined->failure) joined->failure = std::current_exception();
  }
  if (--joined->left == 0) joined->done.notify_all();
}

}  // namespace detail

// The results in the order of `coroutines`. When some fail, the first error is thrown after all have ended.
template <typename T>
awaitable<std::vector<T>> join_all(Shard& shard, std::vector<awaitable<T>> coroutines) {
  detail::Joined<T> joined(shard);
  joined.results.resize(coroutines.size());
  joined.left = coroutines.size();
  for (size_t i = 0; i < coroutines.size(); ++i) shard.spawn(detail::run_joined(std::move(coroutines[i]), i, &joined));
  while (joined.left > 0) co_await joined.done.wait();
  if (joined.failure) std::rethrow_exception(joined.failure);
  std::vector<T> results;
  results.reserve(joined.results.size());
  for (auto& result : joined.results) results.push_back(std::move(*result));
  co_return results;
}

}  // namespace headrace
