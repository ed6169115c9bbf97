// Files in memory that fail as disks do, for tests. Everything is decided by the seed. A power cut keeps what was
// synced and, of each file's unsynced writes, an arbitrary subset in arbitrary order, with torn edges at 512-byte
// sectors; names that were not synced by sync_directory() come and go likewise.
#pragma once

#include "base/random.h"
#include "runtime/files.h"

namespace headrace {

class FaultyFiles final : public Files {
 public:
  struct Faults {
    // 0: never. After a failed sync, what was not synced is still read (from the page cache) but will never be durable,
    // as on Linux, whatever later syncs say.
    uint64_t sync_fails_one_in = 0;
    uint64_t write_fails_one_in = 0;          // kIo
    uint64_t space_bytes_max = ~uint64_t{0};  // beyond it, kOutOfSpace
  };

  explicit FaultyFiles(uint64_t seed);
  ~FaultyFiles() override;

  void set_faults(Faults faults);
  // Cuts the power: every open File fails from now on; the disk holds what survived. Then files can be opened again.
  void power_cut();
  // Cuts the power at the n-th mutating call from now (write, sync, rename, ...): that call and all later ones throw
  // Error(kIo) until restore_power().
  void power_cut_after(uint64_t mutations);
  void restore_power();
  // Calls that changed something since the beginning.
  uint64_t mutations() const;
  // Flips one random bit of the content of `path`, as a decaying disk does. Returns the byte's position.
  uint64_t flip_bit(const std::string& path);

  std::unique_ptr<File> open(const std::string& path, Mode mode) override;
  bool exists(const std::string& path) override;
  std::vector<std::string> list(const std::string& folder) override;
  void make_folders(const std::string& path) override;
  void rename(const std::string& from, const std::string& to) override;
  void remove(const std::string& path) override;
  void remove_all(const std::string& path) override;
  void sync_directory(const std::string& path) override;
  std::unique_ptr<File> lock(const std::string& path) override;

 private:
  struct Disk;
  class FaultyFile;
  std::unique_ptr<Disk> disk_;
};

}  // namespace headrace
