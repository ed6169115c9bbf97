// Cuts CSV or NDJSON text, less a byte order mark, into requests at row ends. The cuts depend only on the text, so that
// a load that is started again makes the same requests with the same numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/input_file.h"

namespace headrace {

struct RowChunk {
  uint64_t number = 0;      // from 0
  uint64_t first_line = 1;  // of the file, from 1
  std::string body;         // whole rows; CSV has the header in front
};

// Finds where the rows of a CSV text end, which may grow between calls.
class CsvRowEnds {
 public:
  // The line feed that ends the next row; npos when the text does not have it.
  size_t next(std::string_view text);
  // The first `count` bytes, with the end of a row, are no longer there.
  void remove_prefix(size_t count);
  void skip(size_t count) { at_ += count; }

 private:
  size_t at_ = 0;
  bool in_quotes_ = false;
  size_t closed_ = std::string_view::npos;  // the quote that closed a field, unless the next one doubles it
};

class RowChunks {
 public:
  static constexpr size_t kChunkBytes = 512 * 1024;
  // A row that is short here may be long on the log, with defaults and the names of columns: of a chunk of this many,
  // each has two kilobytes until they fill more than one record batch.
  static constexpr size_t kChunkRows = 8192;
  static constexpr size_t kRowBytesMax = 16 * 1024 * 1024;

  RowChunks(InputFile& file, bool csv);
  // Throws Error(kTooLarge) for a row beyond kRowBytesMax.
  std::optional<RowChunk> next();

  // Both halves of a chunk, by rows; neither has a number of its own. Nothing for a single row.
  static std::optional<std::pair<RowChunk, RowChunk>> halves(const RowChunk& chunk, bool csv);

  // The line of the file on which row `row` (from 1) of a chunk begins.
  static uint64_t line_of_row(const RowChunk& chunk, bool csv, int64_t row);

 private:
  size_t find_chunk_end(size_t enough);
  std::string take(size_t count);

  InputFile& file_;
  const bool csv_;
  std::string header_;
  std::string pending_;
  CsvRowEnds row_ends_;  // of pending_
  size_t scanned_ = 0;   // of pending_, for NDJSON
  size_t rows_ = 0;      // of pending_, as far as it was looked at
  bool begun_ = false;
  bool ended_ = false;
  uint64_t next_number_ = 0;
  uint64_t next_line_ = 1;
};

}  // namespace headrace
