#include "http/content_coding.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/error.h"
#include "fmt/format.h"
#include "http/request.h"

namespace headrace {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;
// Of memory that a zstd frame may ask for: 2^23, what `zstd -19` uses.
constexpr int kWindowLogMax = 23;

[[noreturn]] void fail(std::string_view coding, std::string_view reason) {
  throw Error(Code::kInvalid, fmt::format("the body is not valid {}: {}", coding, reason));
}

class GzipDecoder final : public ContentDecoder {
 public:
  GzipDecoder() {
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;

  void decode(std::string_view& bytes, std::string& out, size_t room) override {
    char piece[kPieceBytes];
    while (room > 0) {
      if (at_end_) {
        if (bytes.empty()) return;
        inflateReset(&stream_);  // another member follows
        at_end_ = false;
      }
      const size_t piece_room = std::min(room, sizeof piece);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(std::min<size_t>(bytes.size(), UINT32_MAX));
      stream_.next_out = reinterpret_cast<Bytef*>(piece);
      stream_.avail_out = static_cast<uInt>(piece_room);
      const uInt before = stream_.avail_in;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      bytes.remove_prefix(before - stream_.avail_in);
      const size_t made = piece_room - stream_.avail_out;
      out.append(piece, made);
      room -= made;
      started_ = true;
      if (result == Z_STREAM_END) {
        at_end_ = true;
      } else if (result == Z_BUF_ERROR || (result == Z_OK && made < piece_room && bytes.empty())) {
        return;  // more input is needed
      } else if (result != Z_OK) {
        fail("gzip", stream_.msg != nullptr ? stream_.msg : "damaged data");
      }
    }
  }

  void finish() override {
    if (started_ && !at_end_) fail("gzip", "it ends too early");
  }

 private:
  z_stream stream_{};
  bool started_ = false;
  bool at_end_ = false;
};

class ZstdDecoder final : public ContentDecoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kWindowLogMax);
  }
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }
  ZstdDecoder(const ZstdDecoder&) = delete;

  void decode(std::string_view& bytes, std::string& out, size_t room) override {
    char piece[kPieceBytes];
    while (room > 0) {
      ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
      ZSTD_outBuffer output{piece, std::min(room, sizeof piece), 0};
      const size_t result = ZSTD_decompressStream(context_, &output, &input);
      if (ZSTD_isError(result)) fail("zstd", ZSTD_getErrorName(result));
      if (input.pos > 0 || output.pos > 0) in_frame_ = result != 0;
      bytes.remove_prefix(input.pos);
      out.append(piece, output.pos);
      room -= output.pos;
      if (bytes.empty() && output.pos < output.size) return;
    }
  }

  void finish() override {
    if (in_frame_) fail("zstd", "it ends too early");
  }

 private:
  ZSTD_DCtx* context_;
  bool in_frame_ = false;
};

}  // namespace

std::unique_ptr<ContentDecoder> make_content_decoder(std::string_view coding) {
  if (coding.empty() || equals_ignoring_case(coding, "identity")) return nullptr;
  if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip")) {
    return std::make_unique<GzipDecoder>();
  }
  if (equals_ignoring_case(coding, "zstd")) return std::make_unique<ZstdDecoder>();
  throw Error(Code::kUnsupported,
              fmt::format("the content coding \"{}\" is not known; send one of: {}", coding, kContentCodings));
}

}  // namespace headrace
