// Precompiled for the components that run on shards: Asio's coroutines take longer to read than most files that use
// them.
#pragma once

#include <atomic>
#include <future>
#include <thread>

#include "base/precompiled.h"
#include "boost/asio/awaitable.hpp"
#include "boost/asio/co_spawn.hpp"
#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/thread_pool.hpp"
#include "boost/asio/use_awaitable.hpp"
#include "boost/asio/use_future.hpp"
