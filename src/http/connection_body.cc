// How a connection reads bodies: whole ones straight to where they stay, chunked and compressed ones piece by piece.
#include <algorithm>

#include "boost/asio/redirect_error.hpp"
#include "fmt/format.h"
#include "http/connection.h"
#include "http/content_coding.h"

namespace headrace {
namespace {

using boost::system::error_code;

constexpr size_t kPieceBytes = 256 * 1024;
constexpr size_t kRoomBytesMin = 64 * 1024;
constexpr size_t kInlineBytesMax = 32 * 1024;  // compressed; more is decompressed in the pool
constexpr size_t kPaddingBytes = 64;           // behind a body, so that the JSON parser can read it in place

// The same texts in a copy of what they were views into.
void rebase(std::string_view& text, const char* from, const char* to) {
  if (!text.empty()) text = {to + (text.data() - from), text.size()};
}

}  // namespace

awaitable<bool> Connection::receive(size_t bytes_max) {
  error_code failure;
  const size_t room = std::min(bytes_max, buffer_.max_size() - buffer_.size());
  const size_t bytes =
      co_await socket_.async_read_some(buffer_.prepare(room), asio::redirect_error(asio::use_awaitable, failure));
  if (failure) {
    if (!timed_out_) gone_ = true;
    co_return false;
  }
  buffer_.commit(bytes);
  co_return true;
}

void Connection::note_body_progress(size_t bytes) {
  body_received_ += bytes;
  deadline_ = body_begin_ + shared_.limits.body_time +
              std::chrono::milliseconds(body_received_ * 1000 / shared_.limits.body_bytes_per_second_min);
}

awaitable<bool> Connection::take_room(size_t bytes) {
  if (shared_.body_memory.try_take(lease_, bytes)) co_return true;
  const Phase phase_before = phase_;
  phase_ = Phase::kRoom;
  const SteadyTime begin = shared_.timers.clock().steady();
  const bool taken = co_await shared_.body_memory.take(lease_, bytes, begin + shared_.limits.room_time);
  phase_ = phase_before;
  const auto waited = shared_.timers.clock().steady() - begin;
  body_begin_ += waited;
  deadline_ += waited;
  if (!taken && !gone_) {
    respond_problem(response_, Error(Code::kBusy, "too many large bodies are on their way; try again later"));
  }
  co_return taken && !gone_;
}

awaitable<bool> Connection::receive_body(size_t header_bytes) {
  body_begin_ = shared_.now;
  body_received_ = 0;
  enter(Phase::kBody, shared_.limits.body_time);
  std::exception_ptr failure;
  bool received = false;
  try {
    std::unique_ptr<ContentDecoder> decoder = make_content_decoder(request_.header("Content-Encoding"));
    const bool plain = !request_.chunked && decoder == nullptr;
    if (plain && !co_await take_room(*request_.content_length + kPaddingBytes)) co_return false;
    // All that can be checked without the body has been.
    if (!request_.header("Expect").empty() && buffer_.size() == header_bytes) {
      out_.append("HTTP/1.1 100 Continue\r\n\r\n");
      if (!send_now() && !co_await send()) co_return false;
    }
    if (plain) {
      // Only moves the buffer's begin: the header's texts stay until the buffer is prepared for the next request.
      buffer_.consume(header_bytes);
      received = co_await receive_plain_body();
    } else {
      received = co_await receive_coded_body(std::move(decoder), header_bytes);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    respond_exception(response_, failure);
    if (request_.has_header("Content-Encoding")) response_.set_header("Accept-Encoding", kContentCodings);
  } else if (!received && timed_out_) {
    respond_problem(
        response_, problems::kSlowRequest,
        fmt::format("its body came at less than {} bytes per second", shared_.limits.body_bytes_per_second_min));
  }
  co_return received;
}

awaitable<bool> Connection::receive_plain_body() {
  const size_t length = *request_.content_length;
  request_.body.reserve(length + kPaddingBytes);
  const std::string_view here = buffered().substr(0, length);
  request_.body.assign(here);
  buffer_.consume(here.size());
  note_body_progress(here.size());
  if (request_.body.size() == length) co_return true;

  size_t filled = request_.body.size();
  request_.body.resize_and_overwrite(length, [](char*, size_t size) { return size; });
  while (filled < length) {
    error_code failure;
    const size_t bytes = co_await socket_.async_read_some(asio::buffer(request_.body.data() + filled, length - filled),
                                                          asio::redirect_error(asio::use_awaitable, failure));
    if (failure) {
      if (!timed_out_) gone_ = true;
      co_return false;
    }
    filled += bytes;
    note_body_progress(bytes);
  }
  co_return true;
}

awaitable<bool> Connection::receive_coded_body(std::unique_ptr<ContentDecoder> decoder, size_t header_bytes) {
  // The buffer is needed for the body: keep the header elsewhere.
  header_copy_.assign(buffered().substr(0, header_bytes));
  const char* from = buffered().data();
  for (std::string_view* text : {&request_.method_text, &request_.path, &request_.query}) {
    rebase(*text, from, header_copy_.data());
  }
  for (HeaderField& field : request_.headers) {
    rebase(field.name, from, header_copy_.data());
    rebase(field.value, from, header_copy_.data());
  }
  for (size_t index = 0; index < match_.parameter_count; ++index) {
    rebase(match_.parameters[index], from, header_copy_.data());
  }
  buffer_.consume(header_bytes);

  std::string payload;
  uint64_t left = request_.content_length.value_or(0);
  bool at_end = false;
  while (!at_end) {
    payload.clear();
    if (request_.chunked) {
      std::string_view bytes = buffered();
      std::optional<ParseFailure> failure;
      if (!bytes.empty()) at_end = parser_->parse_chunks(bytes, payload, failure);
      buffer_.consume(buffer_.size() - bytes.size());
      if (failure) {
        respond_problem(response_, failure->kind, failure->detail);
        co_return false;
      }
      if (!at_end && buffer_.size() > shared_.limits.header_bytes_max) {
        respond_problem(response_, problems::kBadRequest, "the head of a chunk is too long");
        co_return false;
      }
    } else {
      payload.assign(buffered().substr(0, left));
      buffer_.consume(payload.size());
      left -= payload.size();
      at_end = left == 0;
    }
    if (!payload.empty() && !co_await add_payload(payload, decoder.get())) co_return false;
    if (at_end) break;
    if (!co_await receive(kBodyReadBytesMax)) co_return false;
    note_body_progress(buffer_.size());
  }
  if (decoder) decoder->finish();
  if (buffer_.size() == 0 && buffer_.capacity() > kRoomBytesMin) buffer_.shrink_to_fit();
  co_return true;
}

awaitable<bool> Connection::add_payload(std::string_view payload, ContentDecoder* decoder) {
  std::string& body = request_.body;
  const size_t bytes_max = shared_.limits.body_bytes_max;
  while (true) {
    // Room grows by doubling, up to the limit and one byte, which tells a body that is at the limit from a larger one.
    const size_t wanted = decoder != nullptr ? 1 : payload.size();
    if (lease_.bytes() < body.size() + wanted + kPaddingBytes) {
      const size_t more = std::max({wanted, lease_.bytes(), kRoomBytesMin});
      if (!co_await take_room(std::min(more, bytes_max + 1 + kPaddingBytes - lease_.bytes()))) co_return false;
      body.reserve(lease_.bytes());
    }
    const size_t room = lease_.bytes() - kPaddingBytes - body.size();
    if (decoder == nullptr) {
      body.append(payload);
      co_return true;
    }
    const size_t before = body.size();
    if (payload.size() <= kInlineBytesMax && room <= kPieceBytes) {
      decoder->decode(payload, body, room);
    } else {
      co_await on_pool(shared_.runtime.pool(), [&] { decoder->decode(payload, body, room); });
    }
    if (body.size() > bytes_max) {
      respond_problem(response_, Error(Code::kTooLarge, fmt::format("the body is longer than {} bytes when it is "
                                                                    "decompressed; send it in several requests",
                                                                    bytes_max)));
      co_return false;
    }
    if (payload.empty() && body.size() - before < room) co_return true;
  }
}

}  // namespace headrace
