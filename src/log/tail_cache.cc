#include "log/tail_cache.h"

#include <algorithm>

#include "log/record_batch.h"

namespace headrace {
namespace {

// Chunks below this are copied together, so that many small commits do not make many small reads.
constexpr size_t kSmallChunk = size_t{64} << 10;

// The batches at the front of `bytes` up to about `bytes_max`, at least one.
std::string_view cut(std::string_view bytes, size_t bytes_max) {
  if (bytes.size() <= bytes_max) return bytes;
  size_t size = 0;
  do {
    size += read_batch_header(bytes.substr(size)).bytes();
  } while (size < bytes_max && size < bytes.size());
  return bytes.substr(0, size);
}

}  // namespace

std::optional<CachedTail::Slice> CachedTail::find(Offset from, size_t bytes_max) const {
  if (chunks_.empty() || from < chunks_.front().base || from >= chunks_.back().end) return std::nullopt;
  auto chunk = std::ranges::upper_bound(chunks_, from, {}, &Chunk::end);
  std::string_view bytes = chunk->bytes;
  for (BatchHeader header = read_batch_header(bytes); header.end() <= from; header = read_batch_header(bytes)) {
    bytes.remove_prefix(header.bytes());
  }
  if (bytes.size() >= std::min(kSmallChunk, bytes_max) || std::next(chunk) == chunks_.end()) {
    return Slice{chunk->bytes.owner(), cut(bytes, bytes_max)};
  }
  auto copy = std::make_shared<std::string>(bytes);
  for (++chunk; chunk != chunks_.end() && copy->size() < bytes_max && copy->size() < kSmallChunk; ++chunk) {
    copy->append(cut(chunk->bytes, bytes_max - copy->size()));
    if (copy->size() >= bytes_max) break;
  }
  return Slice{copy, *copy};
}

void CachedTail::drop_before(Offset end) {
  while (!chunks_.empty() && chunks_.front().end <= end) chunks_.pop_front();
}

void TailCache::add(const std::shared_ptr<CachedTail>& tail, TailChunk chunk) {
  const size_t size = chunk.bytes.size();
  tail->chunks_.push_back({std::move(chunk), ++next_number_});
  added_.push_back({tail, next_number_, size});
  bytes_ += size;
  while (bytes_ > bytes_max_) {
    const Added& oldest = added_.front();
    const std::shared_ptr<CachedTail> of = oldest.tail.lock();
    // It may have been dropped since.
    if (of && !of->chunks_.empty() && of->chunks_.front().number == oldest.number) of->chunks_.pop_front();
    bytes_ -= oldest.size;
    added_.pop_front();
  }
}

}  // namespace headrace
