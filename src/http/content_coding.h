// Bodies that arrive compressed, decompressed piece by piece: the caller says how much room there is, so that a small
// body that would become a huge one is stopped before it does.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace headrace {

class ContentDecoder {
 public:
  virtual ~ContentDecoder() = default;
  // Decompresses from the front of `bytes`, which is shortened, and appends at most `room` bytes to `out`. Call it
  // until `bytes` is empty and less than `room` was appended. Throws Error(kInvalid) for damaged data.
  virtual void decode(std::string_view& bytes, std::string& out, size_t room) = 0;
  // Throws Error(kInvalid) when the data ended too early.
  virtual void finish() = 0;
};

inline constexpr std::string_view kContentCodings = "gzip, zstd";

// A decoder for a Content-Encoding field; nullptr for "identity" and for none. Error(kUnsupported) for others.
std::unique_ptr<ContentDecoder> make_content_decoder(std::string_view coding);

}  // namespace headrace
