// How much memory the bodies of a shard's requests hold together. A body takes room before it is read, as it arrives;
// when there is none it waits, and its client with it, because nothing is read from the socket meanwhile. Bodies that
// all have a part and wait for the rest would wait for ever: so one of them at a time may go beyond the limit.
#pragma once

#include <utility>

#include "runtime/signal.h"

namespace headrace {

class BodyMemory {
 public:
  BodyMemory(Shard& shard, Timers& timers, size_t bytes_max) : timers_(timers), freed_(shard), bytes_max_(bytes_max) {}

  // Room that one body has. Gives it back at its end.
  class Lease {
   public:
    explicit Lease(BodyMemory& memory) : memory_(memory) {}
    ~Lease() { release(); }
    Lease(const Lease&) = delete;

    size_t bytes() const { return bytes_; }
    void release() {
      if (bytes_ == 0) return;
      memory_.used_ -= std::exchange(bytes_, 0);
      if (memory_.beyond_ == this) memory_.beyond_ = nullptr;
      memory_.freed_.notify_all();
    }

   private:
    friend class BodyMemory;
    BodyMemory& memory_;
    size_t bytes_ = 0;
  };

  // Adds `bytes` to the lease if there is room now.
  bool try_take(Lease& lease, size_t bytes) {
    if (used_ + bytes > bytes_max_) {
      if (lease.bytes_ == 0 || (beyond_ != nullptr && beyond_ != &lease)) return false;
      beyond_ = &lease;
    }
    used_ += bytes;
    lease.bytes_ += bytes;
    return true;
  }
  // Waits for room. False when `deadline` came first.
  awaitable<bool> take(Lease& lease, size_t bytes, SteadyTime deadline) {
    while (!try_take(lease, bytes)) {
      if (timers_.clock().steady() >= deadline) co_return false;
      co_await freed_.wait_until(timers_, deadline);
    }
    co_return true;
  }

  size_t used() const { return used_; }
  // Whether somebody waits for room.
  bool wanted() const { return freed_.waiting() > 0; }

 private:
  Timers& timers_;
  Signal freed_;
  const size_t bytes_max_;
  size_t used_ = 0;
  Lease* beyond_ = nullptr;  // the one that went beyond the limit
};

}  // namespace headrace
