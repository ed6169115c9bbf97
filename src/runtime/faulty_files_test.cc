#include "runtime/faulty_files.h"

#include <map>
#include <optional>
#include <string>
#include <thread>

#include "base/error.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

std::optional<std::string> content(FaultyFiles& files, const std::string& path) {
  if (!files.exists(path)) return std::nullopt;
  const auto file = files.open(path, Files::Mode::kRead);
  std::string bytes(file->size(), '?');
  file->read_at(0, bytes.data(), bytes.size());
  return bytes;
}

template <typename F>
std::optional<Code> code_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

TEST(FaultyFiles, SyncedContentAndNamesSurvive) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    FaultyFiles files(seed);
    files.make_folders("/d");
    const auto file = files.open("/d/a", Files::Mode::kCreate);
    file->write_at(0, std::string(3000, 'a'));
    file->sync();
    files.sync_directory("/d");
    file->write_at(1000, std::string(1500, 'b'));
    files.power_cut();
    EXPECT_EQ(code_of([&] { file->size(); }), Code::kIo) << "files that were open fail";
    const auto bytes = content(files, "/d/a");
    ASSERT_TRUE(bytes.has_value());
    EXPECT_EQ(bytes->substr(0, 1000), std::string(1000, 'a'));
    ASSERT_EQ(bytes->size(), 3000U);
    EXPECT_EQ(bytes->substr(2500), std::string(500, 'a'));
    // Torn at sectors only: inside a sector, all is old or all is new.
    for (size_t sector = 1024; sector < 2048; sector += 512) {
      EXPECT_EQ(bytes->substr(sector, 512), std::string(512, (*bytes)[sector]));
    }
  }
}

TEST(FaultyFiles, EveryMixtureOfUnsyncedWritesOccurs) {
  std::map<std::string, int> seen;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    FaultyFiles files(seed);
    const auto file = files.open("/a", Files::Mode::kCreate);
    files.sync_directory("/");
    file->write_at(0, std::string(512, '-') + std::string(512, '-'));
    file->sync();
    file->write_at(0, "1");
    file->write_at(512, "2");
    file->write_at(0, "3");
    files.power_cut();
    const std::string bytes = *content(files, "/a");
    ++seen[bytes.substr(0, 1) + bytes.substr(512, 1)];
  }
  for (const char* mixture : {"--", "1-", "3-", "-2", "12", "32"}) EXPECT_GT(seen[mixture], 0) << mixture;
  EXPECT_EQ(seen.size(), 6U);
}

TEST(FaultyFiles, UnsyncedNamesComeAndGoInOrder) {
  std::map<std::string, int> seen;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    FaultyFiles files(seed);
    {
      const auto old = files.open("/current", Files::Mode::kCreate);
      old->write_at(0, "old");
      old->sync();
      files.sync_directory("/");
      const auto fresh = files.open("/temporary", Files::Mode::kCreate);
      fresh->write_at(0, "new");
      fresh->sync();
    }
    files.rename("/temporary", "/current");
    files.power_cut();
    std::string state = *content(files, "/current");
    if (files.exists("/temporary")) state += "+temporary";
    ++seen[state];
  }
  EXPECT_GT(seen["old"], 0);
  EXPECT_GT(seen["old+temporary"], 0);
  EXPECT_GT(seen["new"], 0);
  EXPECT_EQ(seen.size(), 3U);
}

TEST(FaultyFiles, SyncedRenameAndRemovalStay) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    FaultyFiles files(seed);
    files.make_folders("/d");
    files.make_folders("/e");
    files.open("/d/a", Files::Mode::kCreate);
    files.open("/d/b", Files::Mode::kCreate);
    files.sync_directory("/d");
    files.rename("/d/a", "/e/a");
    files.remove("/d/b");
    files.sync_directory("/e");
    files.power_cut();
    EXPECT_TRUE(files.exists("/e/a"));
    EXPECT_FALSE(files.exists("/d/a"));
    files.remove_all("/d");
    files.sync_directory("/");
    files.power_cut();
    EXPECT_FALSE(files.exists("/d"));
    EXPECT_EQ(files.list("/"), std::vector<std::string>{"e"});
  }
}

