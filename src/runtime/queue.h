// A bounded queue between coroutines of one shard: who puts waits while it is full, who takes waits while it is empty.
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "base/check.h"
#include "runtime/signal.h"

namespace headrace {

template <typename T>
class Queue {
 public:
  Queue(Shard& shard, size_t items_max) : items_max_(items_max), room_(shard), filled_(shard) {
    check(items_max > 0, "a queue has room for something");
  }

  size_t size() const { return items_.size(); }
  bool full() const { return items_.size() >= items_max_; }
  bool closed() const { return closed_; }

  // Waits for room. Returns false, and drops the item, once the queue is closed.
  awaitable<bool> put(T item) {
    while (full() && !closed_) co_await room_.wait();
    co_return try_put(std::move(item));
  }

  // False when the queue is full or closed; then `item` is left as it was.
  bool try_put(T&& item) {
    if (full() || closed_) return false;
    items_.push_back(std::move(item));
    filled_.notify_all();
    return true;
  }

  // Waits for an item. nullopt once the queue is closed and empty.
  awaitable<std::optional<T>> take() {
    while (items_.empty() && !closed_) co_await filled_.wait();
    co_return try_take();
  }

  std::optional<T> try_take() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    room_.notify_all();
    return item;
  }

  // Refuses new items and wakes all who wait. What is in the queue can still be taken.
  void close() {
    closed_ = true;
    room_.notify_all();
    filled_.notify_all();
  }

 private:
  const size_t items_max_;
  std::deque<T> items_;
  Signal room_;
  Signal filled_;
  bool closed_ = false;
};

}  // namespace headrace
