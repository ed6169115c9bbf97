#include "cli/row_chunks.h"

#include <algorithm>

#include "base/error.h"
#include "fmt/format.h"

namespace headrace {

RowChunks::RowChunks(InputFile& file, bool csv) : file_(file), csv_(csv) {}

// The first line feed outside quotes at or after `from`, or npos. Remembers where it looked.
size_t RowChunks::find_row_end(size_t from) {
  if (!csv_) {
    const size_t end = pending_.find('\n', std::max(from, scanned_));
    scanned_ = end == std::string::npos ? pending_.size() : end + 1;
    return end;
  }
  for (; scanned_ < pending_.size(); ++scanned_) {
    const size_t special = pending_.find_first_of("\"\n", scanned_);
    if (special == std::string::npos) {
      scanned_ = pending_.size();
      return std::string::npos;
    }
    scanned_ = special;
    if (pending_[special] == '"') {
      in_quotes_ = !in_quotes_;
    } else if (!in_quotes_ && special >= from) {
      ++scanned_;
      return special;
    }
  }
  return std::string::npos;
}

std::optional<RowChunk> RowChunks::next() {
  for (;;) {
    const bool want_header = csv_ && header_.empty();
    const size_t enough = want_header ? 0 : kChunkBytes;
    size_t end = std::string::npos;
    if (ended_) {
      if (pending_.empty()) return std::nullopt;
      end = pending_.size() - 1;
      scanned_ = pending_.size();
    } else if (pending_.size() >= enough) {
      end = find_row_end(enough == 0 ? 0 : enough - 1);
    }
    if (end == std::string::npos) {
      if (pending_.size() > kRowBytesMax)
        throw Error(Code::kTooLarge, fmt::format("the row that begins near line {} has more than {} bytes; is a quote "
                                                 "missing?",
                                                 next_line_, kRowBytesMax));
      ended_ = !file_.read(pending_, kChunkBytes);
      continue;
    }
    std::string rows = pending_.substr(0, end + 1);
    pending_.erase(0, end + 1);
    scanned_ -= end + 1;
    const auto lines = static_cast<uint64_t>(std::ranges::count(rows, '\n'));
    if (want_header) {
      header_ = std::move(rows);
      if (!header_.ends_with('\n')) header_ += '\n';
      next_line_ += lines;
      continue;
    }
    RowChunk chunk{next_number_++, next_line_, header_ + rows};
    next_line_ += lines;
    return chunk;
  }
}

uint64_t RowChunks::line_of_row(const RowChunk& chunk, bool csv, int64_t row) {
  uint64_t line = chunk.first_line;
  size_t at = csv ? chunk.body.find('\n') + 1 : 0;
  bool in_quotes = false;
  for (int64_t seen = 1; at < chunk.body.size(); ++at) {
    const char c = chunk.body[at];
    if (seen >= row) break;
    if (csv && c == '"') in_quotes = !in_quotes;
    if (c != '\n') continue;
    ++line;
    if (!in_quotes) ++seen;
  }
  return line;
}

}  // namespace headrace
