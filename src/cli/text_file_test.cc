#include "cli/text_file.h"

#include <optional>

#include "base/error.h"
#include "cli/testing_files.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

std::optional<Code> failure_of(const std::string& path) {
  try {
    read_text_file(path);
  } catch (const Error& error) {
    EXPECT_NE(error.message().find(path), std::string::npos) << error.message();
    return error.code();
  }
  return std::nullopt;
}

TEST(TextFile, IsReadAsItIs) {
  for (const std::string_view text :
       {std::string_view(), std::string_view("SELECT 1;\r\n"), std::string_view("\0é", 3)})
    EXPECT_EQ(read_text_file(TemporaryFile(text).path()), text);
}

TEST(TextFile, AByteOrderMarkIsNoPartOfIt) {
  EXPECT_EQ(read_text_file(TemporaryFile("\xef\xbb\xbfSELECT 1;").path()), "SELECT 1;");
  EXPECT_EQ(read_text_file(TemporaryFile("\xef\xbb\xbf").path()), "");
  EXPECT_EQ(read_text_file(TemporaryFile("\xef\xbbSELECT").path()), "\xef\xbbSELECT");
  EXPECT_EQ(read_text_file(TemporaryFile("a\xef\xbb\xbf").path()), "a\xef\xbb\xbf");
}

TEST(TextFile, HasALimit) {
  EXPECT_EQ(read_text_file(TemporaryFile(std::string(kSqlBytesMax, 'x')).path()).size(), kSqlBytesMax);
  EXPECT_EQ(failure_of(TemporaryFile(std::string(kSqlBytesMax + 1, 'x')).path()), Code::kTooLarge);
  EXPECT_EQ(failure_of("/dev/zero"), Code::kTooLarge) << "and no more than that is read";
}

TEST(TextFile, WhatCannotBeReadIsAnError) {
  EXPECT_EQ(failure_of("/no/such/app.sql"), Code::kNotFound);
  EXPECT_EQ(failure_of("/tmp"), Code::kIo);
}

std::string printed(const std::vector<StatementResult>& results) {
  testing::internal::CaptureStdout();
  print_applied("app.sql", results);
  std::fflush(stdout);
  return testing::internal::GetCapturedStdout();
}

StatementResult applied(Applied::What what, std::string note = "") {
  StatementResult result;
  result.applied = Applied{.what = what, .kind = "stream", .name = "s", .note = std::move(note)};
  return result;
}

TEST(TextFile, ALinePerChange) {
  EXPECT_EQ(printed({applied(Applied::What::kCreated), applied(Applied::What::kUnchanged)}), "created stream s\n");
  EXPECT_EQ(printed({applied(Applied::What::kUnchanged, "look here")}), "unchanged stream s: look here\n");
  EXPECT_EQ(printed({applied(Applied::What::kUnchanged), StatementResult()}), "app.sql: nothing to change\n");
  EXPECT_EQ(printed({}), "app.sql: nothing to change\n");
}

}  // namespace
}  // namespace headrace
