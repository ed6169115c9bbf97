#include "log/compression.h"

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "fmt/format.h"
#include "lz4frame.h"
#include "snappy.h"
#include "zlib.h"
#include "zstd.h"

namespace headrace {
namespace {

constexpr size_t kFirstOutput = size_t{64} * 1024;
constexpr int kZstdWindowLogMax = 24;  // 16 MiB, the size of the largest batch

// What Kafka's SnappyOutputStream (xerial) writes: this magic, version 1, compatible version 1, then blocks with their
// length in front.
constexpr std::string_view kXerialMagic{"\x82SNAPPY\0", 8};
constexpr size_t kXerialHeader = 16;
constexpr size_t kXerialBlock = size_t{32} * 1024;

[[noreturn]] void corrupt(const char* codec, std::string_view why) {
  throw Error(Code::kCorrupt, fmt::format("{} data cannot be decompressed: {}", codec, why));
}

[[noreturn]] void too_large(size_t size_max) {
  throw Error(Code::kTooLarge, fmt::format("a batch decompresses to more than {} bytes", size_max));
}

// Makes room after `used` bytes of `out`, doubling up to the limit plus one byte, which shows that it is exceeded.
void grow(std::string& out, size_t used, size_t size_max) {
  if (used > size_max) too_large(size_max);
  if (used < out.size()) return;
  const size_t size = std::min(std::max(kFirstOutput, out.size() * 2), size_max + 1);
  out.resize_and_overwrite(size, [](char*, size_t n) { return n; });
}

void gzip_compress(std::string_view bytes, std::string& out) {
  z_stream stream{};
  check(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK,
        "zlib accepts its default parameters");
  const size_t before = out.size();
  out.resize(before + deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
  stream.avail_out = static_cast<uInt>(out.size() - before);
  const int result = deflate(&stream, Z_FINISH);
  out.resize(before + stream.total_out);
  deflateEnd(&stream);
  check(result == Z_STREAM_END, "deflateBound() is enough");
}

void gzip_decompress(std::string_view bytes, size_t size_max, std::string& out) {
  z_stream stream{};
  check(inflateInit2(&stream, 15 + 16) == Z_OK, "zlib accepts its default parameters");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  size_t used = 0;
  for (;;) {
    grow(out, used, size_max);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(out.size() - used);
    const int result = inflate(&stream, Z_NO_FLUSH);
    used = out.size() - stream.avail_out;
    if (result == Z_STREAM_END) break;
    if (result == Z_BUF_ERROR && stream.avail_in == 0) corrupt("gzip", "it ends too early");
    if (result != Z_OK && result != Z_BUF_ERROR) corrupt("gzip", stream.msg != nullptr ? stream.msg : "not gzip");
  }
  if (used > size_max) too_large(size_max);
  out.resize(used);
}

void snappy_compress(std::string_view bytes, std::string& out) {
  Writer writer(out);
  writer.bytes(kXerialMagic);
  writer.big_endian<int32_t>(1);
  writer.big_endian<int32_t>(1);
  while (!bytes.empty()) {
    const std::string_view block = bytes.substr(0, kXerialBlock);
    bytes.remove_prefix(block.size());
    const size_t before = out.size();
    out.resize(before + 4 + snappy::MaxCompressedLength(block.size()));
    size_t size = 0;
    snappy::RawCompress(block.data(), block.size(), out.data() + before + 4, &size);
    store_big_endian(out.data() + before, static_cast<int32_t>(size));
    out.resize(before + 4 + size);
  }
}

void snappy_block(std::string_view block, size_t size_max, std::string& out) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) corrupt("snappy", "a block has no length");
  if (size > size_max - out.size()) too_large(size_max);
  if (!snappy::IsValidCompressedBuffer(block.data(), block.size())) corrupt("snappy", "a block is damaged");
  const size_t before = out.size();
  out.resize(before + size);
  if (!snappy::RawUncompress(block.data(), block.size(), out.data() + before)) corrupt("snappy", "a block is damaged");
}

void snappy_decompress(std::string_view bytes, size_t size_max, std::string& out) {
  out.clear();
  if (!bytes.starts_with(kXerialMagic)) return snappy_block(bytes, size_max, out);
  if (bytes.size() < kXerialHeader) corrupt("snappy", "it ends too early");
  Reader reader(bytes.substr(kXerialHeader));
  while (!reader.empty()) {
    if (reader.remaining() < 4) corrupt("snappy", "it ends too early");
    const auto size = reader.big_endian<uint32_t>();
    if (size > reader.remaining()) corrupt("snappy", "a block is longer than what remains");
    snappy_block(reader.bytes(size), size_max, out);
  }
}

void lz4_compress(std::string_view bytes, std::string& out) {
  // Kafka's Java client reads independent blocks only.
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  const size_t before = out.size();
  out.resize(before + LZ4F_compressFrameBound(bytes.size(), &preferences));
  const size_t size =
      LZ4F_compressFrame(out.data() + before, out.size() - before, bytes.data(), bytes.size(), &preferences);
  check(LZ4F_isError(size) == 0, "LZ4F_compressFrameBound() is enough");
  out.resize(before + size);
}

struct FreeLz4 {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

void lz4_decompress(std::string_view bytes, size_t size_max, std::string& out) {
  LZ4F_dctx* made = nullptr;
  check(LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)) == 0, "there is memory for LZ4");
  const std::unique_ptr<LZ4F_dctx, FreeLz4> context(made);
  size_t used = 0;
  size_t hint = 1;
  while (hint != 0) {
    grow(out, used, size_max);
    size_t written = out.size() - used;
    size_t consumed = bytes.size();
    hint = LZ4F_decompress(context.get(), out.data() + used, &written, bytes.data(), &consumed, nullptr);
    if (LZ4F_isError(hint) != 0) corrupt("lz4", LZ4F_getErrorName(hint));
    bytes.remove_prefix(consumed);
    used += written;
    if (hint != 0 && written == 0 && consumed == 0) corrupt("lz4", "it ends too early");
  }
  if (used > size_max) too_large(size_max);
  out.resize(used);
}

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

