#include "views/live_views.h"

#include <gtest/gtest.h>

#include "views/testing_system.h"

namespace headrace {
namespace {

awaitable<void> start_and_stop(LiveViews& views) {
  co_await views.start();
  co_await views.stop();
}

TEST(LiveViewsTest, TheyMayStopAsSoonAsTheyHaveStarted) {
  FaultyFiles files(1);
  TestSystem system(files);
  LiveViews views(system.runtime, system.timers, *system.log, *system.store, system.catalog, system.appender);
  system.runtime.block_on([&] { return start_and_stop(views); });
  // What start() set going has ended by itself, and this shard goes on.
  system.execute("CREATE STREAM s (a text); INSERT INTO s VALUES ('x')");
  EXPECT_EQ(system.query("SELECT a FROM s").size(), 1u);
}

}  // namespace
}  // namespace headrace
