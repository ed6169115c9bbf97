// A value that one thread replaces and all read: what a shard knows and others must see without asking it, such as the
// catalogue. Readers keep the version that they got for as long as they hold it.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace headrace {

template <typename T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> value) : value_(std::move(value)) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  // From any thread. The lock is held for the copy of a pointer: about 20 ns when nobody else reads.
  std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void set(std::shared_ptr<const T> value) {
    // Parameters outlive local variables: the old value is destroyed after the lock is given back.
    const std::lock_guard lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace headrace
