#include "runtime/body_memory.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

using namespace std::chrono_literals;

class BodyMemoryTest : public testing::Test {
 protected:
  bool take(BodyMemory::Lease& lease, size_t bytes) {
    return runtime_.block_on([&] { return memory_.take(lease, bytes, time_.clock().steady()); });
  }

  ManualTime time_{WallTime{}};
  void give_back(BodyMemory::Lease& lease) {
    runtime_.block_on([&]() -> awaitable<void> {
      lease.release();
      co_return;
    });
  }

  Runtime runtime_{{.shards = 1, .pool_threads = 1}};
  BodyMemory memory_{runtime_.shard(0), time_, 100};
};

TEST_F(BodyMemoryTest, RoomIsTakenAndGivenBack) {
  BodyMemory::Lease first(memory_);
  BodyMemory::Lease second(memory_);
  EXPECT_TRUE(take(first, 60));
  EXPECT_FALSE(take(second, 60));
  EXPECT_TRUE(take(second, 40));
  EXPECT_EQ(memory_.used(), 100U);
  give_back(first);
  EXPECT_EQ(memory_.used(), 40U);
  give_back(second);
  EXPECT_EQ(memory_.used(), 0U);
}

TEST_F(BodyMemoryTest, OneOfThoseWhoHaveAPartGoesOnWhenThereIsNoRoom) {
  BodyMemory::Lease first(memory_);
  BodyMemory::Lease second(memory_);
  BodyMemory::Lease third(memory_);
  ASSERT_TRUE(take(first, 50));
  ASSERT_TRUE(take(second, 50));
  EXPECT_FALSE(take(third, 1)) << "it has nothing yet";
  EXPECT_TRUE(take(first, 70));
  EXPECT_FALSE(take(second, 70)) << "one at a time";
  EXPECT_TRUE(take(first, 30)) << "until it has all";
  give_back(first);
  EXPECT_TRUE(take(second, 70));
  EXPECT_FALSE(take(third, 1));
  give_back(second);
  EXPECT_TRUE(take(third, 100));
  give_back(third);
}

TEST_F(BodyMemoryTest, WaitsUntilTheDeadline) {
  BodyMemory::Lease first(memory_);
  BodyMemory::Lease second(memory_);
  ASSERT_TRUE(take(first, 100));
  bool taken = true;
  runtime_.block_on([&]() -> awaitable<void> {
    runtime_.shard(0).spawn([](BodyMemory& memory, BodyMemory::Lease& lease) -> awaitable<void> {
      EXPECT_TRUE(memory.wanted());
      lease.release();
      co_return;
    }(memory_, first));
    EXPECT_FALSE(memory_.wanted());
    taken = co_await memory_.take(second, 10, time_.clock().steady() + 1s);
  });
  EXPECT_TRUE(taken);
  give_back(second);
}

}  // namespace
}  // namespace headrace
