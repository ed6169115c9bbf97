#include "schema/columns.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "schema/json_text.h"

namespace headrace {
namespace {

// Calls `use` with the one vector that holds this column's values.
template <typename Column, typename Use>
decltype(auto) with_values(Column& column, Use&& use) {
  switch (column.type.form()) {
    case Form::kInt: return use(column.ints);
    case Form::kFloat: return use(column.floats);
    case Form::kDecimal: return use(column.decimals);
    case Form::kBytes: return use(column.bytes);
    case Form::kInterval: break;
  }
  return use(column.intervals);
}

template <typename T>
void gather_into(std::vector<T>& to, const std::vector<T>& from, std::span<const uint32_t> selection) {
  to.resize(selection.size());
  T* at = to.data();
  for (const uint32_t row : selection) *at++ = from[row];
}

// Batches that come from one log buffer name it in every column; a column made of many of them should keep it once.
constexpr size_t kBuffersSearched = 64;

void add_buffer(std::vector<Buffer>& buffers, const Buffer& buffer) {
  const size_t searched = std::min(buffers.size(), kBuffersSearched);
  if (std::find(buffers.end() - static_cast<ptrdiff_t>(searched), buffers.end(), buffer) == buffers.end()) {
    buffers.push_back(buffer);
  }
}

}  // namespace

std::string_view Arena::add(std::string_view text) {
  if (text.empty()) return {};
  char* to = take(text.size());
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

char* Arena::take(size_t size) {
  if (size > left_) [[unlikely]] {
    // A large text gets a block of its own, so that the rest of the current one is not given up for it.
    if (size > kBlockBytes / 4) {
      blocks_->push_back(std::make_unique_for_overwrite<char[]>(size));
      return blocks_->back().get();
    }
    blocks_->push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
    at_ = blocks_->back().get();
    left_ = kBlockBytes;
  }
  left_ -= size;
  return std::exchange(at_, at_ + size);
}

size_t ColumnData::size() const {
  return with_values(*this, [](const auto& values) { return values.size(); });
}

void ColumnData::reserve(size_t rows) {
  with_values(*this, [rows](auto& values) { values.reserve(rows); });
}

void ColumnData::set_null(size_t row) {
  const size_t rows = std::max(size(), row + 1);
  check(row <= size(), "set_null names a row of the column or the next one");
  if (nulls.size() < rows) nulls.resize(rows, 0);
  nulls[row] = 1;
}

void ColumnData::append_null() {
  set_null(size());
  with_values(*this, [](auto& values) { values.emplace_back(); });
}

void ColumnData::append(const Value& value, Arena& arena) {
  if (is_null(value)) return append_null();
  if (has_nulls()) nulls.resize(size() + 1, 0);
  switch (type.form()) {
    case Form::kInt: ints.push_back(std::get<int64_t>(value)); break;
    case Form::kFloat: floats.push_back(std::get<double>(value)); break;
    case Form::kDecimal: decimals.push_back(std::get<Decimal>(value)); break;
    case Form::kBytes: bytes.push_back(arena.add(std::get<std::string>(value))); break;
    case Form::kInterval: intervals.push_back(std::get<Interval>(value)); break;
  }
}

Value ColumnData::value_at(size_t row) const {
  if (null_at(row)) return {};
  switch (type.form()) {
    case Form::kInt: return ints[row];
    case Form::kFloat: return floats[row];
    case Form::kDecimal: return decimals[row];
    case Form::kBytes: return std::string(bytes[row]);
    case Form::kInterval: break;
  }
  return intervals[row];
}

ColumnData ColumnData::gather(std::span<const uint32_t> selection) const {
  ColumnData result(type);
  switch (type.form()) {
    case Form::kInt: gather_into(result.ints, ints, selection); break;
    case Form::kFloat: gather_into(result.floats, floats, selection); break;
    case Form::kDecimal: gather_into(result.decimals, decimals, selection); break;
    case Form::kBytes:
      gather_into(result.bytes, bytes, selection);
      result.buffers = buffers;
      break;
    case Form::kInterval: gather_into(result.intervals, intervals, selection); break;
  }
  if (has_nulls()) {
    gather_into(result.nulls, nulls, selection);
    if (std::ranges::find(result.nulls, 1) == result.nulls.end()) result.nulls.clear();
  }
  return result;
}

void ColumnData::append_column(const ColumnData& other) {
  check(type.form() == other.type.form(), "columns that are joined hold values of one form");
  const size_t before = size();
  const auto extend = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  if (has_nulls() || other.has_nulls()) {
    nulls.resize(before, 0);
    if (other.has_nulls()) {
      extend(nulls, other.nulls);
    }
    nulls.resize(before + other.size(), 0);
  }
  switch (type.form()) {
    case Form::kInt: extend(ints, other.ints); break;
    case Form::kFloat: extend(floats, other.floats); break;
    case Form::kDecimal: extend(decimals, other.decimals); break;
    case Form::kBytes:
      extend(bytes, other.bytes);
      for (const Buffer& buffer : other.buffers) add_buffer(buffers, buffer);
      break;
    case Form::kInterval: extend(intervals, other.intervals); break;
  }
}

Batch Batch::gather(std::span<const uint32_t> selection) const {
  Batch result{type, {}, selection.size()};
  result.columns.reserve(columns.size());
  for (const ColumnPtr& column : columns) {
    result.columns.push_back(std::make_shared<const ColumnData>(column->gather(selection)));
  }
  return result;
}

BatchBuilder::BatchBuilder(RowTypePtr type) : type_(std::move(type)) {
  columns_.reserve(type_->columns.size());
  for (const Column& column : type_->columns) columns_.emplace_back(column.type);
}

void BatchBuilder::append_row(std::span<const Value> values) {
  check(values.size() == columns_.size(), "a row has a value for every column");
  for (size_t i = 0; i < values.size(); ++i) columns_[i].append(values[i], arena_);
  ++rows_;
}

Batch BatchBuilder::finish() {
  Batch result{type_, {}, rows_};
  result.columns.reserve(columns_.size());
  for (ColumnData& column : columns_) {
    check(column.size() == rows_, "every column of a finished batch has a value for every row");
    if (column.has_nulls()) column.nulls.resize(rows_, 0);
    if (column.type.form() == Form::kBytes) add_buffer(column.buffers, arena_.buffer());
    const Type type = column.type;
    result.columns.push_back(std::make_shared<const ColumnData>(std::exchange(column, ColumnData(type))));
  }
  arena_ = Arena();
  rows_ = 0;
  return result;
}

void append_row_json(std::string& out, const Batch& batch, size_t row) {
  out.push_back('{');
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    if (i != 0) out.push_back(',');
    append_json_string(out, batch.type->columns[i].name);
    out.push_back(':');
    append_json(out, *batch.columns[i], row);
  }
  out.push_back('}');
}

}  // namespace headrace
