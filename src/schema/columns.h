// Rows in bulk, by column: what sources decode into, what operators work on, what the codecs encode from. Bytes are
// views into buffers that the column keeps alive (often the log's own bytes), so that decoding, filtering and passing
// on copy no text.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "schema/types.h"
#include "schema/value.h"

namespace headrace {

// Bytes that are kept alive by someone: a decoded batch, an arena.
using Buffer = std::shared_ptr<const void>;

// Memory for texts that are computed. Views into it stay valid for as long as buffer() is kept.
class Arena {
 public:
  std::string_view add(std::string_view text);
  // Room for `size` bytes that the caller fills.
  char* take(size_t size);
  Buffer buffer() const { return blocks_; }

 private:
  static constexpr size_t kBlockBytes = 32 * 1024;
  std::shared_ptr<std::vector<std::unique_ptr<char[]>>> blocks_ =
      std::make_shared<std::vector<std::unique_ptr<char[]>>>();
  char* at_ = nullptr;
  size_t left_ = 0;
};

// One column of values. Exactly one of the vectors is used, by type.form(), and it has an entry for every row; where
// `nulls` says 1 the entry is there and means nothing (zero or empty).
struct ColumnData {
  Type type;
  std::vector<uint8_t> nulls;  // one byte per row, 1 is NULL; empty when no row is NULL
  std::vector<int64_t> ints;
  std::vector<double> floats;
  std::vector<Decimal> decimals;
  std::vector<std::string_view> bytes;
  std::vector<Interval> intervals;
  std::vector<Buffer> buffers;  // keep `bytes` alive

  explicit ColumnData(Type of) : type(of) {}

  size_t size() const;
  void reserve(size_t rows);
  bool null_at(size_t row) const { return row < nulls.size() && nulls[row] != 0; }
  bool has_nulls() const { return !nulls.empty(); }
  // Marks an existing row, or the row about to be appended, as NULL, making `nulls` if it was empty.
  void set_null(size_t row);
  void append_null();
  // Appends a copy of a value; text goes into `arena`, whose buffer the caller adds to `buffers`.
  void append(const Value& value, Arena& arena);
  Value value_at(size_t row) const;
  // The rows at `selection`, in its order.
  ColumnData gather(std::span<const uint32_t> selection) const;
  void append_column(const ColumnData& other);
};

using ColumnPtr = std::shared_ptr<const ColumnData>;

// A set of rows. Columns are shared and immutable once they are in a batch.
struct Batch {
  RowTypePtr type;
  std::vector<ColumnPtr> columns;
  size_t rows = 0;

  Batch gather(std::span<const uint32_t> selection) const;
};

// Builds a batch row by row, column by column within a row: for parsers, tests and small results.
class BatchBuilder {
 public:
  explicit BatchBuilder(RowTypePtr type);
  ColumnData& column(size_t index) { return columns_[index]; }
  Arena& arena() { return arena_; }
  void append_row(std::span<const Value> values);
  // Ends a row whose cells were put into column() directly.
  void end_row() { ++rows_; }
  size_t rows() const { return rows_; }
  Batch finish();

 private:
  RowTypePtr type_;
  std::vector<ColumnData> columns_;
  Arena arena_;
  size_t rows_ = 0;
};

// One cell as append_json of its value (value.h), without making the value.
void append_json(std::string& out, const ColumnData& column, size_t row);

// One row of a batch as a JSON object by column name, appended to `out`.
void append_row_json(std::string& out, const Batch& batch, size_t row);

}  // namespace headrace
