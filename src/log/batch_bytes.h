// The bytes of a record batch on their way through the log, without copies: a batch that came with a request stays in
// the request's buffer, is numbered there, is written from there, and serves readers from there.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace headrace {

class BatchBytes {
 public:
  BatchBytes() = default;
  BatchBytes(std::string bytes) {
    const auto kept = std::make_shared<std::string>(std::move(bytes));
    bytes_ = *kept;
    owner_ = kept;
  }
  // `bytes` live as long as `owner`. The log may write to them; nobody else may any more.
  BatchBytes(std::shared_ptr<void> owner, std::span<char> bytes) : owner_(std::move(owner)), bytes_(bytes) {}

  char* data() const { return bytes_.data(); }
  size_t size() const { return bytes_.size(); }
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }
  operator std::string_view() const { return view(); }
  const std::shared_ptr<void>& owner() const { return owner_; }

 private:
  std::shared_ptr<void> owner_;
  std::span<char> bytes_;
};

}  // namespace headrace
