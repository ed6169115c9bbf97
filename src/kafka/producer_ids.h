// Numbers for idempotent producers, each given out once, across restarts. They are taken from the log in blocks, so
// that a new producer rarely waits for the disk. The numbers of named producers (views/appender.cc) lie in the upper
// half of the positive ones; these begin at 0.
#pragma once

#include <cstdint>

#include "log/log.h"
#include "runtime/signal.h"

namespace headrace::kafka {

inline constexpr const char* kProducerIdsTopic = "_producer_ids";

class ProducerIds {
 public:
  ProducerIds(Runtime& runtime, Log& log) : runtime_(runtime), log_(log), idle_(runtime.shard(0)) {}

  // Makes the topic if it is missing and reads what has been given out.
  awaitable<void> start();
  // From any shard.
  awaitable<int64_t> next();

 private:
  static constexpr int64_t kBlock = 1000;

  awaitable<int64_t> next_here();
  awaitable<void> take_block();

  Runtime& runtime_;
  Log& log_;
  // On shard 0.
  Signal idle_;
  bool taking_ = false;
  int64_t next_ = 0;
  int64_t end_ = 0;  // what is reserved on the log
};

}  // namespace headrace::kafka
