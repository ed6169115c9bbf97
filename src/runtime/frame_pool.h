// Memory for the bytes of requests. Large ones get a block of a region on huge pages that stays: with pages of 4 KiB
// that come and go with each request, a tenth to a fifth of the processor time of taking in large batches goes to page
// faults and to the translation of addresses. Small ones, and those for which no block is free, get memory of their
// own.
//
// A client that announces a large request and sends none of it can keep a block from others, who only lose the
// advantage; however many do so, the region is all that they make resident.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace headrace {

// The bytes of one request. Whoever keeps some of them keeps the owner.
struct Frame {
  std::shared_ptr<char[]> owner;
  std::span<char> bytes;
};

// For all threads. Frames may outlive it.
class FramePool {
 public:
  // A request of 1 MiB, which is what clients make of full batches, with its header: seven in four huge pages.
  static constexpr size_t kBlockBytes = (size_t{8} << 20) / 7 / 4096 * 4096;
  static constexpr size_t kBlockUsedMin = kBlockBytes / 4;

  // As many blocks as there is room for in `bytes`, none of them resident before its first use.
  explicit FramePool(size_t bytes);

  // With `size` bytes of any value.
  Frame take(size_t size);

 private:
  class Region;
  const std::shared_ptr<Region> region_;
};

}  // namespace headrace
