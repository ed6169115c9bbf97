#include "runtime/frame_pool.h"

#include <sys/mman.h>

#include <cstdint>
#include <mutex>
#include <vector>

namespace headrace {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;

}  // namespace

class FramePool::Region {
 public:
  explicit Region(size_t bytes) : mapped_bytes_(bytes + kHugePageBytes) {
    void* mapped = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return;
    mapped_ = static_cast<char*>(mapped);
    char* aligned = mapped_ + (kHugePageBytes - reinterpret_cast<uintptr_t>(mapped_) % kHugePageBytes);
    ::madvise(aligned, bytes, MADV_HUGEPAGE);  // where there are none, the blocks are still kept
    // The first one last: it is taken first, and no more huge pages become resident than are needed.
    for (size_t block = bytes / kBlockBytes; block-- > 0;) free_.push_back(aligned + block * kBlockBytes);
  }
  ~Region() {
    if (mapped_ != nullptr) ::munmap(mapped_, mapped_bytes_);
  }
  Region(const Region&) = delete;

  // Null when all are in use.
  char* take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return nullptr;
    char* block = free_.back();
    free_.pop_back();
    return block;
  }
  void give_back(char* block) {
    const std::lock_guard lock(mutex_);
    free_.push_back(block);  // has room: never more than there were
  }

 private:
  const size_t mapped_bytes_;
  char* mapped_ = nullptr;
  std::mutex mutex_;
  std::vector<char*> free_;
};

FramePool::FramePool(size_t bytes) : region_(std::make_shared<Region>(bytes)) {}

Frame FramePool::take(size_t size) {
  std::shared_ptr<char[]> owner;
  if (size >= kBlockUsedMin && size <= kBlockBytes) {
    if (char* block = region_->take()) {
      owner = {block, [region = region_](char* used) { region->give_back(used); }};
    }
  }
  if (!owner) owner = std::make_shared_for_overwrite<char[]>(size);
  const std::span bytes(owner.get(), size);
  return {std::move(owner), bytes};
}

}  // namespace headrace
