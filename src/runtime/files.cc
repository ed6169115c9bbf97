#include "runtime/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "fmt/format.h"

namespace headrace {

void File::write_pieces_at(uint64_t position, std::span<const std::string_view> pieces) {
  for (const std::string_view piece : pieces) {
    write_at(position, piece);
    position += piece.size();
  }
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

namespace {

// Of one write of zeros, and what is written back at once. The page cache keeps what came with one write as one folio,
// and goes through all of its blocks with each later write to a part of it: 1 MiB at once made small commits a fifth
// more expensive (ext4, Linux 6.18).
constexpr size_t kZerosBytes = size_t{32} << 10;
// Of one write: with more at once, the page cache takes whole huge pages for it. Those are the pages that the host of a
// virtual machine takes back while they are free, and its giving each again was measured at six times the cost of the
// write: commits of 16 MB took 45 ms so, and 12 ms in pieces (ext4, Linux 6.18).
constexpr size_t kWriteBytes = size_t{256} << 10;
constexpr size_t kWriteBackBytes = size_t{1} << 20;
constexpr unsigned kWriteBack = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

// cachestat(2), which the headers of older systems do not have.
constexpr long kCacheStat = 451;
const auto kPageBytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
struct CacheRange {
  uint64_t offset;
  uint64_t length;
};
struct CacheState {  // in pages
  uint64_t cached;
  uint64_t dirty;
  uint64_t in_write_back;
  uint64_t evicted;
  uint64_t recently_evicted;
};

// Formatting may change errno, which throw_errno() wants.
[[noreturn]] void fail(const char* doing, const std::string& path) {
  const int error = errno;
  const std::string message = fmt::format("{} {}", doing, path);
  errno = error;
  throw_errno(message);
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }

 private:
  int value_;
};

Descriptor open_descriptor(const std::string& path, int flags) {
  int result;
  do {
    result = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (result < 0 && errno == EINTR);
  return Descriptor(result);
}

class SystemFile final : public File {
 public:
  SystemFile(std::string path, Descriptor descriptor) : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  size_t read_at(uint64_t position, char* to, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const ssize_t got = ::pread(descriptor_.get(), to + done, size - done, static_cast<off_t>(position + done));
      if (got == 0) break;
      if (got < 0) {
        if (errno == EINTR) continue;
        fail("reading", path_);
      }
      done += static_cast<size_t>(got);
    }
    return done;
  }

  std::optional<size_t> try_read_at(uint64_t position, char* to, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const iovec rest{to + done, size - done};
      const ssize_t got = ::preadv2(descriptor_.get(), &rest, 1, static_cast<off_t>(position + done), RWF_NOWAIT);
      if (got == 0) break;
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::nullopt;  // also where the file system cannot tell
      done += static_cast<size_t>(got);
    }
    return done;
  }

  bool in_memory(uint64_t position, uint64_t size) override {
    CacheRange range{.offset = position, .length = size};
    CacheState state{};
    if (size == 0) return true;
    if (::syscall(kCacheStat, descriptor_.get(), &range, &state, 0) != 0) return false;
    if (state.cached != (position + size - 1) / kPageBytes - position / kPageBytes + 1) return false;
    // Pages that are still being read ahead count as cached; those at the end come last.
    char last;
    return try_read_at(position + size - 1, &last, 1) == size_t{1};
  }

  void write_at(uint64_t position, std::string_view bytes) override { write_pieces_at(position, {&bytes, 1}); }

  void write_pieces_at(uint64_t position, std::span<const std::string_view> pieces) override {
    size_t begun = 0;  // of the first piece, that much is written
    uint64_t dirty = position;
    while (!pieces.empty()) {
      // The disk begins while the rest is still being copied. What fails is told by sync().
      if (position - dirty >= kWriteBackBytes) {
        ::sync_file_range(descriptor_.get(), static_cast<off_t>(dirty), static_cast<off_t>(position - dirty),
                          SYNC_FILE_RANGE_WRITE);
        dirty = position;
      }
      std::array<iovec, 64> waiting;
      size_t room = kWriteBytes - position % kWriteBytes;
      size_t count = 0;
      for (; count < std::min(pieces.size(), waiting.size()) && room > 0; ++count) {
        const std::string_view bytes = pieces[count].substr(count == 0 ? begun : 0, room);
        waiting[count] = {const_cast<char*>(bytes.data()), bytes.size()};
        room -= bytes.size();
      }
      const ssize_t put =
          ::pwritev(descriptor_.get(), waiting.data(), static_cast<int>(count), static_cast<off_t>(position));
      if (put < 0) {
        if (errno == EINTR) continue;
        fail("writing", path_);
      }
      position += static_cast<size_t>(put);
      begun += static_cast<size_t>(put);
      for (; !pieces.empty() && begun >= pieces.front().size(); pieces = pieces.subspan(1)) {
        begun -= pieces.front().size();
      }
    }
  }

  void sync() override {
    if (::fdatasync(descriptor_.get()) != 0) fail("syncing", path_);
  }

  uint64_t size() override {
    struct stat status;
    if (::fstat(descriptor_.get(), &status) != 0) fail("measuring", path_);
    return static_cast<uint64_t>(status.st_size);
  }

  void truncate(uint64_t size) override {
    if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) fail("truncating", path_);
  }

