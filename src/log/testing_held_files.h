// Files that make a test's interleaving: the call that opens a certain file waits inside, with the file open, until the
// test lets it go on.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/files.h"

namespace headrace {

class HeldFiles final : public Files {
 public:
  explicit HeldFiles(Files& files) : files_(files) {}

  // The next open() of a path that ends so will be held. Not while another one is.
  void hold(std::string suffix) {
    suffix_ = std::move(suffix);
    state_ = State::kArmed;
  }
  void wait_until_held() { wait_while(State::kArmed); }
  void release() {
    state_ = State::kFree;
    state_.notify_all();
  }

  std::unique_ptr<File> open(const std::string& path, Mode mode) override {
    auto file = files_.open(path, mode);
    State armed = State::kArmed;
    if (state_ == armed && path.ends_with(suffix_) && state_.compare_exchange_strong(armed, State::kHeld)) {
      state_.notify_all();
      wait_while(State::kHeld);
    }
    return file;
  }
  bool exists(const std::string& path) override { return files_.exists(path); }
  std::vector<std::string> list(const std::string& folder) override { return files_.list(folder); }
  void make_folders(const std::string& path) override { files_.make_folders(path); }
  void rename(const std::string& from, const std::string& to) override { files_.rename(from, to); }
  void remove(const std::string& path) override { files_.remove(path); }
  void remove_all(const std::string& path) override { files_.remove_all(path); }
  void sync_directory(const std::string& path) override { files_.sync_directory(path); }
  std::unique_ptr<File> lock(const std::string& path) override { return files_.lock(path); }

 private:
  enum class State : uint8_t { kFree, kArmed, kHeld };

  void wait_while(State state) { state_.wait(state); }

  Files& files_;
  std::string suffix_;
  std::atomic<State> state_ = State::kFree;
};

}  // namespace headrace
