// A file read from front to back, decompressed on the way by what its first bytes say: gzip, zstd or plain.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace headrace {

class InputFile {
 public:
  using Checking = std::function<void(uint64_t bytes, uint64_t total)>;

  // "-" is standard input. A regular file is read once from front to back, which gives its fingerprint and tells
  // whether an archive is whole; `checking` hears how far that is. Throws Error(kNotFound), Error(kIo), and
  // Error(kCorrupt) for an archive that is damaged, or that only its name calls one.
  explicit InputFile(const std::string& path, const Checking& checking = {});
  ~InputFile();

  // Appends up to about `size` bytes to `out`; false at the end. Throws Error(kCorrupt) for a broken archive where it
  // could not be looked at before: from standard input or a pipe.
  bool read(std::string& out, size_t size);
  // Bytes of the file itself: for progress. The size is 0 when it is not known.
  uint64_t bytes_read() const;
  uint64_t bytes_total() const;
  // A hash of the whole file's bytes, to recognise the same load again; 0 for standard input and pipes.
  uint64_t fingerprint() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace headrace
