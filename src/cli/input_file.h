// A file read from front to back, decompressed on the way by what its first bytes say: gzip, zstd or plain.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace headrace {

class InputFile {
 public:
  // "-" is standard input. Throws Error(kNotFound), Error(kIo).
  explicit InputFile(const std::string& path);
  ~InputFile();

  // Appends up to about `size` bytes to `out`; false at the end. Throws Error(kCorrupt) for a broken archive.
  bool read(std::string& out, size_t size);
  // Bytes of the file itself: for progress. The size is 0 when it is not known.
  uint64_t bytes_read() const;
  uint64_t bytes_total() const;
  // A hash of the whole file's bytes, to recognise the same load again; 0 for standard input.
  uint64_t fingerprint() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace headrace