  // fallocate() alone leaves extents that are marked unwritten: the first write to each changes metadata, which
  // makes the next fdatasync() write the file system's journal as well. It only serves to get them contiguous.
  void preallocate(uint64_t size) override {
    uint64_t position = this->size();
    if (position >= size) return;
    reserve(size);
    const std::string zeros(std::min<uint64_t>(kZerosBytes, size - position), '\0');
    for (uint64_t written_back = position; position < size;) {
      const size_t part = std::min<uint64_t>(zeros.size(), size - position);
      write_at(position, std::string_view(zeros).substr(0, part));
      position += part;
      if (position - written_back < kWriteBackBytes && position < size) continue;
      // Piece by piece, so that a sync of another file does not wait behind all of it.
      ::sync_file_range(descriptor_.get(), static_cast<off_t>(written_back),
                        static_cast<off_t>(position - written_back), kWriteBack);
      written_back = position;
    }
  }

  void reserve(uint64_t size) override {
    const uint64_t position = this->size();
    if (position >= size) return;
    int error;
    do {
      error = ::posix_fallocate(descriptor_.get(), static_cast<off_t>(position), static_cast<off_t>(size - position));
    } while (error == EINTR);
    if (error == 0) return;
    errno = error;
    fail("preallocating", path_);
  }

  int descriptor() const override { return descriptor_.get(); }

 private:
  const std::string path_;
  const Descriptor descriptor_;
};

class SystemFiles final : public Files {
 public:
  std::unique_ptr<File> open(const std::string& path, Mode mode) override {
    int flags = O_RDWR;
    switch (mode) {
      case Mode::kRead: flags = O_RDONLY; break;
      case Mode::kWrite: break;
      case Mode::kCreate: flags |= O_CREAT; break;
      case Mode::kCreateNew: flags |= O_CREAT | O_EXCL; break;
    }
    Descriptor descriptor = open_descriptor(path, flags);
    if (descriptor.get() < 0) {
      if (errno == EEXIST) throw Error(Code::kConflict, fmt::format("creating {}: it exists already", path));
      fail("opening", path);
    }
    return std::make_unique<SystemFile>(path, std::move(descriptor));
  }

  bool exists(const std::string& path) override {
    struct stat status;
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    fail("looking for", path);
  }

  std::vector<std::string> list(const std::string& folder) override {
    DIR* const stream = ::opendir(folder.c_str());
    if (stream == nullptr) fail("listing", folder);
    const std::unique_ptr<DIR, int (*)(DIR*)> closer(stream, ::closedir);
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* const entry = ::readdir(stream);
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) fail("listing", folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  void make_folders(const std::string& path) override {
    if (path.empty() || is_folder(path)) return;
    const std::string parent = folder_of(path);
    if (parent != path) make_folders(parent);
    if (::mkdir(path.c_str(), 0755) != 0 && !(errno == EEXIST && is_folder(path))) fail("making the folder", path);
    sync_directory(parent);
  }

  void rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) fail("renaming", fmt::format("{} to {}", from, to));
  }

  void remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) fail("removing", path);
  }

  void remove_all(const std::string& path) override {
    std::error_code failure;
    std::filesystem::remove_all(path, failure);
    if (failure) {
      errno = failure.value();
      fail("removing", path);
    }
  }

  void sync_directory(const std::string& path) override {
    const Descriptor descriptor = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (descriptor.get() < 0) fail("opening the folder", path);
    if (::fsync(descriptor.get()) != 0) fail("syncing the folder", path);
  }

  std::unique_ptr<File> lock(const std::string& path) override {
    Descriptor descriptor = open_descriptor(path, O_RDWR | O_CREAT);
    if (descriptor.get() < 0) fail("opening", path);
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) {
        throw Error(
            Code::kUnavailable,
            fmt::format("{} is locked: another headrace uses this folder; stop it, or use another folder", path));
      }
      fail("locking", path);
    }
    return std::make_unique<SystemFile>(path, std::move(descriptor));
  }

 private:
  static bool is_folder(const std::string& path) {
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  }
};

}  // namespace

std::unique_ptr<Files> make_system_files() {
  return std::make_unique<SystemFiles>();
}

}  // namespace headrace
