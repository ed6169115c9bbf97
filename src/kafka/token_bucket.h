// How much of a rate a client has used, as one point in time: until when everything that it took is paid for, at so
// many bytes a second (the generic cell rate algorithm, "leaky bucket as a meter" of ITU-T I.371). A point before now
// is credit, of which kBurst is kept; one after now is debt, and the client is asked to wait for it. Whoever has no
// debt may take any amount, so that a request larger than a second's share is possible at all.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace headrace::kafka {

class TokenBucket {
 public:
  // What a client that did nothing for a while may take at once: it makes up for the pauses between its requests.
  static constexpr std::chrono::milliseconds kBurst{250};
  // The longest that anyone is asked to wait, and so the largest debt: a third of the time after which clients give a
  // request up.
  static constexpr std::chrono::milliseconds kDebtMax{10'000};

  // Takes `bytes`, at `rate` bytes a second (above 0). How long to wait from `now` on: zero when all is paid for.
  std::chrono::nanoseconds charge(uint64_t bytes, int64_t rate, SteadyTime now) {
    constexpr double kSecond = 1e9;
    constexpr double kMost = std::chrono::duration<double, std::nano>(kDebtMax + kBurst).count();
    const double cost = std::min(kMost, static_cast<double>(bytes) / static_cast<double>(rate) * kSecond);
    const SteadyTime from = std::max(paid_until_, now - kBurst);
    paid_until_ = std::min(from + std::chrono::nanoseconds(static_cast<int64_t>(cost)), now + kDebtMax);
    return debt(now);
  }
  // How long to wait, as of now.
  std::chrono::nanoseconds debt(SteadyTime now) const {
    return paid_until_ <= now ? std::chrono::nanoseconds(0) : paid_until_ - now;
  }

 private:
  SteadyTime paid_until_ = SteadyTime::min();
};

}  // namespace headrace::kafka
