// Batches that are passed on from the file must be those that a read gives. On real files, which have descriptors.
#include <stdlib.h>

#include <filesystem>
#include <future>

#include "base/random.h"
#include "gtest/gtest.h"
#include "log/testing_held_files.h"
#include "log/testing_log.h"

namespace headrace {
namespace {

constexpr int kBatches = 400;

class LocateTest : public testing::Test {
 protected:
  LocateTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "headrace-log-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    open();
  }
  ~LocateTest() override {
    close();
    runtime_.stop();
    std::filesystem::remove_all(folder_);
  }

  void open() { log_ = open_embedded_log(runtime_, time_, held_, {.folder = folder_ + "/log", .gather_time = {}}); }
  void close() {
    runtime_.block_on([&] { return log_->close(); });
    log_.reset();
  }
  void fill(Random& random) {
    runtime_.block_on([&] { return log_->create("scans", {.segment_bytes = 256 * 1024}); });
    for (int i = 0; i < kBatches; ++i) {
      const size_t size = random.one_in(20) ? 30'000 : random.below(500);
      const std::vector<std::string> values(1 + random.below(4), std::string(size, 'v'));
      runtime_.block_on([&] { return log_->append("scans", one(0, batch_of(values))); });
    }
  }
  Located locate(Offset from, size_t bytes_max) {
    return runtime_.block_on([&] { return log_->locate("scans", 0, from, bytes_max); });
  }
  std::string bytes_of(const Located& located) {
    if (!located.range.file) return std::string(located.bytes);
    std::string bytes(located.range.size, '\0');
    bytes.resize(located.range.file->read_at(located.range.position, bytes.data(), bytes.size()));
    return bytes;
  }

  ManualTime time_{WallTime{}};
  Runtime runtime_{{.shards = 1, .pool_threads = 2}};
  std::unique_ptr<Files> files_ = make_system_files();
  HeldFiles held_{*files_};
  std::string folder_;
  std::unique_ptr<EmbeddedLog> log_;
};

TEST_F(LocateTest, TheFileHasWhatAReadGives) {
  const uint64_t seed = 20261121;
  Random random(seed);
  fill(random);
  close();
  open();  // with nothing in memory
  const Bounds bounds = runtime_.block_on([&] { return log_->bounds("scans", 0); });
  size_t in_files = 0;
  for (int i = 0; i < 500; ++i) {
    const Offset from{static_cast<int64_t>(random.below(static_cast<uint64_t>(bounds.end.value)))};
    const size_t most = 1 + random.below(100'000);
    const Located located = locate(from, most);
    const Fetched read = runtime_.block_on([&] { return log_->read("scans", 0, from, most); });
    in_files += located.range.file ? 1 : 0;
    const std::string bytes = bytes_of(located);
    const BatchHeader first = verify_batch(bytes);
    ASSERT_LE(first.base, from) << "seed " << seed;
    ASSERT_GT(first.end(), from);
    const size_t common = std::min(bytes.size(), read.bytes.size());
    EXPECT_EQ(std::string_view(bytes).substr(0, common), read.bytes.substr(0, common));
    EXPECT_LE(bytes.size(), std::max(most, first.bytes()));
    EXPECT_EQ(located.bounds.end, bounds.end);
  }
  EXPECT_EQ(in_files, 500U);
}

TEST_F(LocateTest, AtTheEndThereIsNothingAndBehindItAnError) {
  Random random(1);
  fill(random);
  const Bounds bounds = runtime_.block_on([&] { return log_->bounds("scans", 0); });
  EXPECT_EQ(locate(bounds.end, 1000).size(), 0U);
  EXPECT_THROW(locate(bounds.end + 1, 1000), Error);
  const Located newest = locate({bounds.end.value - 1}, 1000);
  EXPECT_FALSE(newest.range.file) << "what was just written is in memory";
  EXPECT_GT(newest.size(), 0U);
}

// A call that waits for an index while compaction replaces the segment must not take the new file for the old one.
TEST_F(LocateTest, WhatCompactionReplacesMeanwhileIsNotPairedWithTheNewFile) {
  runtime_.block_on([&] { return log_->create("scans", {.segment_bytes = 2 << 20, .compact = true}); });
  // The keys of the large segment's first records stay, so that all that is looked at of the new file fits the old
  // index.
  for (int i = 0; i < 450; ++i) {
    RecordBatchBuilder builder;
    builder.append(time_.wall_ms(), i >= 180 && i < 260 ? std::to_string(i) : "all", std::string(10'000, 'v'));
    runtime_.block_on([&] { return log_->append("scans", one(0, builder.finish())); });
  }
  close();
  open();  // with nothing in memory
  held_.hold(".index");
  auto located = std::async(std::launch::async, [&] { return locate({230}, 2 << 20); });
  held_.wait_until_held();
  runtime_.block_on([&] { return log_->clean(); });
  held_.release();
  const std::string bytes = bytes_of(located.get());
  Offset at{230};
  for (std::string_view rest = bytes; !rest.empty();) {
    const BatchHeader header = verify_batch(rest);
    ASSERT_EQ(header.base, at);
    at = header.end();
    rest.remove_prefix(header.bytes());
  }
  EXPECT_GT(at, Offset{260});
}

// What was sent from a file may be in a socket's queue for as long as its reader does not read, as the page that it
// was.
TEST_F(LocateTest, WhatWasHandedOutStaysAsItWas) {
  const auto fill_segments = [&](char letter) {
    for (int i = 0; i < 30; ++i) {
      runtime_.block_on([&] { return log_->append("scans", one(0, batch_of({std::string(10'000, letter)}))); });
    }
  };
  runtime_.block_on([&] { return log_->create("scans", {.retention_bytes = 0, .segment_bytes = 64 * 1024}); });
  fill_segments('a');
  runtime_.block_on([&] { return log_->create("other", {}); });
  for (int i = 0; i < 20; ++i) {  // more than is kept in memory
    runtime_.block_on([&] { return log_->append("other", one(0, batch_of({std::string(1 << 20, 'o')}))); });
  }
  std::vector<std::pair<FileRange, std::string>> sent;
  for (int64_t from = 0; from < 25; ++from) {
    const Located located = locate({from}, 1);
    ASSERT_TRUE(located.range.file);
    sent.emplace_back(located.range, bytes_of(located));
  }
  runtime_.block_on([&] { return log_->set_retention_floor("scans", 0, kOffsetMax); });
  for (const char letter : {'b', 'c'}) {
    runtime_.block_on([&] { return log_->clean(); });
    fill_segments(letter);
  }
  EXPECT_GT(runtime_.block_on([&] { return log_->bounds("scans", 0); }).start, Offset{25});
  for (const auto& [range, bytes] : sent)
    EXPECT_EQ(bytes_of({.owner = {}, .bytes = {}, .range = range, .bounds = {}}), bytes);
}

}  // namespace
}  // namespace headrace
