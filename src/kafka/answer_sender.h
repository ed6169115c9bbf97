// What of some answers is still to be sent: bytes in memory, and ranges of the log's files that the kernel passes on
// without a copy (sendfile). An answer of many partitions has many small ranges; as many of them as the socket takes go
// in one step, because a step of their own, with its two changes of threads, costs more than they do. A step of which
// all is in memory needs no other thread. Small answers leave together, in one call.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kafka/call.h"

namespace headrace::kafka {

class AnswerSender {
 public:
  // Each with its length in front. The answers outlive this.
  explicit AnswerSender(std::span<const Answer* const> answers);
  AnswerSender(const AnswerSender&) = delete;

  enum class Outcome : uint8_t {
    kSent,    // all of it
    kPaused,  // as much as one step may; there is more
    kFull,    // the socket takes no more now
    kFailed,  // nothing more can be sent
  };
  // One step: sends what the socket takes without waiting for its client, of files about `most` bytes. Blocks while a
  // file is read from the disk.
  Outcome send(int socket, size_t most);

  // Whether that step may have to read from the disk.
  bool may_read_disk(size_t most) const;

 private:
  static constexpr size_t kLengthBytes = 4;

  struct Piece {
    std::string_view bytes;
    const FileRange* range = nullptr;
    size_t sent = 0;  // of the range
  };

  void add(const Answer& answer);
  void add(std::string_view bytes);
  // How many bytes went; negative as send() says.
  ssize_t send_bytes(int socket);
  ssize_t send_range(int socket, size_t most);
  void drop(size_t sent);

  std::vector<std::array<char, kLengthBytes>> lengths_;
  std::vector<Piece> pieces_;  // none is empty
  size_t first_ = 0;
};

}  // namespace headrace::kafka
