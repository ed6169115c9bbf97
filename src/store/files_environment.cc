// RocksDB collects what it appends into blocks of up to a megabyte before it calls the file system (its
// WritableFileWriter), and reads ahead by itself; so each call here is one call of the disk, without another buffer.
// Measured with store_bench: as fast as RocksDB's own file system.
#include "store/files_environment.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "rocksdb/file_system.h"
#include "rocksdb/system_clock.h"

namespace headrace {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus status_of(const Error& error) {
  switch (error.code()) {
    case Code::kNotFound: return IOStatus::PathNotFound(error.message());
    case Code::kOutOfSpace: return IOStatus::NoSpace(error.message());
    case Code::kUnavailable: return IOStatus::Busy(error.message());
    case Code::kCorrupt: return IOStatus::Corruption(error.message());
    default: return IOStatus::IOError(error.message());
  }
}

template <typename F>
IOStatus guarded(F f) {
  try {
    f();
    return IOStatus::OK();
  } catch (const Error& error) {
    return status_of(error);
  }
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  IOStatus Read(size_t size, const IOOptions&, Slice* result, char* scratch, IODebugContext*) override {
    *result = Slice();
    return guarded([&] {
      const size_t got = file_->read_at(position_, scratch, size);
      position_ += got;
      *result = Slice(scratch, got);
    });
  }
  IOStatus Skip(uint64_t size) override {
    position_ += size;
    return IOStatus::OK();
  }

 private:
  const std::unique_ptr<File> file_;
  uint64_t position_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  IOStatus Read(uint64_t position, size_t size, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    *result = Slice();
    return guarded([&] { *result = Slice(scratch, file_->read_at(position, scratch, size)); });
  }

  void Hint(AccessPattern pattern) override {
    if (file_->descriptor() < 0) return;
    int advice = POSIX_FADV_NORMAL;
    if (pattern == kRandom) advice = POSIX_FADV_RANDOM;
    if (pattern == kSequential) advice = POSIX_FADV_SEQUENTIAL;
    if (pattern == kWillNeed) advice = POSIX_FADV_WILLNEED;
    // Advice only: nothing is lost when the kernel does not take it.
    (void)::posix_fadvise(file_->descriptor(), 0, 0, advice);
  }

 private:
  const std::unique_ptr<File> file_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::unique_ptr<File> file, const FileOptions& options)
      : FSWritableFile(options), file_(std::move(file)) {}

  using FSWritableFile::Append;
  IOStatus Append(const Slice& bytes, const IOOptions&, IODebugContext*) override {
    return guarded([&] {
      file_->write_at(size_, {bytes.data(), bytes.size()});
      size_ += bytes.size();
    });
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    return guarded([&] {
      file_->truncate(size);
      size_ = size;
    });
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return guarded([&] { file_->sync(); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override { return Sync(options, context); }
  // RangeSync is a hint to begin writing back, which Files has no call for; RocksDB never relies on it.
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }
  IOStatus Close(const IOOptions&, IODebugContext*) override {
    file_.reset();
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<File> file_;
  uint64_t size_ = 0;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(Files& files, std::string path) : files_(files), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return guarded([&] { files_.sync_directory(path_); });
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  Files& files_;
  const std::string path_;
};

class HeldLock final : public rocksdb::FileLock {
 public:
  explicit HeldLock(std::unique_ptr<File> file) : file_(std::move(file)) {}

 private:
  const std::unique_ptr<File> file_;
};

class FileSystem final : public rocksdb::FileSystem {
 public:
  explicit FileSystem(Files& files) : files_(files) {}

  const char* Name() const override { return "HeadraceFiles"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext*) override {
    return guarded([&] { *result = std::make_unique<SequentialFile>(files_.open(path, Files::Mode::kRead)); });
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext*) override {
    return guarded([&] { *result = std::make_unique<RandomAccessFile>(files_.open(path, Files::Mode::kRead)); });
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    return guarded([&] {
      auto file = files_.open(path, Files::Mode::kCreate);
      if (file->size() > 0) file->truncate(0);
      *result = std::make_unique<WritableFile>(std::move(file), options);
    });
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&, std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext*) override {
    return guarded([&] { *result = std::make_unique<Directory>(files_, path); });
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    bool found = false;
    IOStatus status = guarded([&] { found = files_.exists(path); });
    return !status.ok() || found ? status : IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    return guarded([&] { *result = files_.list(path); });
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return guarded([&] { files_.remove(path); });
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return guarded([&] { files_.make_folders(path); });
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return guarded([&] { files_.make_folders(path); });
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return guarded([&] { files_.remove(path); });
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size, IODebugContext*) override {
    return guarded([&] { *size = files_.open(path, Files::Mode::kRead)->size(); });
  }
  // Only asked to judge the age of logs that we do not write.
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, uint64_t* time, IODebugContext*) override {
    *time = 0;
    return IOStatus::OK();
  }
  // RocksDB renames a new CURRENT over the old one, and syncs the folder after that. When the power goes in between, a
  // disk may keep the new name of CURRENT but not the manifest that it points to, which was made just before: so the
  // names that exist become durable first.
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*) override {
    return guarded([&] {
      files_.sync_directory(folder_of(from));
      files_.rename(from, to);
    });
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock, IODebugContext*) override {
    *lock = nullptr;
    return guarded([&] { *lock = new HeldLock(files_.lock(path)); });
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete static_cast<HeldLock*>(lock);
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
    return IOStatus::NotSupported("GetTestDirectory");
  }
  IOStatus NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>*,
                     IODebugContext*) override {
    return IOStatus::NotSupported("NewLogger");
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result, IODebugContext*) override {
    *result = path;
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* result, IODebugContext*) override {
    return guarded([&] {
      if (!files_.exists(path)) throw Error(Code::kNotFound, path + " does not exist");
      try {
        files_.list(path);
        *result = true;
      } catch (const Error&) {
        *result = false;
      }
    });
  }

 private:
  Files& files_;
};

// After a failed flush, RocksDB's thread sleeps for a second before it might try again. A failure of the disk is final
// here, so that only delays the end. Its other sleeps, which slow down writers, are about a millisecond.
class ImpatientClock final : public rocksdb::SystemClockWrapper {
 public:
  ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "HeadraceClock"; }
  void SleepForMicroseconds(int duration_us) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(duration_us, kSleepMaxUs));
  }

 private:
  static constexpr int kSleepMaxUs = 5'000;
};

class FilesEnvironment final : public rocksdb::EnvWrapper {
 public:
  explicit FilesEnvironment(const std::shared_ptr<rocksdb::FileSystem>& file_system)
      : EnvWrapper(rocksdb::NewCompositeEnv(file_system)) {
    file_system_ = file_system;
    system_clock_ = std::make_shared<ImpatientClock>();
  }
  const char* Name() const override { return "HeadraceEnvironment"; }
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_environment(Files& files) {
  return std::make_unique<FilesEnvironment>(std::make_shared<FileSystem>(files));
}

}  // namespace headrace
