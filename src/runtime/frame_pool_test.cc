#include "runtime/frame_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <vector>

namespace headrace {
namespace {

constexpr size_t kBlocks = 7;
constexpr size_t kRegionBytes = size_t{8} << 20;

TEST(FramePool, LendsEachBlockToOneFrameAtATime) {
  FramePool pool(kRegionBytes);
  std::vector<Frame> frames;
  for (size_t i = 0; i < 2 * kBlocks; ++i) {  // more than there are
    frames.push_back(pool.take(FramePool::kBlockBytes - i));
    ASSERT_EQ(frames[i].bytes.size(), FramePool::kBlockBytes - i);
    std::ranges::fill(frames[i].bytes, static_cast<char>(i));
  }
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_TRUE(std::ranges::all_of(frames[i].bytes, [&](char byte) { return byte == static_cast<char>(i); })) << i;
  }
}

TEST(FramePool, LendsABlockAgainWhenNobodyKeepsAnyOfItsBytes) {
  FramePool pool(kRegionBytes);
  std::optional<Frame> frame = pool.take(FramePool::kBlockUsedMin);
  const char* block = frame->bytes.data();
  std::optional<std::shared_ptr<void>> kept = frame->owner;
  frame.reset();
  EXPECT_NE(pool.take(FramePool::kBlockBytes).bytes.data(), block);
  kept.reset();
  EXPECT_EQ(pool.take(FramePool::kBlockBytes).bytes.data(), block);
}

TEST(FramePool, GivesOtherSizesMemoryOfTheirOwn) {
  FramePool pool(kRegionBytes);
  const Frame block = pool.take(FramePool::kBlockBytes);
  const char* first = block.bytes.data();
  const auto in_region = [&](const Frame& frame) {
    return frame.bytes.data() >= first && frame.bytes.data() < first + kRegionBytes;
  };
  EXPECT_TRUE(in_region(block));
  for (const size_t size : {size_t{0}, size_t{1}, FramePool::kBlockUsedMin - 1, FramePool::kBlockBytes + 1}) {
    const Frame frame = pool.take(size);
    EXPECT_EQ(frame.bytes.size(), size);
    EXPECT_FALSE(in_region(frame)) << size;
    std::ranges::fill(frame.bytes, 'x');
  }
}

TEST(FramePool, WorksWithoutABlock) {
  FramePool pool(FramePool::kBlockBytes - 1);
  std::ranges::fill(pool.take(FramePool::kBlockBytes).bytes, 'x');
}

TEST(FramePool, MayEndBeforeItsFrames) {
  std::optional<FramePool> pool(kRegionBytes);
  const Frame frame = pool->take(FramePool::kBlockBytes);
  pool.reset();
  std::ranges::fill(frame.bytes, 'x');
}

TEST(FramePool, ServesThreads) {
  FramePool pool(kRegionBytes);
  std::vector<std::jthread> threads;
  for (char name = 'a'; name < 'e'; ++name) {
    threads.emplace_back([&pool, name] {
      for (int i = 0; i < 200; ++i) {
        std::vector<Frame> frames;
        for (int k = 0; k < 3; ++k) {
          frames.push_back(pool.take(FramePool::kBlockUsedMin));
          std::ranges::fill(frames.back().bytes.first(64), name);
        }
        for (const Frame& frame : frames) EXPECT_EQ(std::ranges::count(frame.bytes.first(64), name), 64);
      }
    });
  }
}

}  // namespace
}  // namespace headrace
