#include "kafka/answer_sender.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "base/bytes.h"

namespace headrace::kafka {
namespace {

constexpr size_t kPiecesMax = 64;  // of one call to sendmsg

}  // namespace

AnswerSender::AnswerSender(std::span<const Answer* const> answers) {
  lengths_.reserve(answers.size());  // pieces point into it
  for (const Answer* answer : answers) add(*answer);
}

void AnswerSender::add(const Answer& answer) {
  auto& length = lengths_.emplace_back();
  store_big_endian(length.data(), static_cast<int32_t>(answer.size()));
  add({length.data(), length.size()});
  const std::string_view bytes(answer.bytes);
  size_t at = 0;
  for (const SplicedRecords& splice : answer.splices) {
    add(bytes.substr(at, splice.position - at));
    at = splice.position;
    if (const FileRange* range = splice.records.range(); range != nullptr && range->size > 0) {
      pieces_.push_back({.range = range});
    } else {
      add(splice.records.bytes());
    }
  }
  add(bytes.substr(at));
}

void AnswerSender::add(std::string_view bytes) {
  if (!bytes.empty()) pieces_.push_back({.bytes = bytes});
}

bool AnswerSender::may_read_disk(size_t most) const {
  for (size_t at = first_; at < pieces_.size() && most > 0; ++at) {
    const Piece& piece = pieces_[at];
    if (piece.range == nullptr) continue;
    const size_t size = std::min(most, piece.range->size - piece.sent);
    if (!piece.range->file->in_memory(piece.range->position + piece.sent, size)) return true;
    most -= size;
  }
  return false;
}

AnswerSender::Outcome AnswerSender::send(int socket, size_t most) {
  for (size_t left = most; first_ < pieces_.size();) {
    const Piece& piece = pieces_[first_];
    const ssize_t sent = piece.range != nullptr ? send_range(socket, left) : send_bytes(socket);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Outcome::kFull : Outcome::kFailed;
    if (sent == 0) return Outcome::kFailed;  // the file ends before its range does
    if (piece.range != nullptr) left -= static_cast<size_t>(sent);
    drop(static_cast<size_t>(sent));
    if (left == 0) return first_ < pieces_.size() ? Outcome::kPaused : Outcome::kSent;
  }
  return Outcome::kSent;
}

// All bytes up to the next range.
ssize_t AnswerSender::send_bytes(int socket) {
  std::array<iovec, kPiecesMax> pieces;
  size_t count = 0;
  size_t next = first_;
  for (; next < pieces_.size() && count < pieces.size() && pieces_[next].range == nullptr; ++next) {
    const std::string_view bytes = pieces_[next].bytes;
    pieces[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
  }
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL | (next < pieces_.size() ? MSG_MORE : 0));
}

ssize_t AnswerSender::send_range(int socket, size_t most) {
  const Piece& piece = pieces_[first_];
  auto position = static_cast<off_t>(piece.range->position + piece.sent);
  return ::sendfile(socket, piece.range->file->descriptor(), &position, std::min(most, piece.range->size - piece.sent));
}

void AnswerSender::drop(size_t sent) {
  while (sent > 0) {
    Piece& piece = pieces_[first_];
    const size_t part = std::min(sent, piece.range != nullptr ? piece.range->size - piece.sent : piece.bytes.size());
    sent -= part;
    if (piece.range != nullptr) {
      piece.sent += part;
      if (piece.sent < piece.range->size) return;
    } else {
      piece.bytes.remove_prefix(part);
      if (!piece.bytes.empty()) return;
    }
    ++first_;
  }
}

}  // namespace headrace::kafka