TEST(FaultyFiles, AFailedSyncIsFinal) {
  bool lost = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    FaultyFiles files(seed);
    const auto file = files.open("/a", Files::Mode::kCreate);
    files.sync_directory("/");
    file->write_at(0, std::string(512, 'a'));
    file->sync();
    file->write_at(512, std::string(512, 'b'));
    files.set_faults({.sync_fails_one_in = 1});
    EXPECT_EQ(code_of([&] { file->sync(); }), Code::kIo);
    files.set_faults({});
    EXPECT_EQ(*content(files, "/a"), std::string(512, 'a') + std::string(512, 'b'));
    file->write_at(1024, std::string(512, 'c'));
    file->sync();
    files.power_cut();
    const std::string bytes = *content(files, "/a");
    ASSERT_EQ(bytes.size(), 1536U);
    EXPECT_EQ(bytes.substr(0, 512), std::string(512, 'a'));
    EXPECT_EQ(bytes.substr(1024), std::string(512, 'c')) << "what was written after it is durable";
    if (bytes.substr(512, 512) == std::string(512, '\0')) lost = true;
  }
  EXPECT_TRUE(lost);
}

TEST(FaultyFiles, ThePowerGoesAtTheCallThatWasTold) {
  for (uint64_t cut = 1; cut <= 6; ++cut) {
    FaultyFiles files(cut);
    uint64_t done = 0;
    files.power_cut_after(cut);
    const auto error = code_of([&] {
      const auto file = files.open("/a", Files::Mode::kCreate);
      ++done;
      for (int i = 0; i < 2; ++i) {
        file->write_at(0, "x");
        ++done;
        file->sync();
        ++done;
      }
      files.sync_directory("/");
      ++done;
    });
    EXPECT_EQ(error, Code::kIo);
    EXPECT_EQ(done, cut - 1);
    EXPECT_EQ(files.mutations(), cut);
    EXPECT_EQ(code_of([&] { files.exists("/a"); }), Code::kIo);
    EXPECT_EQ(code_of([&] { files.open("/b", Files::Mode::kCreate); }), Code::kIo);
    files.restore_power();
    files.open("/b", Files::Mode::kCreate);
  }
}

TEST(FaultyFiles, TheDiskFillsUp) {
  FaultyFiles files(1);
  files.set_faults({.space_bytes_max = 1000});
  const auto file = files.open("/a", Files::Mode::kCreate);
  file->write_at(0, std::string(900, 'x'));
  EXPECT_EQ(code_of([&] { file->write_at(900, std::string(200, 'y')); }), Code::kOutOfSpace);
  EXPECT_EQ(file->size(), 1000U) << "a full disk takes a part of a write";
  file->write_at(0, std::string(1000, 'z'));
  EXPECT_EQ(code_of([&] { file->preallocate(2000); }), Code::kOutOfSpace);
  file->truncate(100);
  file->preallocate(1000);
  files.remove("/a");
  files.open("/b", Files::Mode::kCreate)->write_at(0, std::string(1000, 'b'));
}

TEST(FaultyFiles, WritesFailAndBitsFlip) {
  FaultyFiles files(1);
  const auto file = files.open("/a", Files::Mode::kCreate);
  const std::string before(4096, 'x');
  file->write_at(0, before);
  files.set_faults({.write_fails_one_in = 1});
  EXPECT_EQ(code_of([&] { file->write_at(0, std::string(4096, 'y')); }), Code::kIo);
  files.set_faults({});
  file->write_at(0, before);
  const uint64_t position = files.flip_bit("/a");
  const std::string after = *content(files, "/a");
  for (uint64_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i] == before[i], i != position);
}

// The same calls with the same seed leave the same disk.
TEST(FaultyFiles, TheSeedDecides) {
  const auto run = [](uint64_t seed) {
    FaultyFiles files(seed);
    files.set_faults({.sync_fails_one_in = 5, .write_fails_one_in = 9});
    Random random(seed);
    std::string log;
    for (int i = 0; i < 300; ++i) {
      const std::string path = "/" + std::to_string(random.below(4));
      const auto code = code_of([&] {
        const auto file = files.open(path, Files::Mode::kCreate);
        file->write_at(random.below(3000), std::string(random.below(2000), static_cast<char>('a' + random.below(26))));
        if (random.one_in(3)) file->sync();
        if (random.one_in(5)) files.sync_directory("/");
        if (random.one_in(9)) files.rename(path, "/0");
      });
      log += code.has_value() ? 'x' : '.';
      if (random.one_in(20)) files.power_cut();
    }
    for (const std::string& name : files.list("/")) log += name + *content(files, "/" + name);
    return log;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(FaultyFiles, ThreadsMayUseItAtOnce) {
  FaultyFiles files(1);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&files, i] {
      const std::string path = "/" + std::to_string(i);
      for (int round = 0; round < 200; ++round) {
        const auto file = files.open(path, Files::Mode::kCreate);
        file->write_at(static_cast<uint64_t>(round) * 10, "0123456789");
        file->sync();
        files.sync_directory("/");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  files.power_cut();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(content(files, "/" + std::to_string(i))->size(), 2000U);
}

}  // namespace
}  // namespace headrace
