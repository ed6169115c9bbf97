// The disk, as an interface, so that tests can break it. Calls block; use them from the pool (a write to the page cache
// may be made from a shard). All failures are Errors: kNotFound, kOutOfSpace, kIo. What is durable: the content of a
// file after sync(), its existence and name after sync_directory() of its folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

class File {
 public:
  virtual ~File() = default;  // closes

  // Reads up to `size` bytes at `position` into `to`; fewer only at the end of the file.
  virtual size_t read_at(uint64_t position, char* to, size_t size) = 0;
  // The same, if it takes no waiting for the disk; otherwise nothing.
  virtual std::optional<size_t> try_read_at(uint64_t /*position*/, char* /*to*/, size_t /*size*/) { return {}; }
  // Whether the kernel has all of it in memory, as far as it can tell (Linux 6.5 can); it may drop it at any time.
  virtual bool in_memory(uint64_t /*position*/, uint64_t /*size*/) { return false; }
  // Writes all of it, growing the file if needed.
  virtual void write_at(uint64_t position, std::string_view bytes) = 0;
  // Writes all pieces one after the other.
  virtual void write_pieces_at(uint64_t position, std::span<const std::string_view> pieces);
  // fdatasync: on return the content is durable. A failure is final: the kernel has dropped the dirty pages, so a
  // second call that succeeds says nothing about them. Never retry it.
  virtual void sync() = 0;
  virtual uint64_t size() = 0;
  virtual void truncate(uint64_t size) = 0;
  // Makes room and writes zeros, so that later writes in [0, size) change no metadata. Not synced.
  virtual void preallocate(uint64_t size) = 0;
  // Makes room that reads as zeros and has no written blocks yet. Not synced.
  virtual void reserve(uint64_t size) = 0;
  // The file descriptor for sendfile, or -1 where there is none.
  virtual int descriptor() const { return -1; }
};

// Bytes of an open file.
struct FileRange {
  std::shared_ptr<File> file;
  uint64_t position = 0;
  size_t size = 0;
};

class Files {
 public:
  enum class Mode : uint8_t {
    kRead,       // must exist
    kWrite,      // read and write, must exist
    kCreate,     // read and write, made if missing
    kCreateNew,  // read and write, Error(kConflict) if it exists
  };

  virtual ~Files() = default;
  virtual std::unique_ptr<File> open(const std::string& path, Mode mode) = 0;
  virtual bool exists(const std::string& path) = 0;
  // Names (not paths) in a folder, sorted.
  virtual std::vector<std::string> list(const std::string& folder) = 0;
  // Makes the folder and those above it that are missing. Durable on return.
  virtual void make_folders(const std::string& path) = 0;
  virtual void rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
  virtual void remove(const std::string& path) = 0;                         // a file or an empty folder
  virtual void remove_all(const std::string& path) = 0;                     // a folder with all in it; may be missing
  virtual void sync_directory(const std::string& path) = 0;
  // Holds an exclusive lock for as long as the result lives. Error(kUnavailable) if another process has it.
  virtual std::unique_ptr<File> lock(const std::string& path) = 0;
};

// The folder that `path` is in: "." when it names none.
std::string folder_of(const std::string& path);

// The real one: POSIX.
std::unique_ptr<Files> make_system_files();

}  // namespace headrace
