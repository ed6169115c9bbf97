// Files for the tests of this folder.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/check.h"

namespace headrace {

// A file that is removed in the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content) {
    path_ = (std::filesystem::temp_directory_path() / "headrace-cli-test-XXXXXX").string();
    const int fd = ::mkstemp(path_.data());
    check(fd >= 0, "a temporary file can be made");
    std::FILE* file = ::fdopen(fd, "wb");
    check(std::fwrite(content.data(), 1, content.size(), file) == content.size(), "a temporary file can be written");
    std::fclose(file);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace headrace
