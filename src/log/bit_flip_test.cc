// One flipped bit anywhere on the disk: it is detected when the log is opened or when the bytes are read, or it does
// not matter. Never is anything served that was not written.
#include "base/random.h"
#include "gtest/gtest.h"
#include "log/testing_log.h"
#include "spdlog/spdlog.h"

namespace headrace {
namespace {

constexpr int kFlipsPerFile = 60;

class BitFlip : public testing::Test {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::off);
    log_.create("scans", {.segment_bytes = 16 * 1024});
    for (int i = 0; i < 60; ++i)
      log_.append_from("scans", 0, 5, 0, 2 * i, {std::string(500, 'x') + std::to_string(i), "y"});
    written_ = log_.values("scans", 0);
    log_.close();
  }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }

  std::map<std::string, std::string> snapshot(const std::string& folder) {
    std::map<std::string, std::string> contents;
    for (const std::string& name : log_.files().list(folder)) {
      const std::string path = folder + "/" + name;
      if (is_folder(path)) {
        contents.merge(snapshot(path));
      } else {
        const auto file = log_.files().open(path, Files::Mode::kRead);
        std::string bytes(file->size(), '\0');
        file->read_at(0, bytes.data(), bytes.size());
        contents[path] = bytes;
      }
    }
    return contents;
  }
  bool is_folder(const std::string& path) {
    try {
      log_.files().list(path);
      return true;
    } catch (const Error&) {
      return false;
    }
  }
  void restore(const std::map<std::string, std::string>& contents) {
    for (const auto& [path, bytes] : snapshot("log")) {
      if (!contents.contains(path)) log_.files().remove(path);
    }
    for (const auto& [path, bytes] : contents) {
      const auto file = log_.files().open(path, Files::Mode::kCreate);
      file->truncate(bytes.size());
      file->write_at(0, bytes);
      file->sync();
    }
  }

  // Whether the damage was noticed. What is read without an error must be what was written.
  bool is_noticed() {
    bool noticed = false;
    try {
      log_.open();
      const std::vector<std::string> values = log_.values("scans", 0);
      EXPECT_EQ(values, written_);
      for (int64_t from = 0; from < 120; from += 17) log_.read("scans", 0, {from}, 1);
      EXPECT_EQ(log_.last_sequence("scans", 0, 5), 118);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kCorrupt) << error.message();
      noticed = true;
    }
    log_.close();
    return noticed;
  }

  TestingLog log_;
  std::vector<std::string> written_;
};

TEST_F(BitFlip, IsDetectedOrHarmless) {
  const auto good = snapshot("log");
  Random random(3);
  int files = 0;
  for (const auto& [path, bytes] : good) {
    if (bytes.empty()) continue;
    ++files;
    int noticed = 0;
    for (int i = 0; i < kFlipsPerFile; ++i) {
      SCOPED_TRACE(path + " flip " + std::to_string(i));
      restore(good);
      log_.files().flip_bit(path);
      if (is_noticed()) ++noticed;
      ASSERT_FALSE(HasFailure());
    }
    // The checkpoint is rebuilt; a topic file is small and all of it matters.
    if (path.ends_with("checkpoint")) EXPECT_EQ(noticed, 0) << path;
    if (path.ends_with(".topic")) EXPECT_EQ(noticed, kFlipsPerFile) << path;
  }
  EXPECT_GE(files, 5);
}

TEST_F(BitFlip, InAnIndexIsHarmless) {
  log_.open();
  log_.create("large", {});
  for (int i = 0; i < 100; ++i) log_.append("large", 0, std::to_string(i) + std::string(40'000, 'x'));
  const std::vector<std::string> values = log_.values("large", 0);
  log_.close();
  int indexes = 0;
  for (const auto& [path, bytes] : snapshot("log")) {
    if (!path.ends_with(".index")) continue;
    ++indexes;
    for (int i = 0; i < kFlipsPerFile; ++i) {
      log_.files().flip_bit(path);
      log_.open();
      ASSERT_EQ(log_.values("large", 0), values) << path << " flip " << i;
      log_.close();
    }
  }
  EXPECT_GE(indexes, 1);
}

TEST_F(BitFlip, InAcknowledgedBytesIsAlwaysDetected) {
  const auto good = snapshot("log");
  Random random(4);
  for (const auto& [path, bytes] : good) {
    if (!path.ends_with(".log")) continue;
    // The batches end where the preallocated zeros begin.
    const size_t end = std::string_view(bytes).substr(0, bytes.size() - 8192).find_last_not_of('\0') + 1;
    for (int i = 0; i < 100; ++i) {
      restore(good);
      std::string damaged = bytes;
      const size_t bit = random.below(end * 8);
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      const auto file = log_.files().open(path, Files::Mode::kWrite);
      file->write_at(0, damaged);
      file->sync();
      EXPECT_TRUE(is_noticed()) << path << " bit " << bit << " of byte " << bit / 8;
    }
  }
}

}  // namespace
}  // namespace headrace