void zstd_compress(std::string_view bytes, std::string& out) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeZstd> context(ZSTD_createCCtx());
  const size_t before = out.size();
  out.resize(before + ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compressCCtx(context.get(), out.data() + before, out.size() - before, bytes.data(),
                                        bytes.size(), ZSTD_CLEVEL_DEFAULT);
  check(ZSTD_isError(size) == 0, "ZSTD_compressBound() is enough");
  out.resize(before + size);
}

void zstd_decompress(std::string_view bytes, size_t size_max, std::string& out) {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeZstd> context(ZSTD_createDCtx());
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  size_t used = 0;
  for (;;) {
    grow(out, used, size_max);
    ZSTD_outBuffer output{out.data(), out.size(), used};
    const size_t before = input.pos;
    const size_t hint = ZSTD_decompressStream(context.get(), &output, &input);
    if (ZSTD_isError(hint) != 0) corrupt("zstd", ZSTD_getErrorName(hint));
    const bool stuck = output.pos == used && input.pos == before;
    used = output.pos;
    if (hint == 0) break;
    if (stuck) corrupt("zstd", "it ends too early");
  }
  if (used > size_max) too_large(size_max);
  out.resize(used);
}

}  // namespace

void compress(Compression compression, std::string_view bytes, std::string& out) {
  switch (compression) {
    case Compression::kNone: out.append(bytes); return;
    case Compression::kGzip: return gzip_compress(bytes, out);
    case Compression::kSnappy: return snappy_compress(bytes, out);
    case Compression::kLz4: return lz4_compress(bytes, out);
    case Compression::kZstd: return zstd_compress(bytes, out);
  }
}

void decompress(Compression compression, std::string_view bytes, size_t size_max, std::string& out) {
  switch (compression) {
    case Compression::kNone: out.assign(bytes); return;
    case Compression::kGzip: return gzip_decompress(bytes, size_max, out);
    case Compression::kSnappy: return snappy_decompress(bytes, size_max, out);
    case Compression::kLz4: return lz4_decompress(bytes, size_max, out);
    case Compression::kZstd: return zstd_decompress(bytes, size_max, out);
  }
}

}  // namespace headrace
