#include "cli/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "cli/testing_files.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

std::string random_text(size_t size) {
  Random random(11);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>('a' + random.below(20));
  return text;
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);  // as the zstd program does
  std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
  out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return out;
}

std::string read_all(const std::string& path, size_t step) {
  InputFile file(path);
  std::string text;
  while (file.read(text, step)) {
  }
  if (file.bytes_total() != 0) EXPECT_EQ(file.bytes_read(), file.bytes_total());
  EXPECT_FALSE(file.read(text, step)) << "the end stays the end";
  return text;
}

std::string read_content(std::string_view content, size_t step = 64 * 1024) {
  const TemporaryFile file(content);
  return read_all(file.path(), step);
}

std::optional<Error> failure_of(const std::string& path) {
  try {
    read_all(path, 64 * 1024);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

TEST(InputFile, ReadsPlainFilesAndArchivesByWhatTheyHold) {
  const std::string text = random_text(1'000'000);
  for (const size_t step : {size_t{1000}, size_t{512} * 1024, size_t{4} << 20}) {
    EXPECT_TRUE(read_content(text, step) == text) << step;
    EXPECT_TRUE(read_content(gzip(text), step) == text) << step;
    EXPECT_TRUE(read_content(zstd(text), step) == text) << step;
  }
  for (const std::string_view small : {"", "a", "\x1f", "(\xb5/", "row\n"}) EXPECT_EQ(read_content(small), small);
  EXPECT_EQ(read_content(gzip("")), "");
  EXPECT_EQ(read_content(zstd("")), "");
}

TEST(InputFile, ReadsArchivesOfSeveralParts) {
  const std::string skipped("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
  EXPECT_EQ(read_content(gzip("first\n") + gzip("") + gzip("second\n")), "first\nsecond\n");
  EXPECT_EQ(read_content(zstd("first\n") + zstd("") + zstd("second\n")), "first\nsecond\n");
  EXPECT_EQ(read_content(skipped + zstd("row\n") + skipped), "row\n");
}

TEST(InputFile, ATruncatedArchiveIsAnErrorWhereverItIsCut) {
  const std::string text = random_text(3'000);
  for (const std::string& whole : {gzip(text), zstd(text)}) {
    for (size_t size = 4; size < whole.size(); ++size) {
      const TemporaryFile file(whole.substr(0, size));
      const auto error = failure_of(file.path());
      ASSERT_TRUE(error) << size << " of " << whole.size();
      ASSERT_EQ(error->code(), Code::kCorrupt);
      ASSERT_NE(error->message().find(file.path()), std::string::npos) << error->message();
      ASSERT_NE(error->message().find("ends too early"), std::string::npos) << error->message();
    }
  }
}

TEST(InputFile, ADamagedArchiveIsAnErrorOrReadsAsItWas) {
  const std::string text = random_text(3'000);
  Random random(5);
  for (const std::string& whole : {gzip(text), zstd(text)}) {
    size_t refused = 0;
    for (int i = 0; i < 300; ++i) {
      std::string damaged = whole;
      damaged[4 + random.below(damaged.size() - 4)] ^= static_cast<char>(1 << random.below(8));
      const TemporaryFile file(damaged);
      if (const auto error = failure_of(file.path())) {
        EXPECT_EQ(error->code(), Code::kCorrupt);
        ++refused;
      }
    }
    EXPECT_GT(refused, 250U);
  }
  const TemporaryFile file(gzip(text) + "not an archive");
  EXPECT_EQ(failure_of(file.path()).value().code(), Code::kCorrupt);
}

// Before a single row is taken from it: whoever loads a file has not loaded half of it.
TEST(InputFile, ADamagedArchiveIsRefusedWhenItIsOpened) {
  const std::string text = random_text(3'000'000);
  for (std::string damaged : {gzip(text), zstd(text)}) {
    EXPECT_THROW(InputFile(TemporaryFile(damaged.substr(0, damaged.size() - 1)).path()), Error);
    damaged[damaged.size() / 2] ^= 1;
    EXPECT_THROW(InputFile(TemporaryFile(damaged).path()), Error);
  }
}

TEST(InputFile, AnArchiveByNameHasToBeOne) {
  const auto open = [](std::string_view content, std::string_view ending) {
    const TemporaryFile file(content);
    const std::string path = file.path() + std::string(ending);
    std::filesystem::rename(file.path(), path);
    const auto error = failure_of(path);
    std::filesystem::remove(path);
    return error;
  };
  for (const char* ending : {".gz", ".zst"}) {
    for (const std::string_view content : {"", "\x1f", "(\xb5/", "a,b\n1,2\n"}) {
      const auto error = open(content, ending);
      ASSERT_TRUE(error) << content << ending;
      EXPECT_EQ(error->code(), Code::kCorrupt);
    }
    EXPECT_FALSE(open(gzip("row\n"), ending));
    EXPECT_FALSE(open(zstd("row\n"), ending));
  }
}

TEST(InputFile, SaysHowFarItIsChecked) {
  const TemporaryFile file(gzip(random_text(3'000'000)));
  std::vector<uint64_t> seen;
  const InputFile input(file.path(), [&](uint64_t bytes, uint64_t total) {
    EXPECT_LE(bytes, total);
    seen.push_back(bytes);
  });
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  ASSERT_GT(seen.size(), 3U);
  EXPECT_EQ(seen.back(), input.bytes_total());
  EXPECT_LT(input.bytes_read(), input.bytes_total()) << "reading begins anew";
}

TEST(InputFile, WhatIsNoFileIsAnErrorThatNamesIt) {
  const auto missing = failure_of("/no/such/file.csv");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->code(), Code::kNotFound);
  EXPECT_NE(missing->message().find("/no/such/file.csv"), std::string::npos);
  const auto folder = failure_of(std::filesystem::temp_directory_path().string());
  ASSERT_TRUE(folder);
  EXPECT_EQ(folder->code(), Code::kInvalid);
}

TEST(InputFile, AFingerprintTellsFilesApart) {
  const auto fingerprint = [](std::string_view content) {
    const TemporaryFile file(content);
    return InputFile(file.path()).fingerprint();
  };
  EXPECT_EQ(fingerprint("a\n1\n"), fingerprint("a\n1\n"));
  EXPECT_NE(fingerprint("a\n1\n"), fingerprint("a\n2\n"));
  EXPECT_NE(fingerprint("a\n1\n"), fingerprint("a\n1"));
  EXPECT_NE(fingerprint("a\n1\n"), 0U);
}

// A pipe with a name is no file to recognise again: with one fingerprint for all of them, the second load through a
// pipe would be taken for the first one started again, and its rows be left out.
TEST(InputFile, APipeHasNoFingerprintAndNoSize) {
  const std::string text = random_text(500'000);
  const std::string archive = gzip(text);
  std::string path;
  {
    const TemporaryFile name("");
    path = name.path();
  }
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::thread writer([&] {
    const int fd = ::open(path.c_str(), O_WRONLY);
    // The first bytes alone, as a slow program would give them.
    size_t at = 0;
    for (const size_t end : {size_t{1}, size_t{3}, archive.size()})
      while (at < end) {
        const ssize_t count = ::write(fd, archive.data() + at, end - at);
        if (count <= 0) break;
        at += static_cast<size_t>(count);
      }
    ::close(fd);
  });
  {
    InputFile file(path);
    EXPECT_EQ(file.fingerprint(), 0U);
    EXPECT_EQ(file.bytes_total(), 0U);
    std::string out;
    while (file.read(out, 100'000)) {
    }
    EXPECT_TRUE(out == text);
    EXPECT_EQ(file.bytes_read(), archive.size());
  }
  writer.join();
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace headrace
