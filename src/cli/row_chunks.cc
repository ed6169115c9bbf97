#include "cli/row_chunks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/byte_order_mark.h"
#include "fmt/format.h"

namespace headrace {

// As the server reads CSV (schema/csv_rows.h): a quote opens a field only where the field begins, and one within it is
// doubled. A quote anywhere else makes that row a bad one, and says nothing about where rows end.
size_t CsvRowEnds::next(std::string_view text) {
  while (at_ < text.size()) {
    const size_t special = in_quotes_ ? text.find('"', at_) : text.find_first_of("\"\n", at_);
    if (special == std::string_view::npos) break;
    at_ = special + 1;
    if (in_quotes_) {
      in_quotes_ = false;
      closed_ = special;
    } else if (text[special] == '\n') {
      closed_ = std::string_view::npos;
      return special;
    } else {
      const bool is_doubled = closed_ != std::string_view::npos && closed_ + 1 == special;
      const bool at_start = special == 0 || text[special - 1] == ',' || text[special - 1] == '\n';
      in_quotes_ = is_doubled || at_start;
    }
  }
  at_ = std::max(at_, text.size());
  return std::string_view::npos;
}

void CsvRowEnds::remove_prefix(size_t count) {
  at_ -= count;
  if (closed_ != std::string_view::npos) closed_ -= count;
}

RowChunks::RowChunks(InputFile& file, bool csv) : file_(file), csv_(csv) {}

// The end of the first row that makes `enough` bytes or kChunkRows rows, or npos. Remembers where it looked.
size_t RowChunks::find_chunk_end(size_t enough) {
  for (;;) {
    const size_t end = csv_ ? row_ends_.next(pending_) : pending_.find('\n', scanned_);
    scanned_ = end == std::string::npos ? pending_.size() : end + 1;
    if (end == std::string::npos || end + 1 >= enough || ++rows_ == kChunkRows) return end;
  }
}

// Takes the first `count` bytes, which end with a row.
std::string RowChunks::take(size_t count) {
  std::string rows = pending_.substr(0, count);
  pending_.erase(0, count);
  if (csv_) row_ends_.remove_prefix(count);
  scanned_ -= count;
  rows_ = 0;
  return rows;
}

std::optional<RowChunk> RowChunks::next() {
  for (;;) {
    const bool want_header = csv_ && header_.empty();
    size_t end = find_chunk_end(want_header ? 1 : kChunkBytes);
    if (end == std::string::npos && pending_.size() > kRowBytesMax)
      throw Error(Code::kTooLarge, fmt::format("the row that begins near line {} has more than {} bytes; is a quote "
                                               "missing?",
                                               next_line_, kRowBytesMax));
    if (end == std::string::npos && !ended_) {
      ended_ = !file_.read(pending_, kChunkBytes);
      if (!std::exchange(begun_, true)) remove_byte_order_mark(pending_);
      continue;
    }
    if (end == std::string::npos) {
      if (pending_.empty()) return std::nullopt;
      end = pending_.size() - 1;
      row_ends_ = CsvRowEnds();
      row_ends_.skip(pending_.size());
      scanned_ = pending_.size();
    }
    std::string rows = take(end + 1);
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

namespace {

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool has_one_column(std::string_view header) {
  bool in_quotes = false;
  for (const char c : header) {
    if (c == '"') in_quotes = !in_quotes;
    if (c == ',' && !in_quotes) return false;
  }
  return true;
}

}  // namespace

std::optional<std::pair<RowChunk, RowChunk>> RowChunks::halves(const RowChunk& chunk, bool csv) {
  const std::string_view body = chunk.body;
  CsvRowEnds row_ends;
  const size_t first = csv ? row_ends.next(body) + 1 : 0;
  std::vector<size_t> ends;
  for (size_t at = first; at < body.size(); at = ends.back()) {
    const size_t end = csv ? row_ends.next(body) : body.find('\n', at);
    ends.push_back(end == std::string_view::npos ? body.size() : end + 1);
  }
  if (ends.size() < 2) return std::nullopt;
  const size_t cut = ends[ends.size() / 2 - 1];
  const auto lines = static_cast<uint64_t>(std::ranges::count(body.substr(first, cut - first), '\n'));
  return std::pair(RowChunk{chunk.number, chunk.first_line, std::string(body.substr(0, cut))},
                   RowChunk{chunk.number, chunk.first_line + lines,
                            std::string(body.substr(0, first)) + std::string(body.substr(cut))});
}

uint64_t RowChunks::line_of_row(const RowChunk& chunk, bool csv, int64_t row) {
  const std::string_view body = chunk.body;
  CsvRowEnds row_ends;
  size_t start = 0;
  // An empty line is a row of a CSV file with one column, and nothing elsewhere.
  bool blanks_count = false;
  if (csv) {
    start = row_ends.next(body) + 1;
    blanks_count = has_one_column(body.substr(0, start));
  }
  uint64_t line = chunk.first_line;
  for (int64_t seen = 0; start < body.size();) {
    size_t end = csv ? row_ends.next(body) : body.find('\n', start);
    end = end == std::string_view::npos ? body.size() : end + 1;
    const std::string_view text = body.substr(start, end - start);
    if ((blanks_count || !is_blank(text)) && ++seen >= row) break;
    line += static_cast<uint64_t>(std::ranges::count(text, '\n'));
    start = end;
  }
  return line;
}

}  // namespace headrace
