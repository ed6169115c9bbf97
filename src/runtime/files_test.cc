#include "runtime/files.h"

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "gtest/gtest.h"
#include "runtime/faulty_files.h"

namespace headrace {
namespace {

// The promises of Files that both implementations keep.
class FilesTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      std::string pattern = (std::filesystem::temp_directory_path() / "headrace-files-XXXXXX").string();
      root_ = mkdtemp(pattern.data());
      files_ = make_system_files();
    } else {
      root_ = "/root";
      files_ = std::make_unique<FaultyFiles>(1);
      files_->make_folders(root_);
    }
  }
  void TearDown() override { files_->remove_all(root_); }

  std::string path(const std::string& name) const { return root_ + "/" + name; }
  static std::string content(File& file) {
    std::string bytes(file.size(), '?');
    EXPECT_EQ(file.read_at(0, bytes.data(), bytes.size()), bytes.size());
    return bytes;
  }
  template <typename F>
  static Code code_of(F f) {
    try {
      f();
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "expected an Error";
    return Code::kInternal;
  }

  std::string root_;
  std::unique_ptr<Files> files_;
};

TEST_P(FilesTest, WhatIsWrittenIsRead) {
  const auto file = files_->open(path("a"), Files::Mode::kCreate);
  EXPECT_EQ(file->size(), 0U);
  file->write_at(0, "hello");
  file->write_at(8, "world");
  EXPECT_EQ(content(*file), std::string("hello\0\0\0world", 13));
  file->write_at(3, "LOW");
  file->sync();
  char buffer[16];
  EXPECT_EQ(file->read_at(2, buffer, 5), 5U);
  EXPECT_EQ(std::string_view(buffer, 5), std::string_view("lLOW\0", 5));
  EXPECT_EQ(file->read_at(10, buffer, 16), 3U);
  // The kernel may have dropped it from its memory, but never gives anything else.
  EXPECT_EQ(file->try_read_at(10, buffer, 16).value_or(3), 3U);
  EXPECT_FALSE(file->in_memory(5, 100'000)) << "there is nothing behind the end";
  EXPECT_EQ(file->read_at(13, buffer, 16), 0U);
  EXPECT_EQ(file->read_at(1000, buffer, 16), 0U);
}

TEST_P(FilesTest, PiecesAreWrittenOneAfterTheOther) {
  const auto file = files_->open(path("a"), Files::Mode::kCreate);
  std::string all = "front";
  file->write_at(0, all);
  std::vector<std::string> pieces;
  for (size_t i = 0; i < 200; ++i) pieces.emplace_back(i % 7 * 1000, static_cast<char>('a' + i % 26));
  pieces.emplace_back(700'000, '.');  // more than goes into one write
  for (const std::string& piece : pieces) all += piece;
  file->write_pieces_at(5, std::vector<std::string_view>(pieces.begin(), pieces.end()));
  EXPECT_EQ(content(*file), all);
  file->write_pieces_at(0, {});
  EXPECT_EQ(content(*file), all);
}

TEST_P(FilesTest, ReservedRoomReadsAsZeros) {
  const auto file = files_->open(path("a"), Files::Mode::kCreate);
  file->write_at(0, "abc");
  file->reserve(100'000);
  EXPECT_EQ(content(*file), "abc" + std::string(99'997, '\0'));
  file->reserve(10);
  EXPECT_EQ(file->size(), 100'000U) << "never less";
}

TEST_P(FilesTest, TruncateAndPreallocateFillWithZeros) {
  const auto file = files_->open(path("a"), Files::Mode::kCreate);
  file->write_at(0, "abcdef");
  file->truncate(3);
  EXPECT_EQ(content(*file), "abc");
  file->truncate(5);
  EXPECT_EQ(content(*file), std::string("abc\0\0", 5));
  file->preallocate(3'000'000);
  EXPECT_EQ(file->size(), 3'000'000U);
  EXPECT_EQ(content(*file), "abc" + std::string(2'999'997, '\0'));
  file->preallocate(10);
  EXPECT_EQ(file->size(), 3'000'000U);
}

TEST_P(FilesTest, ModesSayWhatMayExist) {
  EXPECT_EQ(code_of([&] { files_->open(path("a"), Files::Mode::kRead); }), Code::kNotFound);
  EXPECT_EQ(code_of([&] { files_->open(path("a"), Files::Mode::kWrite); }), Code::kNotFound);
  EXPECT_EQ(code_of([&] { files_->open(path("none/a"), Files::Mode::kCreate); }), Code::kNotFound);
  files_->open(path("a"), Files::Mode::kCreateNew)->write_at(0, "x");
  EXPECT_EQ(code_of([&] { files_->open(path("a"), Files::Mode::kCreateNew); }), Code::kConflict);
  EXPECT_EQ(content(*files_->open(path("a"), Files::Mode::kRead)), "x");
  EXPECT_EQ(content(*files_->open(path("a"), Files::Mode::kWrite)), "x");
  EXPECT_EQ(content(*files_->open(path("a"), Files::Mode::kCreate)), "x");
  EXPECT_EQ(code_of([&] { files_->open(path("a"), Files::Mode::kRead)->write_at(0, "y"); }), Code::kIo);
}

TEST_P(FilesTest, Folders) {
  EXPECT_EQ(code_of([&] { files_->list(path("f")); }), Code::kNotFound);
  files_->make_folders(path("f/g/h"));
  files_->make_folders(path("f/g/h"));
  files_->open(path("f/z"), Files::Mode::kCreate);
  files_->open(path("f/a"), Files::Mode::kCreate);
  EXPECT_EQ(files_->list(path("f")), (std::vector<std::string>{"a", "g", "z"}));
  EXPECT_TRUE(files_->exists(path("f/g/h")));
  EXPECT_TRUE(files_->exists(path("f/a")));
  EXPECT_FALSE(files_->exists(path("f/b")));
  EXPECT_FALSE(files_->exists(path("f/a/b")));
  EXPECT_EQ(code_of([&] { files_->make_folders(path("f/a/b")); }), Code::kIo);
  EXPECT_EQ(code_of([&] { files_->remove(path("f/g")); }), Code::kIo) << "it is not empty";
  files_->remove(path("f/g/h"));
  files_->remove(path("f/a"));
  EXPECT_EQ(code_of([&] { files_->remove(path("f/a")); }), Code::kNotFound);
  files_->sync_directory(path("f"));
  files_->remove_all(path("f"));
  files_->remove_all(path("f"));
  EXPECT_FALSE(files_->exists(path("f")));
  EXPECT_EQ(code_of([&] { files_->sync_directory(path("f")); }), Code::kNotFound);
}

TEST_P(FilesTest, RenameReplacesAndOpenFilesStay) {
  const auto a = files_->open(path("a"), Files::Mode::kCreate);
  a->write_at(0, "from a");
  const auto b = files_->open(path("b"), Files::Mode::kCreate);
  b->write_at(0, "from b");
  files_->rename(path("a"), path("b"));
  EXPECT_EQ(files_->list(root_), (std::vector<std::string>{"b"}));
  EXPECT_EQ(content(*files_->open(path("b"), Files::Mode::kRead)), "from a");
  EXPECT_EQ(content(*b), "from b");
  files_->remove(path("b"));
  EXPECT_EQ(content(*a), "from a");
  EXPECT_EQ(code_of([&] { files_->rename(path("a"), path("c")); }), Code::kNotFound);

  files_->make_folders(path("f/g"));
  files_->open(path("f/g/x"), Files::Mode::kCreate)->write_at(0, "x");
  files_->rename(path("f"), path("e"));
  EXPECT_EQ(content(*files_->open(path("e/g/x"), Files::Mode::kRead)), "x");
  EXPECT_FALSE(files_->exists(path("f/g/x")));
}

TEST_P(FilesTest, OneHoldsTheLock) {
  auto lock = files_->lock(path("LOCK"));
  EXPECT_EQ(code_of([&] { files_->lock(path("LOCK")); }), Code::kUnavailable);
  lock.reset();
  lock = files_->lock(path("LOCK"));
}

INSTANTIATE_TEST_SUITE_P(Both, FilesTest, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "System" : "Faulty"; });

TEST(Paths, FolderOf) {
  EXPECT_EQ(folder_of("/a/b"), "/a");
  EXPECT_EQ(folder_of("/a"), "/");
  EXPECT_EQ(folder_of("a"), ".");
  EXPECT_EQ(folder_of("a/b"), "a");
}

}  // namespace
}  // namespace headrace
