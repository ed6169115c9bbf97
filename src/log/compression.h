// The codecs of record batches, in the framings that Kafka's clients use: gzip, snappy in xerial's blocks, LZ4 frames
// with independent blocks, zstd frames. What is decompressed comes from strangers, so its size is bounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headrace {

enum class Compression : uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

// Appends the compressed `bytes` to `out`.
void compress(Compression compression, std::string_view bytes, std::string& out);

// Replaces `out` by the decompressed `bytes`. Error(kCorrupt) when they are not in the format, Error(kTooLarge) when
// the result would exceed `size_max`; no more than that, and one window of zstd, is ever allocated.
void decompress(Compression compression, std::string_view bytes, size_t size_max, std::string& out);

}  // namespace headrace
