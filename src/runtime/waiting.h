// A coroutine that is suspended until another one wakes it: a node in its own frame, linked into the list of what it
// waits for and into the list of its shard, which destroys it when the runtime stops.
#pragma once

#include <functional>

namespace headrace::detail {

// A node of a circular, doubly linked list, or its head. A node that is destroyed leaves its list.
class WaitingLink {
 public:
  WaitingLink() = default;
  WaitingLink(const WaitingLink&) = delete;
  WaitingLink& operator=(const WaitingLink&) = delete;
  ~WaitingLink() { unlink(); }

  bool linked() const { return next_ != this; }
  WaitingLink* next() const { return next_; }
  void insert_before(WaitingLink& other) {
    previous_ = other.previous_;
    next_ = &other;
    previous_->next_ = this;
    next_->previous_ = this;
  }
  void unlink() {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }

 private:
  WaitingLink* previous_ = this;
  WaitingLink* next_ = this;
};

struct Waiting {
  // Which list a link is in decides which Waiting it belongs to.
  struct Member : WaitingLink {
    explicit Member(Waiting* of) : owner(of) {}
    Waiting* owner;
  };

  Member in_signal{this};
  Member in_shard{this};
  std::move_only_function<void()> resume;  // queues the coroutine to run
  bool notified = false;
};

class WaitingList {
 public:
  WaitingList() = default;
  // Those who still wait stay suspended until their shard destroys them.
  ~WaitingList() {
    while (head_.linked()) head_.next()->unlink();
  }

  bool empty() const { return !head_.linked(); }
  Waiting& front() const { return *static_cast<Waiting::Member*>(head_.next())->owner; }
  void push_back(Waiting::Member& member) { member.insert_before(head_); }
  // All of `other`, in order, and leaves it empty.
  void take(WaitingList& other) {
    while (!other.empty()) {
      WaitingLink* const link = other.head_.next();
      link->unlink();
      link->insert_before(head_);
    }
  }
  size_t size() const {
    size_t count = 0;
    for (const WaitingLink* link = head_.next(); link != &head_; link = link->next()) ++count;
    return count;
  }

 private:
  WaitingLink head_;
};

}  // namespace headrace::detail
