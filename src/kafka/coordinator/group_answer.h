// The answer that a client waits for until others have done their part: a JoinGroup that waits for the other members, a
// SyncGroup that waits for the leader. Belongs to one shard.
#pragma once

#include <memory>
#include <optional>

#include "runtime/signal.h"

namespace headrace {

template <typename T>
class Answer {
 public:
  explicit Answer(Shard& shard) : given_(shard) {}

  void give(T value) {
    check(!value_, "a request is answered once");
    value_.emplace(std::move(value));
    given_.notify_all();
  }
  awaitable<T> take() {
    while (!value_) co_await given_.wait();
    co_return std::move(*value_);
  }

 private:
  std::optional<T> value_;
  Signal given_;
};

template <typename T>
using AnswerPointer = std::shared_ptr<Answer<T>>;

// Answers whoever waits there, if somebody does, and forgets him.
template <typename T>
void give_to(AnswerPointer<T>& answer, T value) {
  if (const AnswerPointer<T> waiting = std::exchange(answer, nullptr)) waiting->give(std::move(value));
}

}  // namespace headrace
