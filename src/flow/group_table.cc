#include "flow/group_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "flow/key_looks.h"

#define XXH_INLINE_ALL
#include "xxhash.h"

namespace headrace {
namespace {

constexpr size_t kSlotsMin = 1024;
constexpr size_t kGroupsKept = size_t{128} * 1024;  // larger tables are given back after the epoch

// The top bit says that equal words need a look at the values; then seven kinds of short texts by their length; 0x40 on
// top is NULL. Integers have no room for such marks: their NULL is an unlikely word with the look.
constexpr uint64_t kLook = uint64_t{1} << 63;
constexpr uint64_t kNullText = uint64_t{0x40} << 56;
constexpr uint64_t kNullInteger = 0x9e3779b97f4a7c15;
constexpr uint64_t kMultiplier = 0xa0761d6478bd642f;

uint64_t mix(uint64_t left, uint64_t right) {
  const auto product = static_cast<unsigned __int128>(left) * right;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t word_of(std::string_view text) {
  const size_t size = text.size();
  if (size > 7) return XXH3_64bits(text.data(), size) | kLook;
  uint64_t word = 0;
  if (size >= 4) {
    uint32_t first = 0;
    uint32_t last = 0;
    std::memcpy(&first, text.data(), 4);
    std::memcpy(&last, text.data() + size - 4, 4);
    word = first | static_cast<uint64_t>(last) << (8 * (size - 4));
  } else if (size > 0) {
    word = static_cast<uint8_t>(text[0]) |
           static_cast<uint64_t>(static_cast<uint8_t>(text[size / 2])) << (8 * (size / 2)) |
           static_cast<uint64_t>(static_cast<uint8_t>(text[size - 1])) << (8 * (size - 1));
  }
  return word | static_cast<uint64_t>(size) << 56;
}

double normal(double value) {
  return std::isnan(value) ? std::nan("") : value == 0 ? 0 : value;
}

}  // namespace

GroupTable::GroupTable(std::vector<Type> types) : types_(std::move(types)) {
  for (const Type& type : types_) keys_.emplace_back(type);
}

void GroupTable::make_words(const ColumnData& column, size_t rows, size_t at) {
  const size_t stride = types_.size();
  uint64_t* to = words_.data() + at;
  const uint8_t* nulls = column.has_nulls() ? column.nulls.data() : nullptr;
  const auto fill = [&](uint64_t null, auto word) {
    if (!nulls) {
      for (size_t row = 0; row < rows; ++row) to[row * stride] = word(row);
    } else {
      for (size_t row = 0; row < rows; ++row) to[row * stride] = nulls[row] ? null : word(row);
    }
  };
  switch (column.type.form()) {
    case Form::kInt: fill(kNullInteger, [&](size_t row) { return static_cast<uint64_t>(column.ints[row]); }); break;
    case Form::kFloat:
      fill(kNullInteger, [&](size_t row) { return std::bit_cast<uint64_t>(normal(column.floats[row])); });
      break;
    case Form::kBytes:
      if (key_is_faithful(column.type)) {
        fill(kNullText, [&](size_t row) { return word_of(column.bytes[row]); });
        break;
      }
      [[fallthrough]];
    case Form::kDecimal:
    case Form::kInterval:
      fill(kNullText, [&](size_t row) {
        scratch_.clear();
        headrace::append_key(scratch_, column, row);
        return XXH3_64bits(scratch_.data(), scratch_.size()) | kLook;
      });
      break;
  }
}

void GroupTable::assign(const Batch& batch, const std::vector<size_t>& columns, std::vector<uint32_t>& groups) {
  groups.resize(batch.rows);
  if (types_.empty()) {
    std::ranges::fill(groups, 0);
    if (batch.rows > 0) size_ = 1;
    return;
  }
  words_.resize(batch.rows * types_.size());
  for (size_t i = 0; i < columns.size(); ++i) make_words(*batch.columns[columns[i]], batch.rows, i);
  if (slots_.empty()) slots_.resize(kSlotsMin);
  switch (types_.size()) {
    case 1: return probe<1>(batch, columns, groups);
    case 2: return probe<2>(batch, columns, groups);
    default: return probe<0>(batch, columns, groups);
  }
}

// kColumns is the number of columns, or 0 for any.
template <size_t kColumns>
void GroupTable::probe(const Batch& batch, const std::vector<size_t>& columns, std::vector<uint32_t>& groups) {
  const size_t count = kColumns ? kColumns : types_.size();
  // Whether equal words may still be different values. For integers that is so only where there are NULLs.
  bool looks = false;
  for (size_t i = 0; i < count; ++i) {
    const bool is_number = types_[i].form() == Form::kInt || types_[i].form() == Form::kFloat;
    looks |= is_number && (batch.columns[columns[i]]->has_nulls() || keys_[i].has_nulls());
  }
  for (size_t row = 0; row < batch.rows; ++row) {
    const uint64_t* words = words_.data() + row * count;
    uint64_t hash = kMultiplier;
    uint64_t any = 0;
    for (size_t i = 0; i < count; ++i) {
      hash = mix(hash ^ words[i], kMultiplier);
      any |= words[i];
    }
    const bool look = looks || (any & kLook) != 0;
    const uint64_t tag = hash >> 32;
    const size_t mask = slots_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      const uint64_t slot = slots_[at];
      if (slot == 0) {
        slots_[at] = tag << 32 | (size_ + 1);
        groups[row] = static_cast<uint32_t>(size_);
        group_words_.insert(group_words_.end(), words, words + count);
        add_group(batch, columns, row);
        if (2 * size_ > slots_.size()) grow();
        break;
      }
      if (slot >> 32 != tag) continue;
      const size_t group = static_cast<uint32_t>(slot) - 1;
      if (!std::equal(words, words + count, group_words_.data() + group * count)) continue;
      if (look && !is_same(batch, columns, row, group)) continue;
      groups[row] = static_cast<uint32_t>(group);
      break;
    }
  }
}

bool GroupTable::is_same(const Batch& batch, const std::vector<size_t>& columns, size_t row, size_t group) const {
  for (size_t i = 0; i < types_.size(); ++i) {
    const ColumnData& column = *batch.columns[columns[i]];
    const bool is_null = column.null_at(row);
    if (is_null != keys_[i].null_at(group)) return false;
    if (is_null) continue;
    switch (types_[i].form()) {
      case Form::kInt:
      case Form::kFloat: break;  // the words are equal
      case Form::kBytes:
        if (column.bytes[row] == keys_[i].bytes[group]) break;
        if (key_is_faithful(types_[i])) return false;
        if (compare(column.value_at(row), keys_[i].value_at(group), types_[i]) != 0) return false;
        break;
      case Form::kDecimal:
        if (column.decimals[row] != keys_[i].decimals[group]) return false;
        break;
      case Form::kInterval:
        if (compare(column.intervals[row], keys_[i].intervals[group], types_[i]) != 0) return false;
        break;
    }
  }
  return true;
}

void GroupTable::add_group(const Batch& batch, const std::vector<size_t>& columns, size_t row) {
  ++size_;
  for (size_t i = 0; i < types_.size(); ++i) {
    const ColumnData& column = *batch.columns[columns[i]];
    ColumnData& key = keys_[i];
    if (column.null_at(row)) {
      key.append_null();
      continue;
    }
    if (key.has_nulls()) key.nulls.push_back(0);
    switch (types_[i].form()) {
      case Form::kInt: key.ints.push_back(column.ints[row]); break;
      case Form::kFloat: key.floats.push_back(normal(column.floats[row])); break;
      case Form::kDecimal: key.decimals.push_back(column.decimals[row]); break;
      case Form::kInterval: key.intervals.push_back(column.intervals[row]); break;
      case Form::kBytes:
        key.bytes.push_back(arena_.add(column.bytes[row]));
        arena_bytes_ += column.bytes[row].size();
        break;
    }
  }
}

void GroupTable::grow() {
  slots_.assign(slots_.size() * 2, 0);
  const size_t count = types_.size();
  const size_t mask = slots_.size() - 1;
  for (size_t group = 0; group < size_; ++group) {
    uint64_t hash = kMultiplier;
    for (size_t i = 0; i < count; ++i) hash = mix(hash ^ group_words_[group * count + i], kMultiplier);
    size_t at = hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = hash >> 32 << 32 | (group + 1);
  }
}

void GroupTable::append_key(std::string& out, size_t column, size_t group) const {
  headrace::append_key(out, keys_[column], group);
}

void GroupTable::clear() {
  if (size_ > kGroupsKept) {
    slots_ = {};
    group_words_ = {};
  } else {
    std::ranges::fill(slots_, 0);
    group_words_.clear();
  }
  keys_.clear();
  for (const Type& type : types_) keys_.emplace_back(type);
  arena_ = Arena();
  arena_bytes_ = 0;
  size_ = 0;
}

size_t GroupTable::memory_bytes() const {
  size_t bytes = (slots_.capacity() + group_words_.capacity() + words_.capacity()) * sizeof(uint64_t) + arena_bytes_;
  for (const Type& type : types_) bytes += size_ * (type.form() == Form::kInt ? sizeof(int64_t) : sizeof(Decimal));
  return bytes;
}

}  // namespace headrace
