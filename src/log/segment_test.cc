#include "log/segment.h"

#include "base/random.h"
#include "gtest/gtest.h"
#include "log/testing_log.h"

namespace headrace {
namespace {

TEST(OpenFilesTest, WhatIsNotUsedForLongestLosesItsFileAndItsIndex) {
  Runtime runtime({.shards = 1, .pool_threads = 1});
  FaultyFiles files(1);
  Pool pool(1);
  OpenFiles open_files(pool, files, 2, 0);
  std::vector<std::shared_ptr<Segment>> segments;
  for (int64_t i = 0; i < 4; ++i) {
    segments.push_back(std::make_shared<Segment>(".", Offset{i}, 0));
    make_segment_file(files, segments.back()->path(), kMarkPageBytes);
    segments.back()->closed = i != 1;  // that one takes appends
    segments.back()->index.add({i}, 100'000, {i + 1}, 0);
    segments.back()->index_loaded = true;
    runtime.block_on([&] { return open_files.open(segments.back()); });
  }
  EXPECT_FALSE(segments[0]->file);
  EXPECT_FALSE(segments[0]->index_loaded);
  EXPECT_EQ(segments[0]->index.entries(), 0U);
  EXPECT_FALSE(segments[1]->file);
  EXPECT_TRUE(segments[1]->index_loaded);
  for (size_t i = 2; i < 4; ++i) {
    EXPECT_TRUE(segments[i]->file);
    EXPECT_TRUE(segments[i]->index_loaded);
  }
  segments[0]->gone = true;
  EXPECT_EQ(TestingLog::error_of([&] { runtime.block_on([&] { return open_files.open(segments[0]); }); }),
            Code::kNotFound)
      << "its name may be another file's";
  runtime.stop();
}

TEST(OpenFilesTest, IndexesStayForAWhile) {
  Runtime runtime({.shards = 1, .pool_threads = 1});
  FaultyFiles files(1);
  Pool pool(1);
  std::vector<std::shared_ptr<Segment>> segments;
  for (int64_t i = 0; i < 5; ++i) {
    segments.push_back(std::make_shared<Segment>(".", Offset{i}, 0));
    make_segment_file(files, segments.back()->path(), kMarkPageBytes);
    segments.back()->closed = segments.back()->index_loaded = true;
    segments.back()->index.add({i}, 100'000, {i + 1}, 0);
  }
  OpenFiles open_files(pool, files, 1, 2 * segments[0]->index.bytes());
  const auto use = [&](size_t i) { runtime.block_on([&] { return open_files.open(segments[i]); }); };
  const auto with_index = [&] {
    std::string all;
    for (const auto& segment : segments) all += segment->index_loaded ? 'x' : '-';
    return all;
  };
  for (const size_t i : {0, 1, 2}) use(i);
  EXPECT_EQ(with_index(), "xxxxx");
  use(0);  // and not 1 any more, so that is the first to go
  for (const size_t i : {3, 4}) use(i);
  EXPECT_EQ(with_index(), "x--xx");
  runtime.stop();
}

// More of them than files may be open.
TEST(OpenFilesTest, SegmentsAreReadInAnyOrder) {
  TestingLog log;
  log.create("scans", {.segment_bytes = 16 * 1024});
  for (int i = 0; i < 600; ++i) log.append("scans", 0, std::to_string(i) + std::string(6000, 'x'));
  log.reopen();
  ASSERT_GT(log.files().list("log/scans-0").size(), 200U);
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto at = static_cast<int64_t>(random.below(600));
    ASSERT_EQ(read_batch_header(log.read("scans", 0, {at}, 1).bytes).base, Offset{at});
  }
}

}  // namespace
}  // namespace headrace
